"""Threads of a backend's own, for a library that blocks.

So many calls run at a time, so many wait, none for ever: whoever gets no answer
in time is told to come again, and no other backend waits for this one's threads.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from mailframe.errors import TemporaryFailure

_T = TypeVar("_T")


class WorkerThreads:
    """A bounded number of threads and a bounded queue before them."""

    def __init__(
        self, reactor: Any, name: str, *, threads: int, waiting: int, limit: float
    ) -> None:
        """Start nothing yet; the first call does.

        Args:
            reactor: Provides ``IReactorTime``, ``IReactorFromThreads`` and
                ``IReactorCore``; its shutdown ends the threads.
            name: Of the threads, for a debugger.
            threads: Calls that run at a time.
            waiting: Calls that may wait for one of them.
            limit: Seconds until whoever asked gets an answer, waiting included.
        """
        self._reactor = reactor
        self._pool = ThreadPool(0, threads, name)
        self._places = DeferredSemaphore(threads)
        self._waiting = waiting
        self._limit = limit
        self._trigger: Any = None

    def run(
        self, call: Callable[..., _T], *args: Any
    ) -> Coroutine[Deferred[Any], Any, _T]:
        """Call a function in a thread, when it is this one's turn.

        Raises:
            TemporaryFailure: Too many wait already, or it took too long. The
                call may still be running then; its result is thrown away.
            Exception: What the call raises.
        """
        return self._answered(self._run(call, *args))

    def stop(self) -> None:
        """End the threads; those that are busy are waited for."""
        trigger, self._trigger = self._trigger, None
        if trigger is not None:
            self._reactor.removeSystemEventTrigger(trigger)
            self._pool.stop()

    async def _answered(self, running: Coroutine[Deferred[Any], Any, _T]) -> _T:
        outcome = Deferred.fromCoroutine(running)
        outcome.addTimeout(self._limit, self._reactor)
        try:
            return await outcome
        except defer.TimeoutError:
            raise TemporaryFailure("no answer in time") from None

    async def _run(self, call: Callable[..., _T], *args: Any) -> _T:
        if self._places.tokens == 0 and len(self._places.waiting) >= self._waiting:
            raise TemporaryFailure("too many wait for an answer")
        await self._places.acquire()
        self._start()
        outcome: Deferred[_T] = Deferred()

        def done(success: bool, result: Any) -> None:
            self._reactor.callFromThread(deliver, result)

        def deliver(result: _T | Failure) -> None:
            self._places.release()
            if not outcome.called:
                outcome.callback(result)

        # A thread cannot be stopped. If the client goes away the outcome is
        # cancelled, yet the place is free only when the thread is.
        self._pool.callInThreadWithCallback(done, call, *args)
        return await outcome

    def _start(self) -> None:
        if self._trigger is None:
            self._pool.start()
            self._trigger = self._reactor.addSystemEventTrigger(
                "during", "shutdown", self._pool.stop
            )
