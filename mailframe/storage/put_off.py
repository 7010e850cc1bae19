"""Work the writer thread puts off until there is more of it to do at once.

Source: DESIGN.md section 5 (stores write their own files behind the journal).
"""

from collections.abc import Callable, Hashable

from twisted.logger import Logger

LATER_SECONDS = 0.5
"""Seconds that work may be put off, so that more of the same joins it."""

LATER_OCTETS = 33_554_432
"""Octets whose work may be put off; beyond it jobs have to wait for them."""

LATER_SHARE = 0.005
"""Seconds given to work that was put off between two batches, when it is due."""

RETRY_SECONDS = 5.0
"""Seconds until work that was put off and failed is tried again."""

Idle = Callable[[], bool]
Later = Callable[[], Idle | None]


class PutOff:
    """Calls that were put off, by key; for the writer thread.

    Attributes:
        size: Octets they keep in memory.
    """

    _log = Logger()

    def __init__(self, seconds: Callable[[], float]) -> None:
        """Begin with none.

        Args:
            seconds: A clock that never goes back.
        """
        self.size = 0
        self._seconds = seconds
        self._due: dict[Hashable, tuple[float, Later]] = {}
        self._sizes: dict[Hashable, int] = {}
        self._idle: dict[Hashable, Idle] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._due or self._idle)

    def add(self, key: Hashable, call: Later, size: int) -> None:
        """Put a call off; see :meth:`Batch.later`."""
        self.size += size
        self._sizes[key] = self._sizes.get(key, 0) + size
        if key not in self._due:
            self._due[key] = (self._seconds() + LATER_SECONDS, call)

    def run_due(self) -> None:
        """Run what is due, for a moment, and what is too much to be kept."""
        begun = self._seconds()
        for key, (when, _) in list(self._due.items()):
            too_much = self.size > LATER_OCTETS
            late = self._seconds() - begun > LATER_SHARE
            if not too_much and (late or when > begun):
                break
            self._run(key)

    def run_all(self) -> bool:
        """Run all that must be run; say whether all got through."""
        for key in list(self._due):
            self._run(key)
        return not self._due

    def run_idle(self, busy: Callable[[], bool]) -> None:
        """Run one call after another until there is something else to do."""
        soon = self._seconds() + LATER_SECONDS
        for key in [key for key, (when, _) in self._due.items() if when <= soon]:
            if busy():
                return
            self._run(key)
        while self._idle and not busy():
            key, call = next(iter(self._idle.items()))
            del self._idle[key]
            try:
                more = call()
            except BaseException:
                self._log.failure("work in idle time failed")
                more = False
            if more:
                self._idle[key] = call

    def _run(self, key: Hashable) -> None:
        _, call = self._due.pop(key)
        try:
            more = call()
        except BaseException:
            self._log.failure("work that was put off failed")
            self._due[key] = (self._seconds() + RETRY_SECONDS, call)
            return
        self.size -= self._sizes.pop(key, 0)
        if more is not None:
            self._idle[key] = more
