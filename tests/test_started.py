"""Tests of :mod:`mailframe.started`."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.started import started


class StartedTests(SynchronousTestCase):
    """What comes of a coroutine, whether it waits or not."""

    async def work(self, *waits: "Deferred[Any]") -> list[Any]:
        """Wait for each; note failures as well."""
        found: list[Any] = []
        for wait in waits:
            try:
                found.append(await wait)
            except ValueError as error:
                found.append(error)
        return found

    def test_no_waiting(self) -> None:
        """The result is there at once, or the failure."""
        self.assertEqual(self.successResultOf(started(self.work())), [])
        self.failureResultOf(started(self.failing()), KeyError)

    async def failing(self, wait: "Deferred[Any] | None" = None) -> None:
        """Raise, perhaps after something."""
        if wait is not None:
            await wait
        raise KeyError

    def test_waiting(self) -> None:
        """It goes on with each result and each failure, in turn."""
        waits: list[Deferred[Any]] = [Deferred() for _ in range(4)]
        waits[2].callback(2)
        done = started(self.work(*waits))
        error = ValueError()
        waits[0].callback(0)
        self.assertNoResult(done)
        waits[1].errback(error)
        waits[3].callback(3)
        self.assertEqual(self.successResultOf(done), [0, error, 2, 3])

    def test_failing_later(self) -> None:
        """A failure after waiting is the outcome."""
        wait: Deferred[Any] = Deferred()
        done = started(self.failing(wait))
        wait.callback(None)
        self.failureResultOf(done, KeyError)

    def test_cancelled(self) -> None:
        """Whoever gives up stops what is waited for, and the coroutine ends."""
        dropped: list[Any] = []
        wait: Deferred[Any] = Deferred(dropped.append)
        done = started(self.work(wait))
        done.cancel()
        self.assertEqual(dropped, [wait])
        self.failureResultOf(done, CancelledError)
