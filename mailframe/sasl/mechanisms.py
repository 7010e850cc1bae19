"""Which mechanisms there are, and which of them may be offered now.

Source: RFC 4422 section 3.3, RFC 4954 section 4, RFC 9051 section 6.2.2.
"""

from mailframe.interfaces.auth import ILoginPortal
from mailframe.interfaces.connection import IConnection
from mailframe.sasl.login import Login
from mailframe.sasl.mechanism import Mechanism
from mailframe.sasl.plain import Plain

MECHANISMS: tuple[type[Mechanism], ...] = (Plain, Login)
"""Every mechanism, in the order they are announced."""


def served(portal: ILoginPortal) -> tuple[str, ...]:
    """Return the names of the mechanisms some checker can serve.

    A name in here that is not :func:`offered` needs TLS first.
    """
    # As Portal.login chooses: a checker for a base interface serves what
    # extends it.
    interfaces = portal.listCredentialsInterfaces()
    return tuple(
        one.name
        for one in MECHANISMS
        if any(one.credentials_interface.isOrExtends(base) for base in interfaces)
    )


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
    safe = bool(connection.tls or connection.trusted)
    able = served(portal)
    return tuple(
        one.name
        for one in MECHANISMS
        if one.name in able and (safe or not one.plaintext)
    )
