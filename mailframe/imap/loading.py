"""How much of the messages FETCH and SEARCH hold in memory at once.

Source: RFC 9051 section 6.4.5 (whose answers may be of any size).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import IMailbox, IReadAhead
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet

LOADED_ROWS = 500
"""Messages loaded at once."""
LOADED_OCTETS = 1_048_576
"""Octets loaded at once; a message of more is read by itself."""
PIECE = 65_536
"""Octets read at once of a large message."""


def rows_of(uids: UIDSet, listing: Listing) -> Iterator[int]:
    """Yield the rows of a view that have one of ``uids``, ascending."""
    for start, stop in uids.slices(listing.uids):
        yield from range(start, stop)


def batches(rows: Iterable[int], sizes: Sequence[int]) -> Iterator[list[int]]:
    """Yield the rows whose messages may be loaded at once, none empty.

    Args:
        rows: Which rows, ascending.
        sizes: Octets of every message of the view.
    """
    batch: list[int] = []
    octets = 0
    for row in rows:
        full = octets + sizes[row] > LOADED_OCTETS or len(batch) >= LOADED_ROWS
        if batch and full:
            yield batch
            batch, octets = [], 0
        batch.append(row)
        octets += sizes[row]
    if batch:
        yield batch


class Loader:
    """Loads some messages after others, the next while the last are used."""

    def __init__(
        self, mailbox: IMailbox, rows: Iterable[int], listing: Listing
    ) -> None:
        """Begin before the first of ``rows``, which ascend in ``listing``."""
        self._mailbox = mailbox
        self._ahead = IReadAhead(mailbox, None)
        self._uids = listing.uids
        self._left = batches(rows, listing.sizes)
        self._next = next(self._left, [])
        self._batch: list[int] = []

    def batches(self) -> Iterator[list[int]]:
        """Yield rows; have their messages loaded before asking for the next."""
        while self._next:
            self._batch, self._next = self._next, next(self._left, [])
            yield self._batch

    async def load(self) -> Mapping[int, bytes]:
        """Return the messages of the rows that were yielded last.

        Large ones, and those that are gone, are left out.

        Raises:
            NoSuchMailbox: The mailbox was deleted.
            TemporaryFailure: They cannot be read now.
        """
        loaded = await self._mailbox.load(self._of(self._batch), LOADED_OCTETS)
        if self._ahead is not None and self._next:
            self._ahead.will_load(self._of(self._next), LOADED_OCTETS)
        return loaded

    def _of(self, rows: Iterable[int]) -> UIDSet:
        return UIDSet.of([self._uids[row] for row in rows])


async def read_octets(content: IContent, stop: int) -> bytes:
    """Return the first ``stop`` octets of a message.

    Raises:
        MessageGone: It was expunged.
        TemporaryFailure: They cannot be read now.
    """
    if content.octets is not None:
        held: bytes = content.octets
        return held[:stop]
    pieces = [
        await content.read(start, min(start + PIECE, stop))
        for start in range(0, stop, PIECE)
    ]
    return b"".join(pieces)
