"""A reactor that is turned by hand, for stores that have threads.

Time stands still unless it is told to go on; what threads hand over waits in a
queue until the test takes it.
"""

import queue
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

PATIENCE = 30.0
"""Seconds a thread has to answer."""


class HandReactor(Clock):
    """Provides what a store asks of a reactor: timers, and calls from threads."""

    def __init__(self) -> None:
        """Begin at this moment."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.rightNow = time.time()
        self._calls: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()

    def callFromThread(self, function: Any, *args: Any, **kwargs: Any) -> None:
        """Run something in the test's thread, when it takes its turn."""
        self._calls.put(lambda: function(*args, **kwargs))

    def turn(self, seconds: float = 0.0) -> bool:
        """Run what is due; tell whether there was anything."""
        due = [
            call for call in self.getDelayedCalls() if call.getTime() <= self.rightNow
        ]
        did = bool(due)
        self.advance(seconds)
        while True:
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                return did
            did = True
            call()

    def wait(self) -> None:
        """Wait for a thread, and run what it hands over.

        Raises:
            AssertionError: None had anything to say.
        """
        try:
            call = self._calls.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError("no thread answers") from None
        call()

    def result(self, awaitable: Any) -> Any:
        """Run a coroutine, or wait for a Deferred, to its end; return the result."""
        deferred: Deferred[Any] = (
            awaitable
            if isinstance(awaitable, Deferred)
            else Deferred.fromCoroutine(awaitable)
        )
        found: list[Any] = []
        failed: list[Any] = []
        deferred.addCallbacks(found.append, failed.append)
        while not (found or failed):
            if not self.turn():
                self.wait()
        if failed:
            failed[0].raiseException()
        return found[0]
