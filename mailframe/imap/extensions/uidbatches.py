"""UIDBATCHES: where to cut a mailbox into batches of messages.

Capability ``UIDBATCHES``, RFC 10022, after login. However many batches there are,
all are told.

Source: RFC 10022 section 3.
"""

from dataclasses import dataclass

from mailframe.imap.command import SELECTED, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import nz_number
from mailframe.imap.responses import Refused, Rejected
from mailframe.imap.session import Session

_SMALLEST = 500
"""Messages of the smallest batch that is told (RFC 10022 section 3.1.2)."""


@dataclass(frozen=True, slots=True)
class Batches:
    """The arguments of UIDBATCHES.

    Attributes:
        size: Messages in each batch.
        first: The first batch asked for; 1 has the highest UIDs.
        last: The last one; ``None`` for all.
    """

    size: int
    first: int = 1
    last: int | None = None


def parse(cursor: Cursor) -> Batches:
    """Read ``SP nz-number [SP nz-number ":" nz-number]``.

    Raises:
        BadSyntax: It is not that.

    Source: RFC 10022 section 4.
    """
    cursor.space()
    size = nz_number(cursor)
    if not cursor.rest():
        return Batches(size)
    cursor.space()
    first = nz_number(cursor)
    cursor.expect(b":")
    last = nz_number(cursor)
    cursor.end()
    if last < first:
        raise Rejected(b"[CLIENTBUG] expected a range of batches that ascends")
    return Batches(size, first, last)


def run(session: Session, asked: Batches) -> bytes:
    """Tell the batches, those with the highest UIDs first.

    Together all of them leave no UID out, down to 1.

    Raises:
        Refused: They would be too small, or larger than a command may work on.

    Source: RFC 10022 section 3.1.
    """
    view = session.selected
    if asked.size < _SMALLEST:
        raise Refused(b"[TOOFEW] At least %d messages in a batch" % _SMALLEST)
    if view.limit and asked.size > view.limit:
        raise Refused(b"[MESSAGELIMIT %d] The batches are too large" % view.limit)
    uids = view.uids
    # Rows at which batches end, from the last message backwards.
    ends = range(len(uids), 0, -asked.size)[asked.first - 1 : asked.last]
    batches = [
        b"%d:%d"
        % (uids[end - 1], uids[end - asked.size - 1] + 1 if end > asked.size else 1)
        for end in ends
    ]
    told = b" " + b",".join(batches) if batches else b""
    session.put(b'* UIDBATCHES (TAG "%b")%b\r\n' % (session.tag, told))
    return b"UIDBATCHES completed"


EXTENSION = Extension(
    b"UIDBATCHES", (Command(b"UIDBATCHES", SELECTED, run, parse, by_uid=True),)
)
