"""TOP: a message's header and the first lines of its body.

Source: RFC 1939 section 7, RFC 2449 section 6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.errors import BadSyntax
from mailframe.pop3 import arguments
from mailframe.pop3.command import LATE, Command, Extension, Step, always
from mailframe.pop3.sending import send

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def top(session: POP3Server, argument: bytes) -> Step:
    """Send a message's header and the first lines of its body."""
    words = argument.split()
    if len(words) != 2:
        raise BadSyntax("a message number and a number of lines")
    lines = arguments.number(words[1], "a number of lines")
    index = arguments.index(session, words[0])
    return None if index is None else send(session, index, lines)


EXTENSION = Extension(always(b"TOP"), (Command("TOP", LATE, top),))
