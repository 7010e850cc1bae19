"""Tests of :mod:`mailframe.storage.intake`: arriving mail never fills the memory."""

import errno
import os
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred, execute
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.errors import InsufficientStorage, MessageTooLarge, TemporaryFailure
from mailframe.interfaces.content import IContent, IContentWriter, IIntake
from mailframe.storage.content import PIECE
from mailframe.storage.intake import FileIntake, FileWriter, IntakeBusy
from mailframe.testing.faults import FaultyOS

T = TypeVar("T")


class IntakeTestCase(SynchronousTestCase):
    """An intake whose threads run when the test says so."""

    memory = 10
    memory_all = 1000
    message_limit = 10_000_000

    def setUp(self) -> None:
        """Make the intake."""
        self.root = self.mktemp()
        os.mkdir(self.root)
        self.directory = f"{self.root}/incoming"
        self.system = FaultyOS(self.root)
        self.waiting: list[Callable[[], object]] = []
        self.intake = self.make()
        self.intake.open()

    def make(self) -> FileIntake:
        """Return an intake in the directory, not open yet."""
        intake = FileIntake(
            self.directory,
            run=self.run_later,
            memory=self.memory,
            memory_all=self.memory_all,
            message_limit=self.message_limit,
            os_layer=self.system,
        )
        self.addCleanup(intake.close)
        return intake

    def run_later(self, call: Callable[[], T]) -> "Deferred[T]":
        """Keep a call until :meth:`run_threads`."""
        result: Deferred[T] = Deferred()
        self.waiting.append(lambda: execute(call).chainDeferred(result))
        return result

    def run_threads(self) -> None:
        """Be the threads."""
        while self.waiting:
            self.waiting.pop(0)()

    def done(self, result: Any) -> Any:
        """Run the threads, and return what a coroutine returned."""
        deferred: Deferred[Any] = ensureDeferred(result)
        self.run_threads()
        return self.successResultOf(deferred)

    def written(self, *pieces: bytes) -> FileWriter:
        """Return a writer that was given pieces, each after the last was taken."""
        writer = self.intake.begin()
        for piece in pieces:
            if (wait := writer.write(piece)) is not None:
                self.assertNoResult(wait)
                self.run_threads()
                self.successResultOf(wait)
        return writer

    def files(self) -> list[str]:
        """Return the names of files with messages."""
        return sorted(set(os.listdir(self.directory)) - {"lock"})


class ContentTests(IntakeTestCase):
    """What was written is what is read, wherever it rests."""

    def test_contract(self) -> None:
        """Intake, writer and content provide their interfaces."""
        self.assertTrue(verifyObject(IIntake, self.intake))
        writer = self.written(b"x" * 11)
        self.assertTrue(verifyObject(IContentWriter, writer))
        self.assertTrue(verifyObject(IContent, self.done(writer.finish())))

    def test_small(self) -> None:
        """Up to ``memory`` octets make no file and wait for nothing."""
        content = self.done(self.written(b"12345", b"", b"67890").finish())
        self.assertEqual((content.octets, content.size), (b"1234567890", 10))
        self.assertIsNone(content.path)
        self.assertEqual(self.files(), [])

    def test_empty(self) -> None:
        """A message of no octets is one."""
        self.assertEqual(self.done(self.intake.begin().finish()).octets, b"")

    def test_large(self) -> None:
        """One octet more makes a file, which nobody else may read."""
        content = self.done(self.written(b"12345", b"678901", b"234").finish())
        self.assertIsNone(content.octets)
        self.assertEqual(content.size, 14)
        self.assertEqual(os.stat(content.path).st_mode & 0o777, 0o600)
        with open(content.path, "rb") as file:
            self.assertEqual(file.read(), b"12345678901234")

    def test_read(self) -> None:
        """Any part can be read, any number of times; the end may be beyond."""
        content = self.done(self.written(b"12345", b"678901", b"234").finish())
        for start, stop in ((0, 14), (3, 7), (13, 14), (5, 5), (9, 99), (14, 20)):
            expected = b"12345678901234"[start:stop]
            self.assertEqual(self.done(content.read(start, stop)), expected)

    def test_gathers_for_the_file(self) -> None:
        """Once in a file, small pieces are written together."""
        writer = self.written(b"x" * 11)
        self.intake.memory_all = 2 * PIECE
        self.assertIsNone(writer.write(b"y" * PIECE))
        wait = writer.write(b"z")
        assert wait is not None
        self.run_threads()
        self.successResultOf(wait)
        content = self.done(writer.finish())
        self.assertEqual(content.size, PIECE + 12)
        self.assertEqual(self.done(content.read(0, PIECE))[:12], b"x" * 11 + b"y")

    def test_short_write(self) -> None:
        """A write that takes only a part is continued."""
        write = self.system.write
        self.patch(
            self.system, "writev", lambda fd, pieces: write(fd, b"".join(pieces)[:3])
        )
        self.patch(self.system, "write", lambda fd, octets: write(fd, octets[:4]))
        content = self.done(self.written(b"12345678901234").finish())
        self.assertEqual(self.done(content.read(0, 14)), b"12345678901234")

    def test_many_pieces(self) -> None:
        """More pieces than one call takes are written all the same."""
        self.intake.memory = 5000
        content = self.done(self.written(*[b"ab"] * 2501).finish())
        self.assertEqual(self.done(content.read(0, 6000)), b"ab" * 2501)


class BoundTests(IntakeTestCase):
    """What peers can make us hold is bounded."""

    message_limit = 20
    memory_all = 15

    def test_message_limit(self) -> None:
        """One octet too many refuses the message, and nothing is kept."""
        writer = self.written(b"x" * 11, b"x" * 9)
        self.assertRaises(MessageTooLarge, writer.write, b"x")
        self.run_threads()
        self.assertEqual((self.files(), self.intake.held), ([], 0))

    def test_all_messages(self) -> None:
        """When all hold too much, one that grows goes to a file early."""
        first, second = self.written(b"x" * 8), self.written(b"y" * 7)
        self.assertEqual((self.intake.held, self.files()), (15, []))
        wait = second.write(b"z")
        assert wait is not None
        self.run_threads()
        self.successResultOf(wait)
        self.assertEqual((self.intake.held, len(self.files())), (8, 1))
        self.assertEqual(self.done(first.finish()).octets, b"x" * 8)
        self.assertEqual(self.intake.held, 0)

    def test_counted_until_written(self) -> None:
        """Octets on their way to the file are still in memory."""
        self.intake.begin().write(b"x" * 11)
        self.assertEqual(self.intake.held, 11)
        self.run_threads()
        self.assertEqual(self.intake.held, 0)


class RemovalTests(IntakeTestCase):
    """No file outlives its message."""

    def test_close(self) -> None:
        """Closing removes the file, once, and not in the reactor thread."""
        content = self.done(self.written(b"x" * 11).finish())
        content.close()
        content.close()
        self.assertEqual((len(self.files()), len(self.waiting)), (1, 1))
        self.run_threads()
        self.assertEqual(self.files(), [])
        self.failureResultOf(ensureDeferred(content.read(0, 1)), TemporaryFailure)

    def test_close_while_read(self) -> None:
        """A file is not closed under a read that is under way."""
        content = self.done(self.written(b"x" * 11).finish())
        readings = [ensureDeferred(content.read(0, 3)) for _ in range(2)]
        content.close()
        self.waiting.pop(0)()
        self.assertEqual(len(self.waiting), 1)
        self.run_threads()
        for reading in readings:
            self.assertEqual(self.successResultOf(reading), b"xxx")
        self.assertEqual(self.files(), [])

    def test_linked(self) -> None:
        """A store's link to the file stays when the content is closed."""
        content = self.done(self.written(b"x" * 11).finish())
        os.link(content.path, f"{self.root}/kept")
        content.close()
        self.run_threads()
        with open(f"{self.root}/kept", "rb") as file:
            self.assertEqual(file.read(), b"x" * 11)

    def test_discard(self) -> None:
        """Discarding removes the file, also one that is being written to."""
        writer = self.written(b"x" * 11)
        self.intake.memory_all = 0
        writer.write(b"y")
        writer.discard()
        writer.discard()
        self.run_threads()
        self.assertEqual((self.files(), self.intake.held), ([], 0))

    def test_discard_small(self) -> None:
        """Discarding what is in memory gives the memory back."""
        self.written(b"x").discard()
        self.assertEqual((self.intake.held, self.waiting), (0, []))

    def test_discard_after_finish(self) -> None:
        """It is nothing then: the content has its owner."""
        writer = self.written(b"x" * 11)
        content = self.done(writer.finish())
        writer.discard()
        self.run_threads()
        self.assertEqual(self.done(content.read(0, 2)), b"xx")

    def test_discard_while_finishing(self) -> None:
        """Whoever discards meanwhile gets no content, and leaves no file."""
        self.intake.memory_all = 100
        writer = self.written(b"x" * 11)
        writer.write(b"y")
        finishing = ensureDeferred(writer.finish())
        writer.discard()
        self.run_threads()
        self.failureResultOf(finishing, TemporaryFailure)
        self.assertEqual((self.files(), self.intake.held), ([], 0))

    def test_leftovers(self) -> None:
        """What a crash left is removed at the start, and nothing else."""
        self.intake.close()
        for name in ("incoming.7", "incoming.x", "other"):
            with open(f"{self.directory}/{name}", "wb"):
                pass
        self.system = FaultyOS(self.root)
        self.make().open()
        self.assertEqual(self.files(), ["incoming.x", "other"])

    def test_busy(self) -> None:
        """A second intake never removes the files of the first."""
        self.assertRaises(IntakeBusy, self.make().open)


class FailureTests(IntakeTestCase):
    """A disk that fails is told to the sender in mail terms."""

    def refused(self, call: str, code: int, kind: type[Exception]) -> None:
        """Fail one call while a message is written."""
        self.system.fail(code, call)
        writer = self.intake.begin()
        wait = writer.write(b"x" * 11)
        assert wait is not None
        self.run_threads()
        self.failureResultOf(wait, kind)
        writer.discard()
        self.run_threads()
        self.assertEqual((self.files(), self.intake.held), ([], 0))

    def test_disk_full(self) -> None:
        """A full disk, at either call, is insufficient storage."""
        for code in (errno.ENOSPC, errno.EDQUOT):
            self.refused("open", code, InsufficientStorage)
            self.refused("writev", code, InsufficientStorage)

    def test_disk_fails(self) -> None:
        """Anything else is a temporary failure."""
        self.refused("open", errno.EIO, TemporaryFailure)
        self.refused("writev", errno.EIO, TemporaryFailure)

    def test_full_at_the_end(self) -> None:
        """The last octets may be those that do not fit."""
        self.intake.memory_all = 100
        writer = self.written(b"x" * 11)
        writer.write(b"y")
        self.system.fail(errno.ENOSPC, "writev")
        finishing = ensureDeferred(writer.finish())
        self.run_threads()
        self.failureResultOf(finishing, InsufficientStorage)
        writer.discard()
        self.run_threads()
        self.assertEqual((self.files(), self.intake.held), ([], 0))

    def test_cannot_remove(self) -> None:
        """A file that cannot be removed waits for the next start."""
        content = self.done(self.written(b"x" * 11).finish())
        self.system.fail(errno.EIO, "unlink")
        content.close()
        self.run_threads()
        self.assertEqual(len(self.files()), 1)
        self.intake.close()
        self.make().open()
        self.assertEqual(self.files(), [])
