"""One column of the messages that are there: LIST and UIDL.

Source: RFC 1939 sections 5 and 7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mailframe.pop3 import arguments
from mailframe.pop3.command import Step

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def present(session: POP3Server) -> list[tuple[int, Any]]:
    """Return index and message of all that are not deleted."""
    deleted = session.deleted
    return [pair for pair in enumerate(session.messages) if pair[0] not in deleted]


def listing(
    session: POP3Server, argument: bytes, column: Callable[[Any], bytes]
) -> Step:
    """Tell ``column`` of the message that ``argument`` names, or of all."""
    if argument.strip():
        index = arguments.index(session, argument.strip())
        if index is not None:
            one = session.messages[index]
            session.put(b"+OK %d %b\r\n" % (index + 1, column(one)))
        return None
    lines = [b"%d %b\r\n" % (index + 1, column(one)) for index, one in present(session)]
    session.put(b"+OK %d messages\r\n%b.\r\n" % (len(lines), b"".join(lines)))
    return None
