"""Token buckets: so much at once, then so much a second. Pure but for its clock.

A bounded number of buckets is kept; when there are more, those that were not
asked for longest go, full ones being no loss.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """How much is allowed.

    Attributes:
        burst: At once, from 1.
        seconds: In which a whole burst comes back, more than 0.
    """

    burst: int
    seconds: float

    def __post_init__(self) -> None:
        """Refuse what never allows anything, or always."""
        if self.burst < 1 or self.seconds <= 0:
            raise ValueError("a rate is at least 1 in more than 0 seconds")


class TokenBuckets:
    """One bucket for each key."""

    def __init__(
        self, rate: Rate, seconds: Callable[[], float], most: int = 100_000
    ) -> None:
        """Begin with every bucket full.

        Args:
            rate: Of each bucket.
            seconds: A clock.
            most: Buckets kept.
        """
        self._rate = rate
        self._seconds = seconds
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, count: int = 1) -> bool:
        """Take tokens; return whether there were enough, else none are taken."""
        rate = self._rate
        now = self._seconds()
        level, when = self._levels.get(key, (float(rate.burst), now))
        level = min(rate.burst, level + (now - when) * rate.burst / rate.seconds)
        enough = level >= count
        self._levels[key] = (level - count if enough else level, now)
        self._levels.move_to_end(key)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return enough

    def __len__(self) -> int:
        """Return how many buckets are kept."""
        return len(self._levels)
