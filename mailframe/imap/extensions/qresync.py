"""QRESYNC: a client that was away learns in one command what it has missed.

Capability ``QRESYNC``, RFC 7162, after login. Switched on by ENABLE, CONDSTORE
with it; then VANISHED stands for EXPUNGE (``view.py``).

Source: RFC 7162 section 3.2.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from mailframe.errors import BadSyntax
from mailframe.imap.command import Extension
from mailframe.imap.commands.select import SELECT_PARAMETERS, SelectParameter
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import FETCH_MODIFIERS, FetchRequest, Modifier
from mailframe.imap.grammar import mod_sequence, nz_number
from mailframe.imap.sequence import SequenceSet, sequence_set
from mailframe.imap.session import Session
from mailframe.imap.view import View
from mailframe.model.uid_set import UIDSet

_NAME = "QRESYNC"
_CHANGED_SINCE = b"CHANGEDSINCE"

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What a client says it knows of a mailbox.

    Attributes:
        uid_validity: Of the mailbox as it was.
        modseq: Its HIGHESTMODSEQ.
        uids: Which messages it has; ``None`` for all there ever were.
        sample: Ranges of message numbers and the UIDs they had, as long as
            each other.

    Source: RFC 7162 section 3.2.5.
    """

    uid_validity: int
    modseq: int
    uids: UIDSet | None
    sample: tuple[tuple[int, int, int], ...]

    def certain(self, uids: Sequence[int]) -> int:
        """Return the highest UID up to which the client knows of all expunges.

        Where a message still has the number that the client knows, none of
        those before it has vanished since.

        Args:
            uids: The UIDs of the mailbox, ascending.

        Returns:
            0 if that cannot be said of any.

        Source: RFC 7162 section 3.2.5.2.
        """
        for number, uid, count in reversed(self.sample):
            # UIDs grow at least as fast as numbers: the last that is not
            # above what the client knows is the last that can be the same.
            places = range(min(count, len(uids) - number + 1))
            at = bisect_right(
                places,
                0,
                key=lambda place: uids[number - 1 + place] - uid - place,
            )
            if at and uids[number - 2 + at] == uid + at - 1:
                return uid + at - 1
        return 0


def _known(cursor: Cursor) -> Known:
    """Read the argument of QRESYNC.

    ``"QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids]
    [SP "(" known-sequence-set SP known-uid-set ")"] ")"``

    Source: RFC 7162 section 7.
    """
    cursor.space()
    cursor.expect(b"(")
    uid_validity = nz_number(cursor)
    cursor.space()
    modseq = mod_sequence(cursor)
    uids = None
    sample: tuple[tuple[int, int, int], ...] = ()
    more = cursor.accept(b" ")
    if more and cursor.peek() != b"(":
        uids = UIDSet(_ranges(cursor))
        more = cursor.accept(b" ")
    if more:
        cursor.expect(b"(")
        numbers = _ascending(cursor)
        cursor.space()
        sample = _paired(cursor, numbers, _ascending(cursor))
        cursor.expect(b")")
    cursor.expect(b")")
    return Known(uid_validity, modseq, uids, sample)


def _ranges(cursor: Cursor) -> Ranges:
    """Read a sequence-set without ``*``."""
    start = cursor.position
    messages = sequence_set(cursor)
    found = [(a, b) for a, b in messages.ranges if a is not None and b is not None]
    if not found or len(found) < len(messages.ranges):
        raise BadSyntax("a set of numbers without *", start)
    return tuple((min(pair), max(pair)) for pair in found)


def _ascending(cursor: Cursor) -> Ranges:
    """Read a sequence-set without ``*`` in ascending order."""
    start = cursor.position
    ranges = _ranges(cursor)
    if any(a[1] >= b[0] for a, b in pairwise(ranges)):
        raise BadSyntax("a set of numbers in ascending order", start)
    return ranges


def _paired(
    cursor: Cursor, numbers: Ranges, uids: Ranges
) -> tuple[tuple[int, int, int], ...]:
    """Return first number, first UID and how many of each, without counting them up."""
    found = []
    waiting = list(reversed(uids))
    for low, high in numbers:
        number = low
        while number <= high and waiting:
            uid, last = waiting.pop()
            count = min(high - number, last - uid) + 1
            found.append((number, uid, count))
            number += count
            if uid + count <= last:
                waiting.append((uid + count, last))
        if number <= high:
            cursor.fail("as many UIDs as message numbers")
    if waiting:
        cursor.fail("as many message numbers as UIDs")
    return tuple(found)


def _needs_enable(session: Session) -> None:
    """Refuse without ENABLE QRESYNC.  Source: RFC 7162 section 3.2.3."""
    if _NAME not in session.enabled:
        raise BadSyntax("ENABLE QRESYNC before this")


async def _tell_missed(view: View, known: Known) -> None:
    """Tell which messages are gone, and which have changed.

    Source: RFC 7162 section 3.2.5.1.
    """
    if known.uid_validity != view.mailbox.uid_validity:
        return
    listing = view.listing
    uids = known.uids
    if uids is None:
        uids = UIDSet([(1, listing.uid_next - 1)] if listing.uid_next > 1 else [])
    changes = await view.mailbox.changes(known.modseq)
    certain = known.certain(listing.uids)
    beyond = UIDSet([(certain + 1, listing.uid_next)])
    _tell_earlier(view, changes.vanished & uids & beyond)
    view.own_changes((changes.changed | changes.new) & uids)


def _tell_earlier(view: View, uids: UIDSet) -> None:
    """Tell of messages that are gone and of which the client was not told here.

    Those it was told of lose their number with a VANISHED of the other kind.

    Source: RFC 7162 section 3.2.10.
    """
    earlier = uids - UIDSet.of(view.uids)
    if earlier:
        view.put(b"* VANISHED (EARLIER) %b\r\n" % str(earlier).encode())


@dataclass(frozen=True, slots=True)
class Vanished(Modifier):
    """UID FETCH tells also which messages are gone.

    Source: RFC 7162 section 3.2.6.
    """

    uid_only: ClassVar[bool] = True

    def check(self, names: Collection[bytes]) -> None:
        """Check that it is said since when."""
        if _CHANGED_SINCE not in names:
            raise BadSyntax("CHANGEDSINCE beside VANISHED")

    async def begin(
        self, session: Session, messages: SequenceSet, request: FetchRequest
    ) -> None:
        """Tell of them before any FETCH response."""
        _needs_enable(session)
        view = session.selected
        since = dict(request.modifiers)[_CHANGED_SINCE].since
        changes = await view.mailbox.changes(since)
        if messages.saved:
            asked = view.chosen(messages, by_uid=True)
        else:
            # What vanished may lie beyond the last message.
            last = max(view.listing.uid_next - 1, 1)
            asked = messages.to_uids([last], by_uid=True)
        _tell_earlier(view, changes.vanished & asked)


SELECT_PARAMETERS[b"QRESYNC"] = SelectParameter(
    _known, check=_needs_enable, tell=_tell_missed
)
FETCH_MODIFIERS[b"VANISHED"] = lambda cursor: Vanished()

EXTENSION = Extension(b"QRESYNC", can_be_enabled=True, implies=("CONDSTORE",))
