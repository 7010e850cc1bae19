"""Sets of UIDs, kept as ranges.

Source: RFC 9051 section 2.3.1.1 (UIDs), section 9 (sequence-set).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

UID_MAX = 2**32 - 1


class UIDSet:
    """An immutable set of UIDs: ascending, disjoint, non-adjacent ranges.

    ``1:*`` over a hundred thousand messages is one range, so a store can
    answer with one statement instead of a hundred thousand parameters.
    """

    __slots__ = ("_count", "ranges")

    EMPTY: ClassVar["UIDSet"]

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        """Hold the union of ``ranges``.

        Args:
            ranges: Pairs ``(first, last)``, both ends included, in any order;
                a pair may be given backwards, and pairs may overlap.
        """
        merged: list[tuple[int, int]] = []
        for low, high in sorted((min(pair), max(pair)) for pair in ranges):
            if merged and low <= merged[-1][1] + 1:
                if high > merged[-1][1]:
                    merged[-1] = (merged[-1][0], high)
            else:
                merged.append((low, high))
        self.ranges = tuple(merged)
        self._count: int | None = None

    @classmethod
    def of(cls, uids: Iterable[int]) -> "UIDSet":
        """Return the set of ``uids``, given in any order."""
        ordered = sorted(uids)
        made = cls.__new__(cls)
        made._count = None
        if not ordered:
            made.ranges = ()
        elif ordered[-1] - ordered[0] == len(ordered) - 1:
            made.ranges = ((ordered[0], ordered[-1]),)
            if len(set(ordered)) != len(ordered):
                made.ranges = _ranges(ordered)
        else:
            made.ranges = _ranges(ordered)
        return made

    def __contains__(self, uid: object) -> bool:
        """Tell whether ``uid`` is in the set."""
        if not isinstance(uid, int):
            return False
        place = bisect_right(self.ranges, (uid, UID_MAX + 1)) - 1
        return place >= 0 and uid <= self.ranges[place][1]

    def __iter__(self) -> Iterator[int]:
        """Yield the UIDs, ascending."""
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __len__(self) -> int:
        """Return how many UIDs there are."""
        if self._count is None:
            self._count = sum(high - low + 1 for low, high in self.ranges)
        return self._count

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.ranges)

    def __eq__(self, other: object) -> bool:
        """Compare as sets."""
        return isinstance(other, UIDSet) and self.ranges == other.ranges

    def __hash__(self) -> int:
        """Hash as the ranges do."""
        return hash(self.ranges)

    def __or__(self, other: "UIDSet") -> "UIDSet":
        """Return the union."""
        if not other.ranges:
            return self
        return UIDSet(self.ranges + other.ranges) if self.ranges else other

    def __and__(self, other: "UIDSet") -> "UIDSet":
        """Return what both have."""
        found = []
        ours, theirs = 0, 0
        while ours < len(self.ranges) and theirs < len(other.ranges):
            low = max(self.ranges[ours][0], other.ranges[theirs][0])
            high = min(self.ranges[ours][1], other.ranges[theirs][1])
            if low <= high:
                found.append((low, high))
            if self.ranges[ours][1] < other.ranges[theirs][1]:
                ours += 1
            else:
                theirs += 1
        return UIDSet(found)

    def __sub__(self, other: "UIDSet") -> "UIDSet":
        """Return what this set has and ``other`` has not."""
        found = []
        for low, high in self.ranges:
            start = low
            place = max(0, bisect_right(other.ranges, (low, UID_MAX + 1)) - 1)
            for cut_low, cut_high in other.ranges[place:]:
                if cut_low > high:
                    break
                if cut_high < start:
                    continue
                if cut_low > start:
                    found.append((start, cut_low - 1))
                start = cut_high + 1
            if start <= high:
                found.append((start, high))
        return UIDSet(found)

    def __repr__(self) -> str:
        """Show the set as IMAP writes it."""
        return f"UIDSet({self})"

    def __str__(self) -> str:
        """Return the set as a ``uid-set`` without ``*``; empty when empty."""
        return ",".join(
            str(low) if low == high else f"{low}:{high}" for low, high in self.ranges
        )

    def slices(self, uids: Sequence[int]) -> list[tuple[int, int]]:
        """Return where the set's members lie in an ascending column of UIDs.

        Returns:
            Pairs ``(start, stop)`` for slicing ``uids`` and the columns beside
            it, ascending, none of them empty.
        """
        found = []
        for low, high in self.ranges:
            start = bisect_left(uids, low)
            stop = bisect_right(uids, high, start)
            if start < stop:
                found.append((start, stop))
        return found


UIDSet.EMPTY = UIDSet()


def _ranges(ordered: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Join an ascending sequence, doubles allowed, into ranges."""
    found: list[tuple[int, int]] = []
    first = last = ordered[0]
    for uid in ordered:
        if uid > last + 1:
            found.append((first, last))
            first = uid
        last = uid
    found.append((first, last))
    return tuple(found)
