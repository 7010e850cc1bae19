"""The arguments that commands share.

Source: RFC 1939 section 3, RFC 2449 section 4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailframe.errors import BadSyntax

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server

_NUMBER = re.compile(rb"0*([0-9]{1,10})")


def number(text: bytes, wanted: str) -> int:
    """Return a number.

    Raises:
        BadSyntax: It is none, or beyond ten digits; ``wanted`` is expected.
    """
    if len(text) <= 10 and text.isdigit():
        # As nearly always.
        return int(text)
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise BadSyntax(wanted)
    return int(found[1])


def index(session: POP3Server, text: bytes) -> int | None:
    """Return the index of the message a client names, or refuse and give None.

    Raises:
        BadSyntax: It is no number.
    """
    found = number(text, "a message number")
    if not 1 <= found <= len(session.messages):
        session.put(b"-ERR there are %d messages\r\n" % len(session.messages))
    elif found - 1 in session.deleted:
        session.put(b"-ERR message %d is deleted\r\n" % found)
    else:
        return found - 1
    return None


def nothing(argument: bytes) -> None:
    """Do nothing if there is no argument.

    Raises:
        BadSyntax: There is one.
    """
    if argument.strip():
        raise BadSyntax("no argument")
