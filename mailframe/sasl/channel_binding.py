"""Which TLS session a login came by, as SCRAM's ``-PLUS`` mechanisms ask it.

Source: RFC 5056, RFC 5802 section 6, RFC 9266 section 3.
"""

from mailframe.interfaces.connection import IConnection

KINDS = ("tls-exporter", "tls-unique", "tls-server-end-point")
"""Every kind there is here, best first."""


def bound_kind(connection: IConnection) -> str | None:
    """Return the best kind that this connection has, or ``None``."""
    if connection.tls is None:
        return None
    for kind in KINDS:
        if connection.channel_binding(kind) is not None:
            return kind
    return None
