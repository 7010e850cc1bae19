"""UIDPLUS: UID EXPUNGE, and the UIDs of what was appended or copied.

Capability ``UIDPLUS``, RFC 4315, after login. APPENDUID and COPYUID are made by
the commands themselves.

Source: RFC 4315 section 2.
"""

from mailframe.imap.command import SELECTED, Command, Extension
from mailframe.imap.commands.selected import run_expunge, writable
from mailframe.imap.cursor import Cursor
from mailframe.imap.sequence import SequenceSet, sequence_set
from mailframe.imap.session import Session
from mailframe.model.flag import DELETED


def parse(cursor: Cursor) -> SequenceSet:
    """``uid-expunge = "UID" SP "EXPUNGE" SP sequence-set``  (RFC 4315 section 4)."""
    cursor.space()
    messages = sequence_set(cursor)
    cursor.end()
    return messages


async def run(session: Session, messages: SequenceSet) -> bytes:
    """Remove those of the messages that have ``\\Deleted``.

    Source: RFC 4315 section 2.1.
    """
    view = writable(session)
    uids = view.chosen(messages, by_uid=True)
    if view.limit:
        await view.refresh()
        uids = view.bounded(view.having(DELETED, uids))
    await run_expunge(view, uids)
    return b"UID EXPUNGE completed"


EXTENSION = Extension(
    b"UIDPLUS", (Command(b"UID EXPUNGE", SELECTED, run, parse, by_uid=True),)
)
