"""APOP: a digest of the greeting and the password; for old clients.

It has no line in CAPA: the greeting says it, by the timestamp it has. The checker
needs the password itself, whoever reads the exchange can try passwords on it
fast, and MD5 is weak: only where the operator wants it, and everybody's password
is kept as it is.

Source: RFC 1939 section 7, RFC 6856 section 2.2.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zope.interface import implementer

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import IUsernameHashedPassword, UnauthorizedLogin
from mailframe.model.saslprep import saslprep
from mailframe.pop3.command import EARLY, Command, Extension, Step
from mailframe.sasl.mechanisms import can_check
from mailframe.sasl.password import check_name

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server

# name, space, and 16 octets in hexadecimal; the name may have spaces.
_ARGUMENT = re.compile(rb"(.+) ([0-9a-f]{32})", re.DOTALL)

_NONCE_OCTETS = 16


@implementer(IUsernameHashedPassword)
@dataclass(frozen=True, slots=True)
class APOPDigest:
    """What APOP proves a password by.

    Attributes:
        username: The login name in UTF-8.
        timestamp: What the greeting had, with its angle brackets.
        digest: MD5 of that and the password, in lower-case hexadecimal.
    """

    username: bytes
    timestamp: bytes
    digest: bytes = field(repr=False)

    def checkPassword(self, password: bytes) -> bool:
        """Tell whether the digest was made with ``password``."""
        right = self._is_made_with(password)
        try:
            prepared = saslprep(password.decode("utf-8"), stored=True).encode()
        except ValueError:
            return right
        return self._is_made_with(prepared) or right

    def _is_made_with(self, password: bytes) -> bool:
        made = hashlib.md5(self.timestamp + password, usedforsecurity=False)
        return hmac.compare_digest(made.hexdigest().encode(), self.digest)


def timestamp(session: POP3Server) -> bytes | None:
    """Return what the greeting has, new each time; ``None`` without APOP."""
    if not session.options.apop:
        return None
    if not can_check(session.portal, IUsernameHashedPassword):
        return None
    nonce = binascii.hexlify(session.connection.nonce(_NONCE_OCTETS))
    return b"<%b@%b>" % (nonce, session.hostname)


def apop(session: POP3Server, argument: bytes) -> Step:
    """Log in with a digest."""
    if session.timestamp is None:
        raise BadSyntax("a command this server has")
    found = _ARGUMENT.fullmatch(argument)
    if found is None:
        raise BadSyntax("a name and 32 hexadecimal digits")
    name, digest = found.groups()
    try:
        check_name(name)
    except UnauthorizedLogin:
        session.count_failed_login()
        return None
    return session.log_in(APOPDigest(name, session.timestamp, digest))


EXTENSION = Extension(lambda session: None, (Command("APOP", EARLY, apop),))
