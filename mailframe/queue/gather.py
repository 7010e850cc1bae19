"""Many small changes in one job of the writer thread.

What is asked for while the thread is busy, or within a moment, waits together,
and is done in one job, each change for itself: a job a change, and a flush of
the disk for each, cost several times more than the change.

Source: DESIGN.md section 5 (group commit).
"""

from collections.abc import Awaitable, Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailframe.errors import MailError
from mailframe.queue.parts import Batch

T = TypeVar("T")

_Waiting = list[tuple[T, "Deferred[None]"]]

Linger = Callable[[Callable[[], None]], object]


class Gatherer(Generic[T]):
    """Gathers changes into jobs."""

    def __init__(
        self,
        submit: Callable[
            [Callable[[Batch], Sequence[MailError | None]]],
            Awaitable[Sequence[MailError | None]],
        ],
        make: Callable[[Batch, Sequence[T]], Sequence[MailError | None]],
        linger: Linger | None = None,
    ) -> None:
        """Begin with none.

        Args:
            submit: Has a job run; see ``mailframe.queue.parts.Writer``.
            make: Makes changes, in the writer thread. Returns for each
                ``None``, or why it, and it alone, could not be made.
            linger: Calls back after a moment, in which more may come; ``None``
                for no such moment.
        """
        self._submit = submit
        self._make = make
        self._lock = Lock()
        self._linger = linger
        self._waiting: _Waiting[T] | None = None
        self._lingering: _Waiting[T] | None = None

    def add(self, change: T) -> "Deferred[None]":
        """Have a change made, in the reactor thread.

        Returns:
            Fires when it is durable.
        """
        deferred: Deferred[None] = Deferred()
        with self._lock:
            waiting = self._waiting
            if waiting is not None:
                waiting.append((change, deferred))
                return deferred
            waiting = self._waiting = [(change, deferred)]
        self._lingering = waiting
        if self._linger is None:
            self.hurry()
        else:
            self._linger(self.hurry)
        return deferred

    def hurry(self) -> None:
        """Wait for no more changes, in the reactor thread."""
        waiting, self._lingering = self._lingering, None
        if waiting is not None:
            Deferred.fromCoroutine(self._run(waiting))

    async def _run(self, waiting: _Waiting[T]) -> None:
        try:
            results = await self._submit(lambda batch: self._do(batch, waiting))
        except BaseException:
            failure = Failure()  # type: ignore[no-untyped-call]
            self._close(waiting)
            for _, deferred in waiting:
                deferred.errback(failure)
            return
        for (_, deferred), result in zip(waiting, results, strict=True):
            if result is None:
                deferred.callback(None)
            else:
                deferred.errback(result)

    def _close(self, waiting: _Waiting[T]) -> None:
        """Take nothing more into a job."""
        with self._lock:
            if self._waiting is waiting:
                self._waiting = None

    def _do(self, batch: Batch, waiting: _Waiting[T]) -> Sequence[MailError | None]:
        self._close(waiting)
        return self._make(batch, [change for change, _ in waiting])
