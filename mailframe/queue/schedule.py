"""When to try again, when to warn the sender, when to give up. Pure.

Source: RFC 5321 section 4.5.4.1, RFC 2852 (DELIVERBY), RFC 4865
(FUTURERELEASE).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailframe.model.envelope import ReversePath
from mailframe.queue.destination import closest

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times of one destination's attempts.

    The first attempt is made at once.

    Attributes:
        waits: Seconds from each attempt to the next; the last one repeats.
        lifetime: Seconds from arrival to the last attempt. RFC 5321 section
            4.5.4.1 asks for four to five days.
        warn_after: Seconds after which the sender is told of the delay.
        jitter: Share of a wait, from 0 to 1, by which it may be shorter, so
            that what failed together is not tried together.
    """

    waits: tuple[float, ...] = (
        *(5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE),
        *(HOUR, 2 * HOUR, 4 * HOUR),
    )
    lifetime: float = 5 * DAY
    warn_after: float = 4 * HOUR
    jitter: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what is no schedule.

        Raises:
            ValueError: A time is not positive, or the jitter out of range.
        """
        times = (*self.waits, self.lifetime, self.warn_after)
        if not self.waits or min(times) <= 0 or not 0 <= self.jitter <= 1:
            raise ValueError("waits and times are above 0, jitter from 0 to 1")

    def wait(self, attempts: int, chance: float) -> float:
        """Return the seconds from an attempt to the next one.

        Args:
            attempts: How many were made, from 1.
            chance: From 0 to 1, at random.
        """
        whole = self.waits[min(attempts, len(self.waits)) - 1]
        return whole * (1 - self.jitter * chance)

    def expiry(self, arrived: float, path: ReversePath) -> float:
        """Return when the last attempt is made.

        Args:
            arrived: When the message came, seconds since 1970.
            path: Its sender's wishes: the time of a message that is not to
                be sent yet begins later, and one to be returned when it is
                late expires then.
        """
        expiry = self._begin(arrived, path) + self.lifetime
        if path.deliver_by is not None and path.deliver_by.bounce:
            return min(expiry, path.deliver_by.at)
        return expiry

    def again(
        self,
        arrived: float,
        path: ReversePath,
        attempts: int,
        now: float,
        chance: float,
    ) -> float | None:
        """Return when to try again.

        Args:
            arrived: When the message came.
            path: Its sender's wishes.
            attempts: How many were made, from 1.
            now: When the last one ended.
            chance: From 0 to 1, at random.

        Returns:
            Seconds since 1970, the last time exactly at the expiry, and once
            when the sender is to be told that it is late (RFC 2852 section
            4.1.3); ``None`` when the expiry is over.
        """
        expiry = self.expiry(arrived, path)
        if now >= expiry:
            return None
        again = min(now + self.wait(attempts, chance), expiry)
        by = path.deliver_by
        return min(again, by.at) if by is not None and now < by.at else again

    def warns(self, arrived: float, path: ReversePath, now: float) -> bool:
        """Tell whether the sender is to be told of a delay.

        Source: RFC 5321 section 4.5.4.1, RFC 2852 (by-mode ``N``).
        """
        late = self._begin(arrived, path) + self.warn_after
        if path.deliver_by is not None and not path.deliver_by.bounce:
            late = min(late, path.deliver_by.at)
        return now >= late

    def _begin(self, arrived: float, path: ReversePath) -> float:
        return max(arrived, path.hold_until or 0.0)


@dataclass(frozen=True, slots=True)
class Schedules:
    """The schedule of each destination.

    Attributes:
        default: For all that are not named.
        by_destination: Others: ``example.org`` for this domain, or
            ``.example.org`` for all below it.
    """

    default: Schedule = Schedule()
    by_destination: Mapping[str, Schedule] = field(default_factory=dict)

    def of(self, destination: str) -> Schedule:
        """Return a destination's schedule; the closest name counts."""
        return closest(self.by_destination, destination, self.default)
