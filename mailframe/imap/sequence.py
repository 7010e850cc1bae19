"""Sets of messages as a client writes them: ``1:3,7,*``.

Source: RFC 9051 section 9 (sequence-set).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mailframe.errors import BadSyntax
from mailframe.imap.cursor import Cursor
from mailframe.model.uid_set import UID_MAX, UIDSet

# seq-number   = nz-number / "*"
# sequence-set = (seq-number / seq-range) ["," sequence-set]   ; RFC 9051 section 9
_NUMBER = rb"(?:[1-9][0-9]{0,9}|\*)"
_RANGE = rb"%b(?::%b)?" % (_NUMBER, _NUMBER)
_SET = re.compile(rb"%b(?:,%b)*" % (_RANGE, _RANGE))
_ONE = re.compile(rb"([0-9]+|\*)(?::([0-9]+|\*))?")
_CACHED_OCTETS = 200


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A sequence-set as it was written; what ``*`` means is not known yet.

    Commands ask their view for the messages meant
    (:meth:`mailframe.imap.view.View.chosen`), which also knows what ``$`` is.

    Attributes:
        ranges: Pairs of ends, both included, in the order written and maybe
            backwards; ``None`` stands for ``*``.
        saved: Whether it is ``$``, the search result variable; then there are
            no ranges.
    """

    ranges: tuple[tuple[int | None, int | None], ...]
    saved: bool = False

    def to_uids(self, uids: Sequence[int], by_uid: bool) -> UIDSet:
        """Return the messages meant, in a mailbox as the session sees it.

        Args:
            uids: The session's view: the UID at index *i* is message *i* + 1.
            by_uid: Whether the numbers are UIDs rather than message sequence
                numbers.

        Returns:
            UIDs, none above the last of the view; with ``by_uid`` some that
            name no message may be among them.

        Raises:
            BadSyntax: A message sequence number beyond the last message.

        Source: RFC 9051 section 9 (seq-number, seq-range).
        """
        if self.saved:
            raise TypeError("only a view knows what $ is")
        count = len(uids)
        if by_uid:
            if not count:
                return UIDSet.EMPTY
            last = uids[-1]
            pairs = (
                _ordered(last if a is None else a, last if b is None else b)
                for a, b in self.ranges
            )
            # Cut at the last message: of later ones this session was not told.
            return UIDSet((low, min(high, last)) for low, high in pairs if low <= last)
        found = []
        for a, b in self.ranges:
            low, high = _ordered(count if a is None else a, count if b is None else b)
            if high > count or not count:
                raise BadSyntax("a message number of this mailbox")
            found.append((low, high))
        return _rows_to_uids(found, uids)

    def numbers(self, count: int) -> Iterator[tuple[int, int]]:
        """Yield ranges of message numbers, those beyond the mailbox left out.

        Args:
            count: How many messages the mailbox has.

        Source: RFC 7377 section 2.
        """
        for a, b in self.ranges:
            low, high = _ordered(count if a is None else a, count if b is None else b)
            if low <= count:
                yield max(low, 1), min(high, count)


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a <= b else (b, a)


def _rows_to_uids(rows: list[tuple[int, int]], uids: Sequence[int]) -> UIDSet:
    """Return the UIDs of ranges of message numbers that all exist."""
    if len(rows) == 1:
        low, high = rows[0]
        first, last = uids[low - 1], uids[high - 1]
        if last - first == high - low:
            return UIDSet(((first, last),))
        return UIDSet.of(uids[low - 1 : high])
    numbers = UIDSet(rows)
    return UIDSet.of(
        uid for low, high in numbers.ranges for uid in uids[low - 1 : high]
    )


SAVED = SequenceSet((), saved=True)
"""``$``: what the last SEARCH with SAVE has found (RFC 5182 section 2.1)."""


def sequence_set(cursor: Cursor) -> SequenceSet:
    """Read a ``sequence-set``.

    Raises:
        BadSyntax: There is none here, or a number is above 2**32 - 1.

    Source: RFC 9051 section 9 (sequence-set, seq-last-command).
    """
    if cursor.accept(b"$"):
        return SAVED
    start = cursor.position
    found = cursor.match(_SET)
    if found is None:
        cursor.fail("a set of message numbers")
    octets = found[0]
    made = _cached(octets) if len(octets) <= _CACHED_OCTETS else _parsed(octets)
    if made is None:
        raise BadSyntax("a number below 4294967296", start)
    return made


def _parsed(octets: bytes) -> SequenceSet | None:
    ranges = []
    for a, b in _ONE.findall(octets):
        low = None if a == b"*" else int(a)
        high = low if not b else None if b == b"*" else int(b)
        if (low or 0) > UID_MAX or (high or 0) > UID_MAX:
            return None
        ranges.append((low, high))
    return SequenceSet(tuple(ranges))


_cached = lru_cache(maxsize=1024)(_parsed)


def set_in_order(numbers: Iterable[int]) -> bytes:
    """Return UIDs or message numbers as a ``sequence-set`` that keeps their order.

    A range always ascends.

    Args:
        numbers: At least one.

    Source: RFC 5267 section 3.2, RFC 4315 section 4 (uid-set).
    """
    found: list[bytes] = []
    first = last = 0
    for number in numbers:
        if number == last + 1 and last:
            last = number
            continue
        if last:
            found.append(b"%d" % first if first == last else b"%d:%d" % (first, last))
        first = last = number
    found.append(b"%d" % first if first == last else b"%d:%d" % (first, last))
    return b",".join(found)
