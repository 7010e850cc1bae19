"""Credentials other than a name and a password, and what a checker can be asked.

A checker names those it takes in ``credentialInterfaces``; the SASL mechanism
that makes them is offered for it:

=============================  ==================================================
mechanism                      credentials
=============================  ==================================================
PLAIN, LOGIN                   ``IUsernamePassword``
CRAM-MD5 (and POP3's APOP)     ``IUsernameHashedPassword``
SCRAM-SHA-1, SCRAM-SHA-256     :class:`IScramSHA1`, :class:`IScramSHA256`, and
                               the checker provides :class:`IScramKeySource`
OAUTHBEARER, XOAUTH2           :class:`IBearerToken`
EXTERNAL                       :class:`IClientCertificate`
ANONYMOUS                      ``IAnonymous``
GSSAPI                         :class:`IKerberosName`, and the checker provides
                               :class:`ISecurityContextSource`
none: XCLIENT of SMTP          :class:`IVouchedName`
=============================  ==================================================

``IUsernameHashedPassword`` and ``IAnonymous`` are :mod:`twisted.cred`'s, so its
checkers serve them. A checker that can serve some credentials for some of its
users only provides :class:`ISelectiveChecker` as well.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from zope.interface import Attribute, Interface, implementer

from mailframe.interfaces.auth import IAnonymous, ICredentials
from mailframe.model.scram_keys import ScramKeys
from mailframe.model.secret import Secret


class ISelectiveChecker(Interface):
    """A checker whose users have not all the same kinds of credentials."""

    def serves(interface: Any) -> bool:
        """Tell whether a mechanism that makes these credentials may be offered.

        Many clients try one mechanism only, so that what is offered must work
        for everyone who can log in. Asked at each greeting: answers at once,
        from what is known.

        Args:
            interface: One of ``credentialInterfaces``.
        """


class IScramKeySource(Interface):
    """A checker that has keys of its users for SCRAM."""

    def scram_keys(username: bytes, digest: str) -> Awaitable[ScramKeys]:
        """Return the keys of a user, before it is known who asks.

        Of a user it does not know, or whose keys it has not: keys that fit no
        password, with the iterations and the length of salt of a user, always
        the same for one name, and after the same time. Nobody learns by it who
        is a user.

        Args:
            username: After SASLprep, in UTF-8.
            digest: ``sha1`` or ``sha256``.

        Raises:
            TemporaryFailure: The source cannot be asked now.

        Source: RFC 5802 sections 5.1 and 9.
        """


class IScramProof(ICredentials):
    """The client's end of a SCRAM dialogue.

    The checker gets the user's keys once more and asks ``proven_by``.
    """

    username = Attribute("The login name, after SASLprep, in UTF-8 ``bytes``.")
    digest = Attribute("``sha1`` or ``sha256``.")

    def proven_by(keys: ScramKeys) -> bool:
        """Tell whether whoever sent this knows the password of ``keys``.

        Compares in a time that tells nothing; false for keys of nobody and
        for keys other than those the dialogue was begun with.
        """


class IScramSHA1(IScramProof):
    """A proof by SCRAM-SHA-1 or SCRAM-SHA-1-PLUS."""


class IScramSHA256(IScramProof):
    """A proof by SCRAM-SHA-256 or SCRAM-SHA-256-PLUS."""


@dataclass(frozen=True, slots=True)
class _Proof:
    """A proof as it came.

    Attributes:
        username: The login name.
        auth_message: ``AuthMessage`` of the dialogue.
        proof: ``ClientProof``.
    """

    username: bytes
    auth_message: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    digest: ClassVar[str]

    def proven_by(self, keys: ScramKeys) -> bool:
        """Tell whether whoever sent this knows the password of ``keys``."""
        return keys.digest == self.digest and keys.proves(self.auth_message, self.proof)


@implementer(IScramSHA1)
class ScramSHA1Proof(_Proof):
    """A proof as it came."""

    __slots__ = ()
    digest = "sha1"


@implementer(IScramSHA256)
class ScramSHA256Proof(_Proof):
    """A proof as it came."""

    __slots__ = ()
    digest = "sha256"


class IBearerToken(ICredentials):
    """An OAuth 2.0 access token."""

    token = Attribute("The token, a :class:`Secret`; not yet looked at.")
    username = Attribute(
        """Whom the client wants to be, UTF-8 ``bytes``, or ``None`` for whom the
        token says. The checker must refuse a token that does not allow it."""
    )


@implementer(IBearerToken)
@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token as it came.

    Attributes:
        token: The token.
        username: Whom the client wants to be, or ``None``.
    """

    token: Secret
    username: bytes | None = None


class IClientCertificate(ICredentials):
    """A certificate that the TLS layer has verified."""

    subject = Attribute("Its common name, ``str``.")
    username = Attribute(
        """Whom the client wants to be, UTF-8 ``bytes``, or ``None`` for whom the
        certificate says. The checker must refuse whom it does not allow."""
    )


@implementer(IClientCertificate)
@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A verified certificate.

    Attributes:
        subject: Its common name.
        username: Whom the client wants to be, or ``None``.
    """

    subject: str
    username: bytes | None = None


@implementer(IAnonymous)
@dataclass(frozen=True, slots=True)
class AnonymousLogin:
    """Nobody in particular.

    Attributes:
        trace: What the client says of itself, an address or any word; ``""``
            if nothing. Nothing is to be decided by it.
    """

    trace: str = ""


class ISecurityContext(Interface):
    """The accepting side of one GSS-API dialogue."""

    complete = Attribute("Whether both sides know each other.")
    initiator = Attribute("The client's name as text; empty until ``complete``.")

    def step(token: bytes) -> Awaitable[bytes]:
        """Take a token of the client; return ours, perhaps empty.

        Raises:
            UnauthorizedLogin: The token is not a good one.
        """

    def wrap(message: bytes) -> bytes:
        """Return ``message`` signed, not encrypted.

        Raises:
            UnauthorizedLogin: What was agreed on does not allow it.
        """

    def unwrap(message: bytes) -> bytes:
        """Return what the client wrapped.

        Raises:
            UnauthorizedLogin: It was not the client, or not so.
        """


class ISecurityContextSource(Interface):
    """A checker that accepts GSS-API tokens."""

    def security_context() -> Awaitable[ISecurityContext]:
        """Begin a dialogue.

        Raises:
            TemporaryFailure: There is no key to accept with.
        """


class IKerberosName(ICredentials):
    """A name that a GSS-API dialogue has proven."""

    principal = Attribute("``user@REALM``, ``str``.")
    username = Attribute(
        """Whom the client wants to be, UTF-8 ``bytes``, or ``None`` for whom the
        principal says. The checker must refuse whom it does not allow."""
    )


@implementer(IKerberosName)
@dataclass(frozen=True, slots=True)
class KerberosName:
    """A proven name.

    Attributes:
        principal: ``user@REALM``.
        username: Whom the client wants to be, or ``None``.
    """

    principal: str
    username: bytes | None = None


class IVouchedName(ICredentials):
    """A name that a proxy the operator trusts has let in; nothing proves it here."""

    username = Attribute("The login name, UTF-8 ``bytes``.")


@implementer(IVouchedName)
@dataclass(frozen=True, slots=True)
class VouchedName:
    """A name as the proxy said it.

    Attributes:
        username: The login name.
    """

    username: bytes
