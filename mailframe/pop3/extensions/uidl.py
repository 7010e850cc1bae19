"""UIDL: a name for each message that it keeps for ever.

Source: RFC 1939 section 7, RFC 2449 section 6.8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.pop3.command import LATE, Command, Extension, Step, always
from mailframe.pop3.listing import listing

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def uidl(session: POP3Server, argument: bytes) -> Step:
    """List unique IDs."""
    return listing(session, argument, lambda one: one.unique_id.encode("ascii"))


EXTENSION = Extension(always(b"UIDL"), (Command("UIDL", LATE, uidl),))
