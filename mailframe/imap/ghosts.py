"""Messages that are gone, while a client still counts them.

Source: RFC 3501 section 7.4.1, RFC 2180 section 4.
"""

from bisect import bisect_left
from collections.abc import Sequence

from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet


class Ghosts(dict[int, tuple[object, ...]]):
    """By UID, what the listing had of each beside the UID."""

    @property
    def uids(self) -> UIDSet:
        """Which messages they are."""
        return UIDSet.of(self) if self else UIDSet.EMPTY

    def keep(self, vanished: UIDSet, before: Listing, told: int) -> None:
        """Remember the rows the client was told of that are gone now.

        Args:
            vanished: The messages that are gone.
            before: The listing that had them.
            told: How many of its messages the client was told of.
        """
        columns = _columns(before)
        for start, stop in vanished.slices(before.uids):
            for row in range(start, min(stop, told)):
                uid, *values = (column[row] for column in columns)
                self[before.uids[row]] = tuple(values)

    def among(self, now: Listing) -> Listing:
        """Return a listing with the ghosts at their places; there is at least one."""
        sources = _columns(now)[: 1 + len(next(iter(self.values())))]
        columns: list[list[object]] = [[] for _ in sources]
        start = 0
        for uid in sorted(self):
            stop = bisect_left(now.uids, uid, start)
            for column, source in zip(columns, sources, strict=True):
                column += source[start:stop]
            for column, value in zip(columns, (uid, *self[uid]), strict=True):
                column.append(value)
            start = stop
        for column, source in zip(columns, sources, strict=True):
            column += source[start:]
        return Listing(now.highest_modseq, now.uid_next, *columns)  # type: ignore[arg-type]


def _columns(listing: Listing) -> tuple[Sequence[object], ...]:
    """Return the columns of a listing, that of the UIDs first."""
    columns: tuple[Sequence[object], ...] = (
        *(listing.uids, listing.flags, listing.modseqs, listing.dates, listing.sizes),
        listing.saved,
    )
    # An account that does not say when messages were saved has no such column.
    return columns if len(listing.saved) == len(listing.uids) else columns[:-1]
