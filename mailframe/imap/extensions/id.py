"""ID: client and server tell each other what they are.

Capability ``ID``, RFC 2971, in every state. We tell our name only; what the
client tells is not kept.

Source: RFC 2971 section 3.
"""

from mailframe.errors import TooLarge
from mailframe.imap.command import ANY, Command, Extension, always
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import nstring, string
from mailframe.imap.session import Session

_FIELDS_MAX = 30
_FIELD_OCTETS = 30
_VALUE_OCTETS = 1024


def parse(cursor: Cursor) -> None:
    """Read ``SP (nil / "(" [string SP nstring *(SP string SP nstring)] ")")``.

    Raises:
        BadSyntax: It is not that.
        TooLarge: More or longer fields than the RFC allows.

    Source: RFC 2971 sections 3.3 and 4.
    """
    cursor.space()
    if not cursor.accept(b"NIL"):
        cursor.expect(b"(", "NIL or a list in parentheses")
        fields = 0
        while not cursor.accept(b")"):
            if fields:
                cursor.space()
            fields += 1
            name = string(cursor)
            cursor.space()
            value = nstring(cursor) or b""
            if (
                fields > _FIELDS_MAX
                or len(name) > _FIELD_OCTETS
                or len(value) > _VALUE_OCTETS
            ):
                raise TooLarge("fewer and shorter fields", cursor.position)
    cursor.end()


def run(session: Session, _: None) -> bytes:
    """Tell our name."""
    session.put(b'* ID ("name" "mailframe")\r\n')
    return b"ID completed"


EXTENSION = Extension(b"ID", (Command(b"ID", ANY, run, parse),), announced=always)
