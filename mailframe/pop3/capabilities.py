"""What CAPA says, from what this session can do.

Source: RFC 2449 section 6, RFC 3206 section 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.pop3.extensions import sasl

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def capabilities(session: POP3Server) -> list[bytes]:
    """Return the capability lines that hold now."""
    found = [b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING"]
    if session.may_log_in:
        found.append(b"USER")
    if session.connection.can_start_tls:
        found.append(b"STLS")
    mechanisms = sasl.capability(session)
    if mechanisms is not None:
        found.append(mechanisms)
    found.append(b"IMPLEMENTATION mailframe")
    return found
