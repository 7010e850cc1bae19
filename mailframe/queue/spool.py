"""The spool on disk: content files and an SQLite index, behind a journal.

A message is answered for when the journal has it and was flushed; many
messages share one flush. ``docs/queue.rst`` has the rules of what survives.

Source: RFC 5321 section 6.1; the contract of
:class:`mailframe.queue.contract.IQueueSpool`.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from twisted.logger import Logger
from zope.interface import implementer

from mailframe.errors import MailError, MessageGone
from mailframe.interfaces.content import IContent
from mailframe.interfaces.spool import Spooled
from mailframe.memory_content import MemoryContent
from mailframe.model.envelope import Envelope
from mailframe.queue.content import PIECE, OpenContent, refusal
from mailframe.queue.contract import (
    ALL,
    Chosen,
    Counts,
    IQueueSpool,
    Parcel,
    Settled,
    State,
)
from mailframe.queue.gather import Gatherer, Linger
from mailframe.queue.parts import Batch, Files, Journal, OpenWriter, RunInThread, Writer
from mailframe.queue.records import (
    Change,
    Hastened,
    Held,
    Recorded,
    Removed,
    Renewed,
    added,
    message_number,
    queue_id,
    recorded,
)
from mailframe.queue.store import Store, answered
from mailframe.queue.view import recipients_of, spooled

T = TypeVar("T")

JOURNAL_MAX = 1_048_576
"""Octets of the largest content that goes through the journal."""

FRESH_MAX = 16_777_216
"""Octets of content kept in memory until it is tried."""


@implementer(IQueueSpool)
class DiskSpool:
    """Keeps messages in a directory."""

    _log = Logger()

    def __init__(
        self,
        directory: str,
        *,
        journal: Journal,
        open_writer: OpenWriter,
        run: RunInThread,
        files: Files,
        sync: Callable[[str], None],
        now: Callable[[], float],
        journal_max: int = JOURNAL_MAX,
        linger: Linger | None = None,
    ) -> None:
        """Say where; nothing is touched before :meth:`open`.

        Args:
            directory: For this spool alone; its parent is there.
            journal: For this spool alone, not opened yet.
            open_writer: Makes the journal's writer.
            run: Runs file calls in threads.
            files: How to change files.
            sync: Makes all that was written to the file system of a directory
                durable (``syncfs``).
            now: Seconds since 1970.
            journal_max: Larger content, in octets, goes to its file at once.
            linger: Calls back after a moment, within which results of attempts
                wait to be recorded together; ``None`` for no such moment.
        """
        self._store = Store(directory, files, sync)
        self._journal = journal
        self._open_writer = open_writer
        self._run = run
        self._files = files
        self._now = now
        self._journal_max = journal_max
        self._writer: Writer | None = None
        self._last = 0
        self._fresh: OrderedDict[int, bytes] = OrderedDict()
        self._fresh_octets = 0
        self._watcher: Callable[[float], None] = lambda due: None
        self._records: Gatherer[Recorded] = Gatherer(self._change, self._record, linger)

    # Its life.

    def open(self) -> None:
        """Replay the journal; no content is read, however much is queued.

        Raises:
            OSError: A file cannot be used, or another process has the spool.
            MailError: The disk refuses.
        """
        try:
            self._last = self._store.open(self._journal)
        except sqlite3.Error as error:
            self._journal.close()
            raise answered(error) from error
        except BaseException:
            self._journal.close()
            raise
        self._writer = self._open_writer(
            checkpoint=self._store.carry_over, sync=self._store.make_durable
        )

    async def close(self) -> None:
        """Write everything out; calls that wait are answered before."""
        self._records.hurry()
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            await writer.stop()
        finally:
            self._store.close()
            self._fresh.clear()
            self._fresh_octets = 0

    def watch(self, call: Callable[[float], None]) -> None:
        """Have ``call`` called when something may be due sooner."""
        self._watcher = call

    # Messages come and go.

    async def add(self, envelope: Envelope, content: IContent, due: float) -> str:
        """Take a message; see :class:`mailframe.interfaces.spool.ISpool`.

        Raises:
            InsufficientStorage: The disk is full.
            TemporaryFailure: The disk failed.
            ValueError: It is for nobody.
        """
        if not envelope.forward_paths:
            raise ValueError("a message without recipients")
        number = self._next_number()
        change = added(number, envelope, content.size, self._now(), due)
        staged = content.size > self._journal_max
        if staged:
            await self._stage(queue_id(number), content)
        else:
            change.octets = (
                content.octets
                if content.octets is not None
                else await content.read(0, content.size)
            )
        try:
            await self._change(lambda batch: self._store.note(batch, change))
        except BaseException:
            if staged:
                await self._run(lambda: self._store.contents.remove(queue_id(number)))
            raise
        if change.octets is not None:
            self._remember(number, change.octets)
        self._watcher(change.due)
        return queue_id(number)

    def _next_number(self) -> int:
        # By the clock, so that IDs sort by age and one is hardly ever used
        # again; in between by one.
        self._last = max(self._last + 1, int(self._now() * 1000) << 20)
        return self._last

    async def _stage(self, name: str, content: IContent) -> None:
        """Bring a large content into its file, durably."""
        contents, path = self._store.contents, content.path
        try:
            if path is not None:
                try:
                    await self._run(lambda: contents.link(path, name))
                    return
                except OSError as error:
                    self._log.debug("{name} is copied: {error}", name=name, error=error)
            await self._copy(name, content)
        except BaseException as error:
            await self._run(lambda: contents.remove(name))
            if isinstance(error, OSError):
                raise refusal(error) from error
            raise

    async def _copy(self, name: str, content: IContent) -> None:
        contents = self._store.contents
        await self._run(lambda: contents.remove(name))
        fd = await self._run(lambda: contents.create(name))
        try:
            for start in range(0, content.size, PIECE):
                octets = await content.read(start, start + PIECE)
                await self._run(partial(contents.append, fd, octets))
        except BaseException:
            self._files.close(fd)
            raise
        await self._run(lambda: contents.flush(fd))

    def _remember(self, number: int, octets: bytes) -> None:
        """Keep content at hand: mostly it is wanted at once, and only once."""
        self._forget(number)
        self._fresh[number] = octets
        self._fresh_octets += len(octets)
        while self._fresh_octets > FRESH_MAX:
            _, oldest = self._fresh.popitem(last=False)
            self._fresh_octets -= len(oldest)

    def _forget(self, number: int) -> None:
        octets = self._fresh.pop(number, None)
        if octets is not None:
            self._fresh_octets -= len(octets)

    async def content(self, queue_id: str) -> IContent:
        """Open a message's content."""
        number = _number(queue_id)
        octets = self._fresh.get(number)
        if octets is not None:
            return MemoryContent(octets)
        found = await self._ask(lambda: self._store.open_content(number))
        if isinstance(found, bytes):
            return MemoryContent(found)
        return OpenContent(*found, self._run)

    async def settle(
        self, queue_id: str, settled: Sequence[int], again: float | None
    ) -> None:
        """Record the result of an attempt at a whole message."""
        number, now = _number(queue_id), self._now()

        def settling() -> Change:
            parcels = self._store.index.parcels(number)
            if again is None:
                return Removed(number)
            recipients = recipients_of(parcels)
            gone = [recipients[place].number for place in settled]
            attempts = max(one.attempts for one in parcels) + 1
            return Recorded(number, None, again, attempts, now, gone, [])

        await self._change_found(number, settling)
        if again is None:
            self._forget(number)
        else:
            self._watcher(again)

    async def record(
        self, parcel: Parcel, results: Sequence[Settled], again: float
    ) -> None:
        """Record the result of an attempt at a parcel."""
        number = _number(parcel.queue_id)
        change = recorded(
            number,
            parcel.destination,
            parcel.attempts + 1,
            list(results),
            again,
            self._now(),
        )
        await self._records.add(change)
        settled = sum(one.outcome.state is not State.DEFERRED for one in results)
        if settled < len(parcel.recipients):
            self._watcher(again)
        else:
            self._forget(number)

    def _record(
        self, batch: Batch, changes: Sequence[Recorded]
    ) -> list[MailError | None]:
        self._store.catch_up()
        there = self._store.index.there({one.number for one in changes})
        failures: list[MailError | None] = []
        for change in changes:
            if change.number in there:
                self._store.note(batch, change)
                failures.append(None)
            else:
                failures.append(MessageGone(queue_id(change.number)))
        return failures

    async def hold(self, queue_id: str, held: bool) -> None:
        """Keep a message from being tried, or release it."""
        number = _number(queue_id)
        await self._change_found(number, lambda: Held(number, held))
        if not held:
            self._watcher(self._now())

    async def hasten(
        self, queue_id: str | None, destination: str | None, due: float
    ) -> int:
        """Set when parcels are due, those that would be later."""
        number = None if queue_id is None else _number(queue_id)
        store = self._store

        def hastening(batch: Batch) -> int:
            store.catch_up()
            if number is not None and not store.index.has(number):
                raise MessageGone(queue_id)
            count = store.index.later(number, destination, due)
            if count:
                store.note(batch, Hastened(number, destination, due))
            return count

        count = await self._change(hastening)
        self._watcher(due)
        return count

    async def renew(self, queue_id: str, now: float) -> None:
        """Let a message begin anew."""
        number = _number(queue_id)
        await self._change_found(number, lambda: Renewed(number, now))
        self._watcher(now)

    async def remove(self, queue_id: str) -> None:
        """Remove a message."""
        number = _number(queue_id)
        await self._change_found(number, lambda: Removed(number))
        self._forget(number)

    # Questions.

    async def due(self, before: float, limit: int) -> Sequence[Spooled]:
        """Return messages to be tried."""
        found = await self._ask(lambda: self._store.index.due(before, limit))
        return [spooled(parcels) for parcels in found]

    async def take(
        self, now: float, limit: int, without: Collection[str] = ()
    ) -> Sequence[Parcel]:
        """Hand out parcels that are due."""
        return await self._hand_out(
            lambda: self._store.index.taking.take(now, limit, without)
        )

    async def take_for(
        self, destination: str, now: float, limit: int
    ) -> Sequence[Parcel]:
        """Hand out parcels for one destination."""
        return await self._hand_out(
            lambda: self._store.index.taking.take_for(destination, now, limit)
        )

    async def _hand_out(self, take: Callable[[], Sequence[Parcel]]) -> Sequence[Parcel]:
        """Take parcels, and bring their contents along: they are wanted soon."""
        fresh = self._fresh

        def taking() -> tuple[Sequence[Parcel], dict[int, bytes]]:
            parcels = take()
            sizes = {_number(one.queue_id): one.size for one in parcels}
            for number in [*filter(fresh.__contains__, sizes)]:
                del sizes[number]
            return parcels, self._store.peek(sizes)

        parcels, contents = await self._ask(taking)
        for number, octets in contents.items():
            self._remember(number, octets)
        return parcels

    async def give_back(self, parcels: Collection[Parcel]) -> None:
        """Take parcels back that were not tried."""
        keys = [(_number(one.queue_id), one.destination) for one in parcels]
        await self._ask(lambda: self._store.index.taking.give_back(keys))

    async def next_due(self, after: float) -> float | None:
        """Return when the next parcel is due."""
        return await self._ask(lambda: self._store.index.next_due(after))

    async def entries(
        self, after: str | None, limit: int, chosen: Chosen = ALL
    ) -> Sequence[Sequence[Parcel]]:
        """Return messages as their parcels, in the order they came."""
        number = -1 if after is None else _number(after)
        return await self._ask(lambda: self._store.index.entries(number, limit, chosen))

    async def entry(self, queue_id: str) -> Sequence[Parcel]:
        """Return all parcels of one message."""
        number = _number(queue_id)
        return await self._ask(lambda: self._store.index.parcels(number))

    async def held_back(self, user: str, now: float) -> tuple[int, int]:
        """Return how much of a user's is for later."""
        return await self._ask(lambda: self._store.index.held_back(user, now))

    async def counts(self) -> Counts:
        """Return how much is there."""
        return await self._ask(self._store.index.counts)

    async def _ask(self, question: Callable[[], T]) -> T:
        def asking(batch: Batch) -> T:
            self._store.catch_up()
            return question()

        return await self._change(asking)

    async def _change_found(self, number: int, change: Callable[[], Change]) -> None:
        """Make a change to a message that is there."""

        def changing(batch: Batch) -> None:
            self._store.catch_up()
            if not self._store.index.has(number):
                raise MessageGone(queue_id(number))
            self._store.note(batch, change())

        await self._change(changing)

    async def _change(self, job: Callable[[Batch], T]) -> T:
        if self._writer is None:
            raise _not_open()
        try:
            return await self._writer.submit(job)
        except sqlite3.Error as error:
            raise answered(error) from error


def _number(text: str) -> int:
    """Return the number behind a queue ID.

    Raises:
        MessageGone: It cannot be one of ours.
    """
    number = message_number(text)
    if number is None:
        raise MessageGone(text)
    return number


def _not_open() -> MailError:
    return answered(sqlite3.OperationalError("the spool is not open"))
