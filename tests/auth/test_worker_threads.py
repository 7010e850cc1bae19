"""Tests of :mod:`mailframe.auth.worker_threads`."""

import threading
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mailframe.auth.worker_threads import WorkerThreads
from mailframe.errors import TemporaryFailure
from tests.auth.checker_case import REACTOR, HandTimed


class WorkerThreadsTests(TestCase):
    """So many run, so many wait, and none for ever."""

    timeout = 110

    def setUp(self) -> None:
        self.go = threading.Event()
        self.running = 0
        self.most = 0
        self.lock = threading.Lock()
        self.reactor = HandTimed()

    def threads(self, threads: int = 2, waiting: int = 3, limit: float = 10) -> Any:
        """Return some, that end with the test."""
        made = WorkerThreads(
            self.reactor, "test", threads=threads, waiting=waiting, limit=limit
        )
        self.addCleanup(made.stop)
        self.addCleanup(self.go.set)
        return made

    def held(self) -> str:
        """Wait in the thread until the test says go."""
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.go.wait(60)
        with self.lock:
            self.running -= 1
        return "done"

    def start(self, threads: WorkerThreads) -> Deferred[Any]:
        """Run one that is held."""
        return Deferred.fromCoroutine(threads.run(self.held))

    async def test_result(self) -> None:
        """What the call returns or raises reaches whoever asked."""
        threads = self.threads()
        self.assertEqual(await threads.run(divmod, 7, 2), (3, 1))
        with self.assertRaises(ZeroDivisionError):
            await threads.run(divmod, 7, 0)

    async def test_bounded(self) -> None:
        """Two run, three wait, the sixth is told to come again."""
        threads = self.threads()
        running = [self.start(threads) for _ in range(5)]
        with self.assertRaises(TemporaryFailure):
            await threads.run(self.held)
        self.go.set()
        self.assertEqual(await gatherResults(running), ["done"] * 5)
        self.assertLessEqual(self.most, 2)

    async def test_limit(self) -> None:
        """Who waits too long, in the queue or for the thread, is told so."""
        threads = self.threads(threads=1)
        running = [self.start(threads) for _ in range(2)]
        while not self.running:
            await deferLater(REACTOR, 0.01)
        self.reactor.advance(10)
        for one in running:
            await self.assertFailure(one, TemporaryFailure)
        # The thread still has its place.
        self.assertEqual(self.running, 1)
        waiting = self.start(threads)
        self.go.set()
        self.assertEqual(await waiting, "done")
        self.assertEqual(self.most, 1)

    async def test_cancelled(self) -> None:
        """Who leaves the queue costs nothing; a thread that runs keeps its place."""
        threads = self.threads(threads=1)
        first, second, third = (self.start(threads) for _ in range(3))
        for one in (first, second):
            one.cancel()
            await self.assertFailure(one, CancelledError)
        self.assertFalse(third.called)
        self.go.set()
        self.assertEqual(await third, "done")
        self.assertEqual(self.most, 1)

    def test_unused(self) -> None:
        """Threads nobody used need no end."""
        self.threads().stop()
