"""The runner: takes what is due, has it tried, and records what became of it.

Parcels wait in memory only as far ahead as is soon tried; the rest stays in
the spool. All time comes from the clock that is handed in.

Source: RFC 5321 section 4.5.4.1; docs/queue.rst.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mailframe.errors import MailError, MessageGone
from mailframe.interfaces.content import IContent
from mailframe.interfaces.delivery import IRelay, IRouter
from mailframe.queue.attempt import BUG, Attempts
from mailframe.queue.contract import (
    IQueueSpool,
    Outcome,
    Parcel,
    State,
)
from mailframe.queue.destinations import Destination, Destinations, Pace
from mailframe.queue.notices import Notices
from mailframe.queue.schedule import Schedules
from mailframe.queue.settling import AGAIN, Settling

TAKEN = 500
"""Parcels taken at once; the spool's thread has other work, too."""

ROUNDS = 16
"""Questions to the spool in a row before what was found is tried."""


class QueueRunner:
    """Delivers what a spool holds.

    Attributes:
        destinations: What is being tried now, for an operator to see.
    """

    _log = Logger()

    def __init__(
        self,
        spool: IQueueSpool,
        router: IRouter,
        relay: IRelay,
        *,
        clock: Any,
        notices: Notices,
        random: Callable[[], float],
        schedules: Schedules = Schedules(),  # noqa: B008 - a frozen value
        pace: Pace = Pace(),  # noqa: B008 - a frozen value
    ) -> None:
        """Begin; nothing happens before :meth:`start`.

        Args:
            spool: What to deliver. The runner becomes its watcher.
            router: Says where mail goes.
            relay: Carries it there.
            clock: Provides ``IReactorTime``.
            notices: Tells senders what became of their mail.
            random: From 0 to 1, such as ``random.random``.
            schedules: When to try again.
            pace: How much to do at the same time.
        """
        self.destinations = Destinations(pace)
        self._spool = spool
        self._attempts = Attempts(router, relay)
        self._clock = clock
        self._settling = Settling(spool, notices, schedules, clock, random)
        self._running = False
        self._pumping = False
        self._filling = False
        self._unseen = False
        self._more = False
        self._looked = 0.0
        self._timer: Any = None
        self._soon: Any = None
        self._ended: Deferred[None] | None = None

    # Its life.

    def start(self) -> None:
        """Begin to deliver; the spool is open."""
        self._running = True
        self._settling.patient = True
        self._ended = None
        self._spool.watch(self._wake)
        self._wake(self._clock.seconds())

    def stop(self) -> "Deferred[None]":
        """Begin nothing more.

        Returns:
            Fires when the attempts under way have ended and are recorded.
            Whoever cannot wait may go: what is not recorded is tried again.
        """
        ended: Deferred[None] = Deferred()
        self._running = False
        self._settling.patient = False
        self._cancel_timer()
        self._cancel_soon()
        self._spool.watch(lambda due: None)
        waiting = self.destinations.drain()
        given = Deferred.fromCoroutine(self._give_back(waiting))
        given.addCallback(lambda _: self._end(ended))
        return ended

    async def _give_back(self, parcels: Sequence[Parcel]) -> None:
        try:
            await self._spool.give_back(parcels)
        except MailError as error:
            self._log.warn("giving back: {error!r}", error=error)

    def _end(self, ended: "Deferred[None]") -> None:
        if self.destinations.held:
            self._ended = ended
        else:
            ended.callback(None)

    # When to look.

    def _wake(self, due: float) -> None:
        """Something is due at that time, or sooner than was known."""
        if not self._running:
            return
        now = self._clock.seconds()
        if due > now:
            timer = self._timer
            if timer is None or timer.getTime() > due:
                self._cancel_timer()
                self._timer = self._clock.callLater(due - now, self._look)
        elif not self._unseen:
            self._unseen = True
            if not self._filling and self.destinations.room():
                # Soon, not now: what comes together is taken together.
                self._look_soon()

    def _look(self) -> None:
        if self._timer is not None and not self._timer.active():
            self._timer = None
        if self._filling:
            self._unseen = True
        elif self._running:
            self._filling = True
            filled = Deferred.fromCoroutine(self._fill())
            filled.addErrback(self._look_failed)

    def _look_failed(self, failure: Any) -> None:
        self._filling = False
        self._log.failure("looking into the spool", failure)
        self._wake(self._clock.seconds() + AGAIN)

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _cancel_soon(self) -> None:
        soon, self._soon = self._soon, None
        if soon is not None and soon.active():
            soon.cancel()

    # What to try.

    async def _fill(self) -> None:
        """Take from the spool until there is enough to do, or nothing is due."""
        try:
            await self._take_for_hungry()
            for _ in range(ROUNDS):
                self._unseen = False
                if not self._running or not await self._take_some():
                    break
            await self._set_timer()
        except MailError as error:
            self._log.warn("the spool: {error!r}", error=error)
            self._wake(self._clock.seconds() + AGAIN)
        self._filling = False
        self._pump()
        if self._wants_more() or self.destinations.hungry():
            self._look_soon()

    def _wants_more(self) -> bool:
        return (self._more or self._unseen) and self.destinations.low()

    def _look_soon(self) -> None:
        if self._running and not (self._soon and self._soon.active()):
            self._soon = self._clock.callLater(0, self._look)

    async def _take_for_hungry(self) -> None:
        """Refill destinations the spool has more for.

        All are asked for together: the spool answers them after one flush.
        """
        destinations = self.destinations
        now = self._clock.seconds()
        room = destinations.room()
        asked = []
        for destination in destinations.hungry():
            limit = destinations.limit(destination) - len(destination.ready)
            limit = min(limit, room)
            if limit <= 0:
                continue
            room -= limit
            taking = _awaited(self._spool.take_for(destination.name, now, limit))
            asked.append((destination, limit, Deferred.fromCoroutine(taking)))
        trouble: MailError | None = None
        for destination, limit, taken in asked:
            try:
                found = await taken
                destination.more = len(found) == limit
                await self._put(found)
            except MailError as error:
                trouble = error  # What the others have was handed out all the same.
                continue
            destinations.rest(destination)
            self._pump()
        if trouble is not None:
            raise trouble

    async def _take_some(self) -> bool:
        """Take what is due for whom there is room; say whether to go on."""
        destinations = self.destinations
        room = destinations.room()
        if not room:
            self._more = True
            return False
        limit = min(room, TAKEN)
        self._looked = self._clock.seconds()
        found = await self._spool.take(self._looked, limit, destinations.left_out())
        await self._put(found)
        self._pump()
        self._more = len(found) == limit
        return self._more or self._unseen

    async def _put(self, parcels: Sequence[Parcel]) -> None:
        """Let parcels wait in memory, and give back those that are too many."""
        destinations = self.destinations
        back = []
        for parcel in parcels:
            if self._running and destinations.takes(parcel.destination):
                destinations.put(parcel)
            else:
                back.append(parcel)
                if self._running:
                    destinations.more(parcel.destination)
        if back:
            await self._spool.give_back(back)

    async def _set_timer(self) -> None:
        if not self._more and self._running:
            due = await self._spool.next_due(self._looked)
            if due is not None:
                self._wake(due)

    def _pump(self) -> None:
        """Begin attempts while there is room for them."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._running:
                turn = self.destinations.next(self._clock.seconds())
                if turn is None:
                    break
                Deferred.fromCoroutine(self._try(*turn))
        finally:
            self._pumping = False

    # One attempt.

    async def _try(self, destination: Destination, parcel: Parcel) -> None:
        """Have a parcel tried, let go of its turn, and then settle it."""
        content: IContent | None = None
        outcomes: Sequence[Outcome] = ()
        reached: bool | None = None
        try:
            if self._clock.seconds() < destination.dead_until:
                last = replace(destination.last or BUG, state=State.DEFERRED)
                outcomes = [last] * len(parcel.recipients)
            else:
                content = await self._open(parcel)
                result = await self._attempts.make(parcel, content)
                outcomes, reached = result.outcomes, result.reached
        except MessageGone:
            self._log.info("{id} was removed meanwhile", id=parcel.queue_id)
        except Exception:
            self._log.failure("{id}: an attempt", id=parcel.queue_id)
            outcomes = [BUG] * len(parcel.recipients)
        now = self._clock.seconds()
        self.destinations.ended(destination, now, reached, (*outcomes, None)[0])
        self._go_on(destination)
        try:
            if outcomes:
                await self._settling.conclude(parcel, outcomes, content)
        except MessageGone:
            self._log.info("{id} was removed meanwhile", id=parcel.queue_id)
        except Exception:
            self._log.failure("{id}: settling", id=parcel.queue_id)
            await self._later(parcel)
        if content is not None:
            content.close()
        self.destinations.release(destination)
        self._go_on(destination)

    def _go_on(self, destination: Destination) -> None:
        """An attempt has ended: begin others, and look for more in time."""
        if not self._running:
            if self._ended is not None and not self.destinations.held:
                ended, self._ended = self._ended, None
                ended.callback(None)
            return
        self._pump()
        if self._wants_more() or self.destinations.is_hungry(destination):
            self._look_soon()

    async def _open(self, parcel: Parcel) -> IContent:
        try:
            return await self._spool.content(parcel.queue_id)
        except MessageGone:
            # Perhaps removed by an operator. If not, it has lost its content,
            # and somebody has to look at it.
            await self._spool.hold(parcel.queue_id, True)
            self._log.critical("{id} has no content: held", id=parcel.queue_id)
            raise

    async def _later(self, parcel: Parcel) -> None:
        """Let a parcel that could not be settled be taken again, after a while."""
        if self._running:
            await deferLater(self._clock, AGAIN)
        await self._give_back([parcel])
        self._wake(self._clock.seconds())


async def _awaited(taking: Awaitable[Sequence[Parcel]]) -> Sequence[Parcel]:
    return await taking
