"""UNSELECT: leave a mailbox without expunging it.

Capability ``UNSELECT``, RFC 3691, after login.

Source: RFC 3691 section 2.
"""

from mailframe.imap.command import SELECTED, Command, Extension
from mailframe.imap.session import Session


def run(session: Session, _: None) -> bytes:
    """Leave the mailbox."""
    session.deselect()
    return b"UNSELECT completed"


EXTENSION = Extension(b"UNSELECT", (Command(b"UNSELECT", SELECTED, run),))
