"""UTF8: messages with UTF-8 in their headers, as they are.

Without it such a header is sent in a form any client can read
(:mod:`mailframe.mime.surrogate`). Names and passwords may be UTF-8 in any case,
which the argument USER says.

Source: RFC 6856 section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.pop3 import arguments
from mailframe.pop3.command import EARLY, Command, Extension, Step, always

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def utf8(session: POP3Server, argument: bytes) -> Step:
    """Switch to UTF-8."""
    arguments.nothing(argument)
    session.utf8 = True
    session.put(b"+OK\r\n")
    return None


EXTENSION = Extension(always(b"UTF8 USER"), (Command("UTF8", EARLY, utf8),))
