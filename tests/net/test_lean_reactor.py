"""Tests of :mod:`mailframe.net.lean_reactor`."""

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.python.runtime import platform
from twisted.trial.unittest import SynchronousTestCase

if platform.isLinux():
    from mailframe.net.lean_reactor import LeanReactor


class Reader(FileDescriptor):
    """The readable end of a pipe."""

    def __init__(self, reactor: Any, trouble: Exception | None = None) -> None:
        """Make the pipe; raise ``trouble`` when there is something to read."""
        super().__init__(reactor)
        self.ends = os.pipe()
        self.trouble = trouble
        self.got = b""
        self.lost: Any = None

    def fileno(self) -> int:
        """Return the end."""
        return self.ends[0]

    def doRead(self) -> None:
        """Read."""
        self.got += os.read(self.ends[0], 10)
        if self.trouble is not None:
            raise self.trouble

    def connectionLost(self, reason: Any) -> None:
        """Note why."""
        self.lost = reason


class LeanReactorTests(SynchronousTestCase):
    """It does what the reactor of Twisted does."""

    if not platform.isLinux():
        skip = "Linux only"

    def setUp(self) -> None:
        """Make one that is not installed."""
        self.reactor: Any = LeanReactor()
        self.addCleanup(self.reactor._poller.close)
        self.addCleanup(self.reactor.removeAll)

    def reader(self, trouble: Exception | None = None) -> Reader:
        """Return a reader that has something to read."""
        reader = Reader(self.reactor, trouble)
        for end in reader.ends:
            self.addCleanup(os.close, end)
        self.addCleanup(self.reactor.removeReader, reader)
        os.write(reader.ends[1], b"octets")
        self.reactor.addReader(reader)
        return reader

    def test_reads(self) -> None:
        """Whoever can read is told; nobody is waited for without end."""
        reader = self.reader()
        self.reactor.doIteration(1)
        self.assertEqual(reader.got, b"octets")
        self.reactor.doIteration(0)
        self.assertIsNone(reader.lost)

    def test_trouble(self) -> None:
        """What one raises is logged and ends that one, not the others."""
        bad, good = self.reader(ValueError("no")), self.reader()
        self.reactor.doIteration(1)
        self.reactor.doIteration(0)
        self.assertEqual(good.got, b"octets")
        self.assertIsNotNone(bad.lost)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_trouble_with_trouble(self) -> None:
        """One that cannot even be closed does no harm to the others."""
        bad, good = self.reader(ValueError("no")), self.reader()

        def fail(reason: Any) -> None:
            raise KeyError("never")

        self.patch(bad, "connectionLost", fail)
        self.reactor.doIteration(1)
        self.reactor.doIteration(0)
        self.assertEqual(good.got, b"octets")
        self.flushLoggedErrors()

    def test_turn(self) -> None:
        """What was written is sent when all that is due was done, before it waits.

        Whoever wants to know of that is told afterwards.
        """
        done: list[str] = []

        class Written:
            def uncork(self) -> None:
                done.append("sent")

        def write() -> None:
            self.reactor.turn.call(lambda: done.append("over"))
            self.reactor.turn.add(Written())
            done.append("written")

        for _ in range(2):
            self.reactor.callLater(0, write)
        self.reactor.callLater(60, done.append, "later")
        self.reactor.runUntilCurrent()
        self.reactor.runUntilCurrent()
        self.assertEqual(done, ["written", "written", "sent", "sent", "over", "over"])

    def test_written_when_it_is_over(self) -> None:
        """What comes of a turn's end belongs to it: nobody knows when the next is."""
        done: list[str] = []
        late = SimpleNamespace(uncork=lambda: done.append("sent"))
        self.reactor.turn.call(lambda: self.reactor.turn.add(late))
        self.reactor.runUntilCurrent()
        self.assertEqual(done, ["sent"])

    def test_chosen(self) -> None:
        """``twistd`` knows it by its name."""
        found = subprocess.run(
            [
                *(sys.executable, "-c"),
                "from twisted.application.reactors import installReactor\n"
                "print(type(installReactor('mailframe')).__name__)",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(found.stdout.strip(), "LeanReactor", found.stderr)
