"""LIST-METADATA: LIST with the notes on each mailbox.

Capability ``LIST-METADATA``, RFC 9590, after login, when the account keeps notes
(``IAnnotatedAccount``).

Source: RFC 9590 section 3.
"""

from mailframe.errors import NoSuchMailbox, NotPermitted, TemporaryFailure
from mailframe.imap.annotation import (
    entries,
    keeps_annotations,
    metadata_response,
    notes_on,
)
from mailframe.imap.command import Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.list_options import RETURN_OPTIONS, Entry, ReturnOption
from mailframe.imap.session import Session


def _parse(cursor: Cursor) -> tuple[str, ...]:
    """Read ``SP entries``, in parentheses."""
    cursor.space()
    if cursor.peek() != b"(":
        cursor.fail("entries in parentheses")
    return entries(cursor)


async def _metadata(session: Session, entry: Entry, asked: tuple[str, ...]) -> bytes:
    """Return the METADATA response of a mailbox, or nothing."""
    if not entry.selected or entry.info is None:
        return b""
    try:
        notes = await notes_on(session, entry.info)
    except (NoSuchMailbox, NotPermitted, TemporaryFailure):
        return b""
    return metadata_response(session, entry.info.name, notes, asked)


RETURN_OPTIONS[b"METADATA"] = ReturnOption(parse=_parse, more=_metadata)

EXTENSION = Extension(b"LIST-METADATA", announced=keeps_annotations)
