"""UIDBATCHES: where to cut a mailbox into batches of messages.

Capability ``UIDBATCHES``, RFC 10022, after login. However many batches there are,
all are told, unless a range of more than 100,000 messages is asked for. The last
question is answered again when half a batch has come or gone.

Source: RFC 10022 section 3.
"""

from bisect import bisect_right
from dataclasses import dataclass

from mailframe.imap.command import SELECTED, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import nz_number
from mailframe.imap.responses import Refused, Rejected
from mailframe.imap.session import Session
from mailframe.imap.view import View

_SMALLEST = 500
"""Messages of the smallest batch that is told (RFC 10022 section 3.1.3.2)."""

_LARGEST = 100_000
"""Messages of the largest range of batches (RFC 10022 section 3.1.5)."""


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
        Refused: They would be too small or too many, or have been told already.

    Source: RFC 10022 section 3.1.
    """
    view = session.selected
    if asked.size < _SMALLEST:
        raise Refused(b"[TOOFEW] At least %d messages in a batch" % _SMALLEST)
    if asked.last and (asked.last - asked.first + 1) * asked.size > _LARGEST:
        raise Refused(b"[TOOMANY] More than %d messages" % _LARGEST)
    uids = view.uids
    if _known(view, asked):
        raise Refused(b"[LIMIT] The batches are hardly other ones than before")
    # Rows at which batches end, from the last message backwards.
    ends = range(len(uids), 0, -asked.size)[asked.first - 1 : asked.last]
    batches = [
        b"%d:%d"
        % (uids[end - 1], uids[end - asked.size - 1] + 1 if end > asked.size else 1)
        for end in ends
    ]
    told = b" " + b",".join(batches) if batches else b""
    if uids:
        view.batched = asked, len(uids), uids[-1]
    session.put(b'* UIDBATCHES (TAG "%b")%b\r\n' % (session.tag, told))
    return b"UIDBATCHES completed"


def _known(view: View, asked: Batches) -> bool:
    """Return whether the same was asked when nearly the same messages were there.

    Source: RFC 10022 section 3.1.1.
    """
    answered, before, last = view.batched
    kept = bisect_right(view.uids, last)
    changed = max(before - kept, len(view.uids) - kept)
    return answered == asked and changed * 2 < asked.size


EXTENSION = Extension(
    b"UIDBATCHES", (Command(b"UIDBATCHES", SELECTED, run, parse, by_uid=True),)
)
