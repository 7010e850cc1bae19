"""APPEND: messages arrive while they are stored.

What it does is in :mod:`mailframe.imap.appending`.

Source: RFC 9051 section 6.3.12, RFC 3501 section 6.3.11.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from mailframe.imap.appending import Appending
from mailframe.imap.command import LOGGED_IN, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.session import Session


def unread(cursor: Cursor) -> Cursor:
    """Leave the arguments to what carries the command out."""
    return cursor


def without_literal(
    make: Callable[[Session], Appending], session: Session, cursor: Cursor
) -> Coroutine[Any, Any, bytes]:
    """Carry out a command in which no message came as a literal.

    Raises:
        BadSyntax: Nor is there one of another kind (RFC 4469).
    """
    appending = make(session)
    if not appending.arguments(cursor):
        cursor.fail("a mailbox")
    return appending.finish(cursor)


COMMANDS = (
    Command(
        b"APPEND",
        LOGGED_IN,
        partial(without_literal, Appending),
        unread,
        appending=Appending,
    ),
)
