"""A spool in memory: the reference, for tests and for hosts that may forget.

Source: the contract of :class:`mailframe.queue.contract.IQueueSpool`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from zope.interface import implementer

from mailframe.errors import MessageGone
from mailframe.interfaces.content import IContent
from mailframe.interfaces.spool import Spooled
from mailframe.memory_content import MemoryContent
from mailframe.model.envelope import Envelope
from mailframe.queue.contract import (
    ALL,
    Chosen,
    Counts,
    IQueueSpool,
    Parcel,
    Recipient,
    Settled,
    State,
)
from mailframe.queue.destination import destination_of
from mailframe.queue.records import queue_id as make_queue_id
from mailframe.queue.records import sender_bucket
from mailframe.queue.view import is_chosen, recipients_of, spooled


@implementer(IQueueSpool)
class MemorySpool:
    """Keeps messages until the process ends."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin empty.

        Args:
            now: Seconds since 1970.
        """
        self._now = now
        self._last = 0
        self._messages: dict[str, dict[str, Parcel]] = {}
        self._contents: dict[str, bytes] = {}
        self._taken: set[tuple[str, str]] = set()
        self._watcher: Callable[[float], None] = lambda due: None

    def watch(self, call: Callable[[float], None]) -> None:
        """Have ``call`` called when something may be due sooner."""
        self._watcher = call

    async def add(self, envelope: Envelope, content: IContent, due: float) -> str:
        """Take a message.

        Raises:
            ValueError: It is for nobody.
        """
        if not envelope.forward_paths:
            raise ValueError("a message without recipients")
        octets = await content.read(0, content.size)
        self._last = max(self._last + 1, int(self._now() * 1000) << 20)
        queue_id = make_queue_id(self._last)
        due = max(due, envelope.reverse_path.hold_until or 0.0)
        found: dict[str, list[Recipient]] = {}
        for number, path in enumerate(envelope.forward_paths):
            destination = destination_of(path)
            found.setdefault(destination, []).append(Recipient(number, path))
        self._messages[queue_id] = {
            destination: _parcel(
                Parcel(
                    queue_id,
                    destination,
                    envelope,
                    (),
                    self._now(),
                    0,
                    due,
                    len(octets),
                ),
                recipients,
            )
            for destination, recipients in found.items()
        }
        self._contents[queue_id] = octets
        self._watcher(due)
        return queue_id

    async def content(self, queue_id: str) -> IContent:
        """Open a message's content."""
        self._message(queue_id)
        return MemoryContent(self._contents[queue_id])

    async def due(self, before: float, limit: int) -> Sequence[Spooled]:
        """Return messages to be tried."""
        found = [
            (min(one.due for one in parcels), spooled(parcels))
            for parcels in self._all()
            if not parcels[0].held
        ]
        found.sort(key=lambda pair: pair[0])
        return [one for due, one in found if due <= before][:limit]

    async def settle(
        self, queue_id: str, settled: Sequence[int], again: float | None
    ) -> None:
        """Record the result of an attempt at a whole message."""
        message = self._message(queue_id)
        if again is None:
            self._drop(queue_id)
            return
        recipients = recipients_of(list(message.values()))
        gone = {recipients[place].number for place in settled}
        attempts = max(one.attempts for one in message.values()) + 1
        for parcel in list(message.values()):
            self._keep(
                replace(parcel, attempts=attempts, due=again),
                [one for one in parcel.recipients if one.number not in gone],
            )
        self._watcher(again)

    async def record(
        self, parcel: Parcel, results: Sequence[Settled], again: float
    ) -> None:
        """Record the result of an attempt at a parcel."""
        found = self._message(parcel.queue_id).get(parcel.destination)
        if found is None:
            return
        self._taken.discard((parcel.queue_id, parcel.destination))
        results_by_number = {one.number: one for one in results}
        kept = []
        for recipient in found.recipients:
            result = results_by_number.get(recipient.number)
            if result is None:
                kept.append(recipient)
            elif result.outcome.state is State.DEFERRED:
                kept.append(
                    replace(
                        recipient,
                        tried=self._now(),
                        last=result.outcome,
                        warned=result.warned,
                    )
                )
        self._keep(replace(found, attempts=parcel.attempts + 1, due=again), kept)
        if kept:
            self._watcher(again)

    async def hold(self, queue_id: str, held: bool) -> None:
        """Keep a message from being tried, or release it."""
        message = self._message(queue_id)
        for destination, parcel in message.items():
            message[destination] = replace(parcel, held=held)
        if not held:
            self._watcher(self._now())

    async def take(
        self, now: float, limit: int, without: Collection[str] = ()
    ) -> Sequence[Parcel]:
        """Hand out parcels that are due."""
        return self._take(now, limit, lambda one: one.destination not in without)

    async def take_for(
        self, destination: str, now: float, limit: int
    ) -> Sequence[Parcel]:
        """Hand out parcels for one destination."""
        return self._take(now, limit, lambda one: one.destination == destination)

    def _take(
        self, now: float, limit: int, wanted: Callable[[Parcel], bool]
    ) -> Sequence[Parcel]:
        turns: dict[tuple[int, int], int] = {}
        found = []
        for parcel in sorted(self._free(now, wanted), key=lambda one: one.due):
            group = (
                parcel.envelope.reverse_path.priority,
                sender_bucket(parcel.envelope),
            )
            turns[group] = turns.get(group, 0) + 1
            found.append((-group[0], turns[group], parcel))
        found.sort(key=lambda one: one[:2])
        parcels = [parcel for _, _, parcel in found[:limit]]
        self._taken.update((one.queue_id, one.destination) for one in parcels)
        return parcels

    def _free(self, now: float, wanted: Callable[[Parcel], bool]) -> Iterator[Parcel]:
        for parcels in self._all():
            for one in parcels:
                free = (one.queue_id, one.destination) not in self._taken
                if free and not one.held and one.due <= now and wanted(one):
                    yield one

    async def give_back(self, parcels: Collection[Parcel]) -> None:
        """Take parcels back that were not tried."""
        self._taken -= {(one.queue_id, one.destination) for one in parcels}

    async def next_due(self, after: float) -> float | None:
        """Return when the next parcel is due."""
        return min(
            (
                one.due
                for parcels in self._all()
                for one in parcels
                if one.due > after and not one.held
            ),
            default=None,
        )

    async def entries(
        self, after: str | None, limit: int, chosen: Chosen = ALL
    ) -> Sequence[Sequence[Parcel]]:
        """Return messages as their parcels, in the order they came."""
        found = [
            one
            for one in self._all()
            if (after is None or one[0].queue_id > after) and is_chosen(one, chosen)
        ]
        return found[:limit]

    async def entry(self, queue_id: str) -> Sequence[Parcel]:
        """Return all parcels of one message."""
        self._message(queue_id)
        (found,) = (one for one in self._all() if one[0].queue_id == queue_id)
        return found

    async def hasten(
        self, queue_id: str | None, destination: str | None, due: float
    ) -> int:
        """Set when parcels are due, those that would be later."""
        if queue_id is not None:
            self._message(queue_id)
        count = 0
        for message in self._messages.values():
            for parcel in message.values():
                if (
                    queue_id in (None, parcel.queue_id)
                    and destination in (None, parcel.destination)
                    and parcel.due > due
                ):
                    message[parcel.destination] = replace(parcel, due=due)
                    count += 1
        self._watcher(due)
        return count

    async def renew(self, queue_id: str, now: float) -> None:
        """Let a message begin anew."""
        message = self._message(queue_id)
        for destination, parcel in message.items():
            message[destination] = replace(
                parcel,
                arrived=now,
                due=now,
                attempts=0,
                recipients=tuple(
                    replace(one, warned=False) for one in parcel.recipients
                ),
            )
        self._watcher(now)

    async def remove(self, queue_id: str) -> None:
        """Remove a message."""
        self._message(queue_id)
        self._drop(queue_id)

    async def held_back(self, user: str, now: float) -> tuple[int, int]:
        """Return how much of a user's is for later."""
        sizes = [
            parcels[0].size
            for parcels in self._all()
            if parcels[0].envelope.origin.user == user
            and (parcels[0].envelope.reverse_path.hold_until or 0.0) > now
        ]
        return len(sizes), sum(sizes)

    async def counts(self) -> Counts:
        """Return how much is there."""
        found = list(self._all())
        return Counts(
            len(found),
            sum(parcels[0].held for parcels in found),
            sum(map(len, found)),
        )

    def _message(self, queue_id: str) -> dict[str, Parcel]:
        try:
            return self._messages[queue_id]
        except KeyError:
            raise MessageGone(queue_id) from None

    def _all(self) -> Iterator[list[Parcel]]:
        for message in self._messages.values():
            yield [message[name] for name in sorted(message)]

    def _keep(self, parcel: Parcel, recipients: Sequence[Recipient]) -> None:
        message = self._messages[parcel.queue_id]
        if recipients:
            message[parcel.destination] = _parcel(parcel, recipients)
            return
        del message[parcel.destination]
        if not message:
            self._drop(parcel.queue_id)

    def _drop(self, queue_id: str) -> None:
        for destination in self._messages.pop(queue_id):
            self._taken.discard((queue_id, destination))
        self._contents.pop(queue_id, None)


def _parcel(parcel: Parcel, recipients: Sequence[Recipient]) -> Parcel:
    """Return a parcel for these recipients."""
    return replace(
        parcel,
        recipients=tuple(recipients),
        envelope=Envelope(
            parcel.envelope.reverse_path,
            tuple(one.path for one in recipients),
            parcel.envelope.origin,
        ),
    )
