"""ENABLE: a client says which extensions it understands.

Capability ``ENABLE``, RFC 5161. What is not known, or cannot be enabled, is
passed over in silence.

Source: RFC 5161 section 3.
"""

from mailframe.imap.command import LOGGED_IN, Command, Extension, always
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import atom
from mailframe.imap.session import Session


def parse(cursor: Cursor) -> list[bytes]:
    """``enable = "ENABLE" 1*(SP capability)``  (RFC 5161 section 4)."""
    asked = []
    while True:
        cursor.space()
        asked.append(atom(cursor).upper())
        if not cursor.rest():
            return asked


def run(session: Session, asked: list[bytes]) -> bytes:
    """Switch on what can be, and tell what was not on before."""
    able = {
        one.name: one.capability
        for one in session.extensions
        if one.can_be_enabled and one.announced(session)
    }
    new = [
        name
        for name in dict.fromkeys(one.decode("ascii") for one in asked)
        if name in able and name not in session.enabled
    ]
    session.put(b"* ENABLED%b\r\n" % b"".join(b" " + able[name] for name in new))
    for name in new:
        session.enable(name)
    return b"ENABLE completed"


EXTENSION = Extension(
    b"ENABLE", (Command(b"ENABLE", LOGGED_IN, run, parse),), announced=always
)
