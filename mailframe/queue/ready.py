"""Parcels that wait in memory for their turn: one destination's. Pure.

Higher priorities first; within one, senders take turns.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator

from mailframe.queue.contract import Parcel

Senders = OrderedDict[str, deque[Parcel]]


class Ready:
    """The waiting parcels of one destination."""

    __slots__ = ("_count", "_levels")

    def __init__(self) -> None:
        """Begin empty."""
        self._levels: dict[int, Senders] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return self._count

    def put(self, parcel: Parcel) -> None:
        """Add a parcel, behind the others of its sender."""
        path = parcel.envelope.reverse_path
        senders = self._levels.setdefault(path.priority, OrderedDict())
        sender = parcel.envelope.origin.user or str(path.address or "")
        senders.setdefault(sender, deque()).append(parcel)
        self._count += 1

    def take(self) -> Parcel:
        """Return the next parcel; there must be one."""
        level = max(self._levels)
        senders = self._levels[level]
        sender, waiting = senders.popitem(last=False)
        parcel = waiting.popleft()
        if waiting:
            senders[sender] = waiting  # behind all other senders
        elif not senders:
            del self._levels[level]
        self._count -= 1
        return parcel

    def drain(self) -> Iterator[Parcel]:
        """Take all that wait."""
        while self._count:
            yield self.take()
