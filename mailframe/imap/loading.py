"""How much of the messages FETCH and SEARCH hold in memory at once.

Source: RFC 9051 section 6.4.5 (whose answers may be of any size).
"""

from collections.abc import Iterable, Iterator, Sequence

from mailframe.interfaces.content import IContent
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
