"""Which mechanisms there are, and which of them may be offered now.

Source: RFC 4422 section 3.3, RFC 4954 section 4, RFC 9051 section 6.2.2.
"""

from typing import Any

from mailframe.interfaces.auth import ILoginPortal, UnauthorizedLogin
from mailframe.interfaces.connection import IConnection
from mailframe.interfaces.credentials import ISelectiveChecker
from mailframe.sasl.anonymous import Anonymous
from mailframe.sasl.cram_md5 import CramMD5
from mailframe.sasl.external import External
from mailframe.sasl.gssapi import GSSAPI
from mailframe.sasl.login import Login
from mailframe.sasl.mechanism import Mechanism
from mailframe.sasl.oauthbearer import OAuthBearer
from mailframe.sasl.plain import Plain
from mailframe.sasl.scram_sha_1 import ScramSHA1, ScramSHA1Plus
from mailframe.sasl.scram_sha_256 import ScramSHA256, ScramSHA256Plus
from mailframe.sasl.xoauth2 import XOAuth2

MECHANISMS: tuple[type[Mechanism], ...] = (
    External,
    GSSAPI,
    ScramSHA256Plus,
    ScramSHA1Plus,
    ScramSHA256,
    ScramSHA1,
    OAuthBearer,
    XOAuth2,
    Plain,
    Login,
    CramMD5,
    Anonymous,
)
"""Every mechanism, in the order they are announced: what shows least and proves
most first."""


def served(portal: ILoginPortal) -> tuple[str, ...]:
    """Return the names of the mechanisms some checker can serve.

    A name in here that is not :func:`offered` needs TLS first.
    """
    return tuple(one.name for one in MECHANISMS if _serving(portal, one))


def offered(portal: ILoginPortal, connection: IConnection) -> tuple[str, ...]:
    """Return the names to announce and to take now.

    Ask again after TLS has started.

    Args:
        portal: Who will judge the credentials.
        connection: What carries them; a mechanism that sends the secret itself
            needs TLS or a trusted connection.

    Returns:
        Names in upper case, best first; empty when nobody can log in.
    """
    return tuple(
        one.name
        for one in MECHANISMS
        if _serving(portal, one) and one.usable(connection)
    )


def source_for(portal: ILoginPortal, mechanism: type[Mechanism]) -> Any:
    """Return the checker that a mechanism's questions are for.

    Raises:
        UnauthorizedLogin: There is none any more.
    """
    for checker in _serving(portal, mechanism):
        return checker
    raise UnauthorizedLogin("no checker serves this mechanism")


def can_check(portal: ILoginPortal, wanted: Any) -> bool:
    """Tell whether some checker can serve credentials of an interface."""
    return bool(_checkers(portal, wanted, None))


def _serving(portal: ILoginPortal, mechanism: type[Mechanism]) -> list[Any]:
    """Return the checkers that can serve a mechanism."""
    return _checkers(
        portal, mechanism.credentials_interface, mechanism.source_interface
    )


def _checkers(portal: ILoginPortal, wanted: Any, source: Any) -> list[Any]:
    """Return the checkers for credentials that provide ``source`` besides."""
    # Twisted's Portal names its checkers; another need not, and then serves
    # what asks a checker nothing before the login.
    checkers = getattr(portal, "checkers", {})
    found = []
    for base in portal.listCredentialsInterfaces():
        # As Portal.login chooses: a checker for a base interface serves what
        # extends it.
        if wanted.isOrExtends(base):
            checker = checkers.get(base)
            if (source is None or source.providedBy(checker)) and (
                not ISelectiveChecker.providedBy(checker) or checker.serves(wanted)
            ):
                found.append(checker)
    return found
