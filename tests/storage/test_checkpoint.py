"""Tests of :mod:`mailframe.storage.checkpoint`, through the writer it works for."""

import errno
import os
from collections.abc import Callable

from mailframe.errors import TemporaryFailure
from mailframe.storage import journal as journal_module
from mailframe.storage.writer import Batch
from tests.storage.test_writer import WriterTestCase, break_down


class CheckpointTests(WriterTestCase):
    """A full journal is carried over and forgotten, as at the end."""

    def test_when_full(self) -> None:
        """It comes after the write-behind work, and frees the journal."""
        self.writer.submit(lambda batch: batch.record(1, bytes(3000)))
        self.writer.submit(self.job("a"))
        self.run_all()
        expected = ["hand over", "after a", "checkpoint", "sync"]
        self.assertEqual(self.seen[-4:], expected)
        self.assertEqual(self.replayed(), [])

    def test_not_before(self) -> None:
        """Below the limit there is none."""
        self.writer.submit(self.job("a"))
        self.run_all()
        self.assertNotIn("checkpoint", self.seen)

    def test_fails(self) -> None:
        """A failed checkpoint is logged, and the records stay."""

        def fail() -> None:
            raise TemporaryFailure("index")

        self.patch(self, "checkpoint", fail)
        result = self.writer.submit(lambda batch: batch.record(1, bytes(3000)))
        self.run_all()
        self.successResultOf(result)
        self.assertEqual(len(self.flushLoggedErrors(TemporaryFailure)), 1)
        self.assertEqual(self.replayed(), [bytes(3000)])

    def test_beside(self) -> None:
        """Jobs go on while the other thread is at it; what they write stays."""
        apart: list[Callable[[], None]] = []
        self.patch(self, "beside", apart.append)
        self.writer.submit(lambda batch: batch.record(1, bytes(3000)))
        self.run_all()
        self.writer.submit(self.job("a"))
        self.run_all()
        self.assertEqual(self.seen[-2:], ["hand over", "after a"])
        self.assertNotIn("sync", self.seen)
        (finish,) = apart
        finish()
        self.assertIn("sync", self.seen)
        self.assertEqual(self.replayed(), [b"a"])

    def test_sync_fails(self) -> None:
        """When what was carried over may not be durable, the records stay."""

        def fail(what: str) -> None:
            if what == "sync":
                raise OSError(errno.EIO, "disk")

        self.patch(self, "see", fail)
        self.writer.submit(lambda batch: batch.record(1, bytes(3000)))
        self.run_all()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(self.replayed(), [bytes(3000)])

    def test_full_once_more(self) -> None:
        """A journal that is full once more waits for what goes on."""
        apart: list[Callable[[], None]] = []
        self.patch(self, "beside", apart.append)
        free = self.writer._checkpoints._free
        self.patch(free, "wait", lambda: apart.pop(0)() if apart else None)
        for expected in (0, 1, 2):
            self.writer.submit(lambda batch: batch.record(1, bytes(3000)))
            self.run_all()
            self.assertEqual(self.seen.count("sync"), expected)
        stopped = self.writer.stop()
        self.run_all()
        self.successResultOf(stopped)
        self.assertEqual(self.seen.count("sync"), 4)
        self.assertEqual(self.replayed(), [])

    def test_spare(self) -> None:
        """The next file is made while the current one fills."""
        self.patch(journal_module, "SPARE_ROOM", 0)
        self.writer.submit(lambda batch: batch.record(1, bytes(1800)))
        self.run_all()
        self.assertIn("spare", os.listdir(f"{self.root}/journal"))
        self.writer.submit(lambda batch: batch.record(1, bytes(1800)))
        self.run_all()
        self.assertEqual(
            sorted(os.listdir(f"{self.root}/journal")), ["journal.2", "lock"]
        )

    def test_stop(self) -> None:
        """Stopping finishes what waits, writes behind, checkpoints and closes."""
        result = self.writer.submit(self.job("a"))
        stopped, again = self.writer.stop(), self.writer.stop()
        self.failureResultOf(self.writer.submit(self.job("b")), TemporaryFailure)
        self.run_all()
        self.assertEqual(self.successResultOf(result), "a")
        self.successResultOf(stopped)
        self.successResultOf(again)
        expected = ["a", "hand over", "after a", "checkpoint", "sync", "hand over"]
        self.assertEqual(self.seen[1:], expected)
        self.assertEqual(self.replayed(), [])

    def test_stop_without_jobs(self) -> None:
        """A writer that never had a job stops all the same."""
        stopped = self.writer.stop()
        self.run_all()
        self.successResultOf(stopped)
        self.assertEqual(self.seen, ["start", "checkpoint", "sync", "hand over"])

    def test_put_off(self) -> None:
        """Work put off comes before the checkpoint; if it fails there is none."""
        failures = [ZeroDivisionError()]

        def call(here: bool) -> None:
            self.see("later")
            if failures:
                raise failures.pop()

        def job(batch: Batch) -> None:
            batch.record(1, bytes(3000))
            batch.later("key", call, 1)

        self.writer.submit(job)
        self.run_all()
        self.assertEqual(self.seen, ["start", "hand over", "later"])
        self.writer.submit(job)
        self.run_all()
        self.assertEqual(self.seen[3:5], ["hand over", "later"])
        self.assertEqual(self.seen[5:], ["checkpoint", "sync"] * 2)
        self.assertEqual(self.replayed(), [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_put_off_fails(self) -> None:
        """What never gets through keeps the records, and is not hurried each time."""

        def job(batch: Batch) -> None:
            batch.record(1, bytes(3000))
            batch.later("key", lambda here: break_down(), 1)

        for _ in range(3):
            self.writer.submit(job)
            self.writer._run_batch(self.writer._queue.get())
        self.assertNotIn("checkpoint", self.seen)
        self.assertEqual(len(self.replayed()), 3)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.flushLoggedErrors(TemporaryFailure)), 1)

    def test_stop_fails(self) -> None:
        """When the last checkpoint fails, stopping says so and keeps the records."""

        def fail() -> None:
            raise TemporaryFailure("index")

        self.patch(self, "checkpoint", fail)
        self.writer.submit(self.job("a"))
        stopped = self.writer.stop()
        self.run_all()
        self.failureResultOf(stopped, TemporaryFailure)
        self.flushLoggedErrors(TemporaryFailure)
        self.assertEqual(self.replayed(), [b"a"])
