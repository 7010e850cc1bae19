"""Tests of :mod:`mailframe.auth.watched_file`."""

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.watched_file import WatchedFile
from mailframe.errors import TemporaryFailure


class WatchedFileTests(SynchronousTestCase):
    """What is in the file counts a second later; what cannot be read does not."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.path = self.mktemp()
        self.looks = 0
        self.reads = 0
        self.file = WatchedFile(self.path, self.parse, self.clock.seconds, self.run_now)

    def parse(self, octets: bytes) -> bytes:
        """Count, and give the octets back."""
        self.reads += 1
        return octets

    def run_now(self, call: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Count, and run at once."""
        self.looks += 1
        return execute(call, *args)

    def write(self, octets: bytes) -> None:
        """Make the file have these octets."""
        with open(self.path, "wb") as file:
            file.write(octets)

    def current(self) -> bytes:
        """Return what the file means now."""
        return self.successResultOf(Deferred.fromCoroutine(self.file.current()))

    def test_changes(self) -> None:
        """A change counts after a second, and not before."""
        self.write(b"one")
        self.assertEqual(self.current(), b"one")
        self.write(b"other")
        self.clock.advance(0.9)
        self.assertEqual(self.current(), b"one")
        self.clock.advance(0.1)
        self.assertEqual(self.current(), b"other")

    def test_asked_by_many_at_once(self) -> None:
        """Thousands wait for one look; one that gives up stops nobody."""
        self.write(b"one")
        looking: Deferred[None] = Deferred()
        calls: list[Any] = []

        def run(call: Callable[..., Any], *args: Any) -> Deferred[Any]:
            calls.append(call)
            return looking.addCallback(lambda _: call(*args))

        file = WatchedFile(self.path, self.parse, self.clock.seconds, run)
        asking = [Deferred.fromCoroutine(file.current()) for _ in range(5000)]
        asking[0].cancel()
        asking[7].cancel()
        looking.callback(None)
        for one in (asking[0], asking[7]):
            self.failureResultOf(one, CancelledError)
        for one in asking[1:7] + asking[8:]:
            self.assertEqual(self.successResultOf(one), b"one")
        self.assertEqual(len(calls), 1)
        again = Deferred.fromCoroutine(file.current())
        self.assertEqual(self.successResultOf(again), b"one")

    def test_looks_seldom(self) -> None:
        """One look a second, and reading only when something changed."""
        self.write(b"one")
        for _ in range(20):
            self.current()
            self.clock.advance(0.1)
        self.assertEqual((self.looks, self.reads), (2, 1))

    def test_same_size_and_time(self) -> None:
        """Another file in its place is noticed whatever its size and time."""
        self.write(b"one")
        self.current()
        status = os.stat(self.path)
        with open(self.path + ".new", "wb") as file:
            file.write(b"two")
        os.utime(self.path + ".new", ns=(status.st_atime_ns, status.st_mtime_ns))
        os.rename(self.path + ".new", self.path)
        self.clock.advance(1)
        self.assertEqual(self.current(), b"two")

    def test_never_read(self) -> None:
        """As long as it was never there the answer is not known; then it is."""
        for _ in range(3):
            self.failureResultOf(
                Deferred.fromCoroutine(self.file.current()), TemporaryFailure
            )
        self.assertEqual(self.looks, 1)
        self.write(b"one")
        self.clock.advance(1)
        self.assertEqual(self.current(), b"one")

    def test_gone(self) -> None:
        """When it cannot be read any more, what it was stays."""
        self.write(b"one")
        self.current()
        os.unlink(self.path)
        self.clock.advance(1)
        self.assertEqual(self.current(), b"one")

    def test_one_reads_for_all(self) -> None:
        """Who asks while it is being read waits for that."""
        self.write(b"one")
        waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = []

        def run_later(call: Callable[..., Any], *args: Any) -> Deferred[Any]:
            waiting.append((Deferred(), lambda: call(*args)))
            return waiting[-1][0]

        file = WatchedFile(self.path, self.parse, self.clock.seconds, run_later)
        asked = [Deferred.fromCoroutine(file.current()) for _ in range(5)]
        asked[1].cancel()
        self.failureResultOf(asked.pop(1))
        [(done, call)] = waiting
        self.assertNoResult(asked[0])
        done.callback(call())
        for one in asked:
            self.assertEqual(self.successResultOf(one), b"one")
        self.assertEqual((len(waiting), self.reads), (1, 1))
