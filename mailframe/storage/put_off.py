"""Work the writer thread puts off until there is more of it to do at once.

Source: DESIGN.md section 5 (stores write their own files behind the journal).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from functools import partial

from twisted.logger import Logger

LATER_SECONDS = 0.5
"""Seconds that work may be put off, so that more of the same joins it."""

LATER_OCTETS = 33_554_432
"""Octets whose work may be put off; beyond it jobs have to wait for them."""

LATER_SHARE = 0.005
"""Seconds given to work that was put off between two batches, when it is due."""

RETRY_SECONDS = 5.0
"""Seconds until work that was put off and failed is tried again."""

LOOK_SECONDS = 0.002
"""Seconds until one looks, with nothing else to do, what became of work elsewhere."""

UNDER_WAY_MAX = 4
"""Pieces of work that may be under way in other places."""

Idle = Callable[[], bool]


class UnderWay(ABC):
    """Work that was begun and goes on in another place."""

    @abstractmethod
    def outcome(self, wait: bool) -> "Outcome":
        """Return what came of it: itself, as long as it goes on.

        Args:
            wait: Do not return before it is over.

        Raises:
            Exception: It failed, and has to be done again.
        """


Outcome = Idle | UnderWay | None
"""Nothing more to do; what to do while there are no jobs; or not over yet."""

Later = Callable[[bool], Outcome]
"""Does what was put off. The argument tells whether it must be done here and now,
or may be given to another place."""


class _Task:
    """What was put off for one key.

    Attributes:
        call: Does it.
        when: From when on it is due.
        age: How often :meth:`PutOff.turn_over` had been called.
        size: Octets it keeps in memory.
    """

    __slots__ = ("age", "call", "size", "when")

    def __init__(self, call: Later, when: float, age: int) -> None:
        self.call = call
        self.when = when
        self.age = age
        self.size = 0


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
        self._due: dict[Hashable, _Task] = {}
        self._under_way: dict[Hashable, tuple[UnderWay, _Task]] = {}
        self._idle: dict[Hashable, Idle] = {}
        self._age = 0

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._due or self._under_way or self._idle)

    def patience(self, seconds: float) -> float | None:
        """Return how long to wait for a job before looking here.

        Args:
            seconds: How long if nothing is under way.

        Returns:
            Seconds, or ``None`` for as long as it takes.
        """
        if self._under_way:
            return LOOK_SECONDS
        return seconds if self else None

    def add(self, key: Hashable, call: Later, size: int) -> None:
        """Put a call off; see :meth:`Batch.later`."""
        self.size += size
        task = self._due.get(key)
        if task is None:
            task = _Task(call, self._seconds() + LATER_SECONDS, self._age)
            self._due[key] = task
        task.size += size

    def turn_over(self) -> int:
        """Return what :meth:`done_before` takes for all that is here now."""
        self._age += 1
        return self._age

    def done_before(self, age: int) -> bool:
        """Tell whether all that was here at some time has been done since.

        What may be left is what is done while there are no jobs.

        Args:
            age: What :meth:`turn_over` returned then.
        """
        under_way = [task for _, task in self._under_way.values()]
        return all(task.age >= age for task in [*self._due.values(), *under_way])

    def run_due(self) -> None:
        """Run what is due, for a moment, and what is too much to be kept."""
        self._look(wait=False)
        begun = self._seconds()
        for key, task in list(self._due.items()):
            too_much = self.size > LATER_OCTETS
            late = self._seconds() - begun > LATER_SHARE
            if not too_much and (late or task.when > begun or not self._room()):
                break
            if too_much or key not in self._under_way:
                self._run(key, here=too_much)

    def run_all(self) -> bool:
        """Run all that must be run; say whether all got through."""
        for key in list(self._due):
            self._run(key, here=key in self._under_way or not self._room())
            self._look(wait=False)
        self._look(wait=True)
        return not self._due

    def run_idle(self, busy: Callable[[], bool]) -> None:
        """Run one call after another until there is something else to do."""
        self._look(wait=False)
        soon = self._seconds() + LATER_SECONDS
        for key in [key for key, task in self._due.items() if task.when <= soon]:
            if busy() or not self._room():
                return
            if key not in self._under_way:
                self._run(key, here=False)
        # What is under way may have to go on, and is not done when it is over.
        while self._idle and not (self._under_way or busy()):
            key, call = next(iter(self._idle.items()))
            del self._idle[key]
            try:
                more = call()
            except BaseException:
                self._log.failure("work in idle time failed")
                more = False
            if more:
                self._idle[key] = call

    def _room(self) -> bool:
        """Tell whether more may be under way."""
        return len(self._under_way) < UNDER_WAY_MAX

    def _run(self, key: Hashable, *, here: bool) -> None:
        earlier = self._under_way.get(key)
        if earlier is not None:
            work, task = earlier
            self._take(key, task, partial(work.outcome, True))
        task = self._due.pop(key)
        self._take(key, task, partial(task.call, here))

    def _look(self, *, wait: bool) -> None:
        """See which of what is under way is over: what was begun first is first."""
        for key, (work, task) in list(self._under_way.items()):
            if not self._take(key, task, partial(work.outcome, wait)):
                break

    def _take(self, key: Hashable, task: _Task, run: Callable[[], Outcome]) -> bool:
        """Run something and keep what came of it; say whether it is over."""
        before = self._under_way.get(key)
        try:
            outcome = run()
        except BaseException:
            self._log.failure("work that was put off failed")
            self._under_way.pop(key, None)
            # What came meanwhile is done with it.
            task.size += self._due[key].size if key in self._due else 0
            task.when = self._seconds() + RETRY_SECONDS
            self._due[key] = task
            return True
        if isinstance(outcome, UnderWay):
            if before is None or before[0] is not outcome:
                self._under_way.pop(key, None)
                self._under_way[key] = (outcome, task)
            return False
        self._under_way.pop(key, None)
        self.size -= task.size
        if outcome is not None:
            self._idle[key] = outcome
        return True
