"""APPEND: messages arrive while they are stored.

What it does is in :mod:`mailframe.imap.appending`.

Source: RFC 9051 section 6.3.12, RFC 3501 section 6.3.11.
"""

from typing import Any, NoReturn

from mailframe.errors import BadSyntax
from mailframe.imap.appending import Appending
from mailframe.imap.command import LOGGED_IN, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.session import Session


def without_message(cursor: Cursor) -> NoReturn:
    """Refuse a command that came without a message.

    With one, the server makes an Appending instead.
    """
    raise BadSyntax("a message as a literal", len(cursor.octets))


def never_run(session: Session, arguments: Any) -> bytes:
    """Stand in for a command that is carried out by its Appending."""
    raise AssertionError("a command without a message was parsed")


COMMANDS = (
    Command(b"APPEND", LOGGED_IN, never_run, without_message, appending=Appending),
)
