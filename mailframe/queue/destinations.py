"""What waits for which destination, and whose turn it is. Pure.

Each destination has parcels in memory, a window of simultaneous attempts, and
perhaps a time until which it counts as dead. Destinations take turns, and none
may have more than a share of what is still free, so that some room is left
however many of them are slow.

Source: A. K. Choudhury and E. L. Hahne, "Dynamic queue length thresholds for
shared-memory packet switches", IEEE/ACM Transactions on Networking 6 (1998).
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from mailframe.queue.contract import Outcome, Parcel
from mailframe.queue.destination import closest
from mailframe.queue.ready import Ready
from mailframe.queue.window import Window

MINUTE = 60.0

AHEAD = 16
"""Parcels that wait in memory for each attempt that may be under way."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is done at the same time.

    Attributes:
        first: Simultaneous attempts at a destination to begin with.
        most: The same at most.
        total: Simultaneous attempts in all, at most.
        total_least: The same at least, when most destinations fail.
        memory: Parcels held in memory.
        each: Parcels of one destination held in memory.
        dead_for: Seconds a destination that is not there is left alone, the
            first time; twice as long each time after, up to ``dead_most``.
        dead_most: Seconds.
        remembered: Idle destinations whose pace is remembered.
        by_destination: ``most`` of some: ``example.org`` for this domain, or
            ``.example.org`` for all below it.
    """

    first: int = 5
    most: int = 20
    total: int = 200
    total_least: int = 20
    memory: int = 4000
    each: int = 400
    dead_for: float = 1 * MINUTE
    dead_most: float = 30 * MINUTE
    remembered: int = 10_000
    by_destination: Mapping[str, int] = field(default_factory=dict)

    def most_of(self, destination: str) -> int:
        """Return how many simultaneous attempts one destination may have."""
        return closest(self.by_destination, destination, self.most)


@dataclass(slots=True)
class Destination:
    """One destination.

    Attributes:
        name: Its domain.
        window: Its simultaneous attempts.
        ready: Parcels that wait for their turn.
        active: Attempts under way.
        more: Whether the spool may have more that is due.
        deaths: How often in a row it was declared dead.
        dead_until: When it may be tried again.
        last: What it, or the network, said last when it was not there.
    """

    name: str
    window: Window
    ready: Ready = field(default_factory=Ready)
    active: int = 0
    more: bool = False
    deaths: int = 0
    dead_until: float = 0.0
    last: Outcome | None = None

    def idle(self) -> bool:
        """Tell whether nothing is known to be there for it."""
        return not (self.ready or self.active or self.more)


class Destinations:
    """All destinations that something waits for, and some that were busy lately.

    Attributes:
        held: Parcels in memory: waiting, being tried or being settled.
        active: Attempts under way.
    """

    def __init__(self, pace: Pace) -> None:
        """Begin with none."""
        self._pace = pace
        self._busy: dict[str, Destination] = {}
        self._idle: OrderedDict[str, Destination] = OrderedDict()
        self._turns: OrderedDict[str, Destination] = OrderedDict()
        self._total = Window(
            min(pace.total_least, pace.total),
            pace.total,
            min(50, pace.total),
            steep=True,
        )
        self._waiting: OrderedDict[str, Destination] = OrderedDict()
        self.held = 0
        self.active = 0

    def put(self, parcel: Parcel) -> Destination:
        """Let a parcel wait for its turn."""
        destination = self._get(parcel.destination)
        destination.ready.put(parcel)
        self._turns.setdefault(destination.name, destination)
        self.held += 1
        return destination

    def _get(self, name: str) -> Destination:
        found = self._busy.get(name)
        if found is None:
            pace = self._pace
            most = pace.most_of(name)
            found = self._idle.pop(name, None) or Destination(
                name, Window(1, most, min(pace.first, most))
            )
            self._busy[name] = found
        return found

    def next(self, now: float) -> tuple[Destination, Parcel] | None:
        """Return whose turn it is, and its next parcel; ``None`` for nobody's.

        A destination that is dead has its turns too: its parcels are put off
        without an attempt, so that they age as they should.
        """
        turns = self._turns
        while turns and self._total.room(self.active):
            name, destination = turns.popitem(last=False)
            if not destination.ready:
                continue
            if now < destination.dead_until or self._may_start(destination):
                parcel = destination.ready.take()
                destination.active += 1
                self.active += 1
                if destination.ready:
                    turns[name] = destination
                return destination, parcel
            # It comes back when one of its attempts ends; or, if it only had
            # its share, perhaps when one of another does.
            if destination.window.room(destination.active):
                self._waiting[name] = destination
        return None

    def _may_start(self, destination: Destination) -> bool:
        free = int(self._total.size) - self.active
        return destination.window.room(destination.active) and (
            destination.active < max(1, free // 2)
        )

    def ended(
        self,
        destination: Destination,
        now: float,
        reached: bool | None,
        last: Outcome | None = None,
    ) -> None:
        """Note that an attempt is over; its parcel is still to be settled.

        Args:
            destination: Which.
            now: Seconds since 1970.
            reached: Whether it answered; ``None`` when it was not tried.
            last: What it said.
        """
        destination.active -= 1
        self.active -= 1
        if reached:
            destination.deaths = 0
            destination.dead_until = 0.0
            destination.window.succeeded()
            self._total.succeeded()
        elif reached is not None:
            self._failed(destination, now, last)
        if destination.ready:
            self._turns.setdefault(destination.name, destination)
        # The room this leaves may be another one's share: of the one that has
        # waited longest. Each of them has attempts under way, so none is lost.
        if self._waiting:
            name, other = self._waiting.popitem(last=False)
            self._turns.setdefault(name, other)

    def release(self, destination: Destination) -> None:
        """Note that a parcel is settled, and no longer held in memory."""
        self.held -= 1
        self.rest(destination)

    def _failed(
        self, destination: Destination, now: float, last: Outcome | None
    ) -> None:
        window = destination.window
        window.failed()
        self._total.failed()
        destination.last = last
        # As many in a row as it may have at the same time, so that one host of
        # many that is down, or one broken connection, is no reason; a
        # destination that was dead has one chance at a time.
        if now >= destination.dead_until and (
            destination.deaths or window.failures >= int(window.size)
        ):
            pause = self._pace.dead_for * 2 ** min(destination.deaths, 20)
            destination.deaths += 1
            destination.dead_until = now + min(pause, self._pace.dead_most)
            window.size = window.least

    def rest(self, destination: Destination) -> None:
        """Forget a destination, after a while, when nothing is there for it."""
        if destination.idle() and self._busy.pop(destination.name, None) is not None:
            self._idle[destination.name] = destination
            if len(self._idle) > self._pace.remembered:
                self._idle.popitem(last=False)

    def room(self) -> int:
        """Return how many more parcels may be held."""
        return max(0, self._pace.memory - self.held)

    def revive(self, name: str | None) -> None:
        """Let a destination that counts as dead be tried at once.

        Args:
            name: Which, ``None`` for all.
        """
        for one in (*self._busy.values(), *self._idle.values()):
            if name in (None, one.name):
                one.deaths = 0
                one.dead_until = 0.0

    def limit(self, destination: Destination) -> int:
        """Return how many parcels of a destination may wait in memory now.

        Several times what is tried at the same time, so that the next ones
        are there when those end; fewer when memory runs short.
        """
        wanted = min(self._pace.each, AHEAD * int(destination.window.size))
        return max(2, min(wanted, self.room() // 8))

    def takes(self, name: str) -> bool:
        """Tell whether one more parcel of a destination may wait in memory."""
        found = self._busy.get(name)
        return found is None or len(found.ready) < self.limit(found)

    def more(self, name: str) -> None:
        """Note that the spool has more for a destination than is held."""
        self._get(name).more = True

    def left_out(self) -> list[str]:
        """Return destinations that are asked for by themselves, when hungry.

        Of those the spool has more than may wait in memory now.
        """
        for one in self._busy.values():
            if len(one.ready) >= self.limit(one):
                one.more = True
        return [one.name for one in self._busy.values() if one.more]

    def hungry(self) -> list[Destination]:
        """Return destinations the spool has more for, and that soon can take it."""
        return [one for one in self._busy.values() if self.is_hungry(one)]

    def is_hungry(self, destination: Destination) -> bool:
        """Tell whether the spool has more for a destination that soon can take it."""
        limit = self.limit(destination)
        return destination.more and len(destination.ready) <= limit // 2

    def low(self) -> bool:
        """Tell whether half of the memory is free."""
        return self.held <= self._pace.memory // 2

    def drain(self) -> list[Parcel]:
        """Take all parcels that wait."""
        found = [one for each in self._busy.values() for one in each.ready.drain()]
        self.held -= len(found)
        self._turns.clear()
        self._waiting.clear()
        return found

    def states(self) -> list[Destination]:
        """Return all destinations that are busy, for an operator."""
        return list(self._busy.values())
