"""Tests of :mod:`mailframe.storage.writer`: many jobs, one sync, one hand-over."""

import errno
import os
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import InsufficientStorage, NoSuchMailbox, TemporaryFailure
from mailframe.net.eager import Turn
from mailframe.storage import journal as journal_module
from mailframe.storage import writer as writer_module
from mailframe.storage.journal import Journal
from mailframe.storage.writer import Batch, BatchWriter
from mailframe.testing.faults import FaultyOS


def break_down() -> None:
    """Be a bug."""
    raise ZeroDivisionError


class WriterTestCase(SynchronousTestCase):
    """A writer without a thread, run by :meth:`BatchWriter.run_pending`."""

    def setUp(self) -> None:
        """Make a writer on an open journal, and a list of what happens."""
        self.patch(journal_module, "ZEROS", bytes(64))
        self.root = self.mktemp()
        os.mkdir(self.root)
        self.system = FaultyOS(self.root)
        self.journal = Journal(
            f"{self.root}/journal", os_layer=self.system, size_limit=2000
        )
        self.journal.open()
        self.addCleanup(self.journal.close)
        self.seen: list[str] = []
        self.handed: list[Callable[[], object]] = []
        self.writer = BatchWriter(
            self.journal,
            call_from_thread=self.call_from_thread,
            start_thread=lambda run: self.see("start"),
            beside=lambda call: self.beside(call),
            checkpoint=lambda: self.checkpoint(),
            sync=lambda: self.see("sync"),
        )

    def checkpoint(self) -> None:
        """Carry over what the journal has."""
        self.see("checkpoint")

    def beside(self, call: Callable[[], None]) -> None:
        """Be another thread that is quick."""
        call()

    def call_from_thread(self, call: Callable[..., object], *args: object) -> None:
        """Keep a call for the reactor until :meth:`deliver`."""
        self.see("hand over")
        self.handed.append(lambda: call(*args))

    def deliver(self) -> None:
        """Be the reactor."""
        handed, self.handed = self.handed, []
        for call in handed:
            call()

    def run_all(self) -> None:
        """Run all that waits, and hand the results over."""
        self.writer.run_pending()
        self.deliver()

    def see(self, what: str) -> None:
        """Note that something happened."""
        self.seen.append(what)

    def job(self, name: str, *, records: int = 1) -> Callable[[Batch], str]:
        """Return a job that writes records and returns its name."""

        def run(batch: Batch) -> str:
            self.see(name)
            for _ in range(records):
                batch.record(1, name.encode())
            batch.undo(lambda: self.see(f"undo {name} first"))
            batch.undo(lambda: self.see(f"undo {name} last"))
            batch.afterwards(lambda: self.see(f"after {name}"))
            return name

        return run

    def bad(self, error: Exception) -> Callable[[Batch], str]:
        """Return a job that does what others do, and then raises."""
        good = self.job("bad")

        def run(batch: Batch) -> str:
            good(batch)
            raise error

        return run

    def watch_write(self) -> None:
        """Note when the journal is written."""
        write = self.journal.write

        def watched(records: Sequence[tuple[int, Sequence[bytes]]]) -> None:
            self.see("write")
            write(records)

        self.patch(self.journal, "write", watched)

    def replayed(self) -> list[bytes]:
        """Return the payloads the journal has on the disk."""
        self.journal.close()
        journal = Journal(f"{self.root}/journal")
        self.addCleanup(journal.close)
        return [payload for _, payload in journal.replay()]

    def syncs(self) -> int:
        """Return how many syncs there were since this was asked last."""
        count = self.system.calls.count("fdatasync")
        del self.system.calls[:]
        return count


class BatchTests(WriterTestCase):
    """Jobs run in order and are answered together, once they are durable."""

    def test_one_sync_one_hand_over(self) -> None:
        """Several jobs cost one sync and one call into the reactor."""
        self.syncs()
        results = [self.writer.submit(self.job(name)) for name in "abc"]
        self.writer.run_pending()
        self.assertEqual(self.syncs(), 1)
        for result in results:
            self.assertNoResult(result)
        self.assertEqual(len(self.handed), 1)
        self.deliver()
        self.assertEqual([self.successResultOf(one) for one in results], list("abc"))
        self.assertEqual(self.replayed(), [b"a", b"b", b"c"])

    def test_order(self) -> None:
        """Jobs, then the sync, then the hand-over, then what was put off."""
        self.writer.submit(self.job("a"))
        self.writer.submit(self.job("b"))
        self.watch_write()
        self.run_all()
        expected = ["start", "a", "b", "write", "hand over", "after a", "after b"]
        self.assertEqual(self.seen, expected)

    def test_reading_costs_no_sync(self) -> None:
        """Jobs that record nothing do not touch the disk."""
        self.syncs()
        result = self.writer.submit(self.job("a", records=0))
        self.run_all()
        self.assertEqual(self.successResultOf(result), "a")
        self.assertEqual(self.system.calls, [])

    def test_pieces(self) -> None:
        """The pieces of a record become one payload."""
        self.writer.submit(lambda batch: batch.record(9, b"a", b"", b"bc"))
        self.run_all()
        self.assertEqual(self.replayed(), [b"abc"])

    def test_submitted_by_a_callback(self) -> None:
        """What a result's callback submits belongs to a later batch."""
        first = self.writer.submit(self.job("a"))
        later: list[Deferred[str]] = []
        first.addCallback(lambda _: later.append(self.writer.submit(self.job("b"))))
        self.run_all()
        self.run_all()
        self.assertEqual(self.successResultOf(later[0]), "b")

    def test_batch_is_bounded(self) -> None:
        """Neither many jobs nor large ones make one batch."""
        self.patch(writer_module, "BATCH_JOBS", 2)
        for name in "abc":
            self.writer.submit(self.job(name))
        self.writer.run_pending()
        self.assertEqual(len(self.handed), 2)
        self.patch(writer_module, "BATCH_JOBS", 100)
        self.patch(writer_module, "BATCH_OCTETS", 5)
        for name in ("large", "b", "c"):
            self.writer.submit(self.job(name))
        self.writer.run_pending()
        self.assertEqual(len(self.handed), 4)

    def test_too_many_wait(self) -> None:
        """Beyond the bound a job is refused for now, and never runs."""
        self.patch(writer_module, "WAITING_MAX", 2)
        results = [self.writer.submit(self.job(name)) for name in "abc"]
        self.failureResultOf(results[2], TemporaryFailure)
        self.run_all()
        self.assertNotIn("c", self.seen)
        self.assertEqual(self.successResultOf(results[1]), "b")

    def test_cancelled(self) -> None:
        """Cancelling gives up the result; the job runs all the same."""
        result = self.writer.submit(self.job("a"))
        result.cancel()
        result.addErrback(lambda failure: None)
        self.run_all()
        self.assertEqual(self.replayed(), [b"a"])

    def test_batch_ends_with_its_job(self) -> None:
        """A job cannot use its batch later."""
        kept: list[Batch] = []
        self.writer.submit(kept.append)
        self.run_all()
        self.assertRaises(RuntimeError, kept[0].record, 1, b"late")

    def test_before_sync(self) -> None:
        """Each key's first call runs once, after all jobs, before the sync."""

        def job(key: str, name: str) -> Callable[[Batch], None]:
            def run(batch: Batch) -> None:
                self.see(f"job {name}")
                batch.before_sync(key, lambda: self.see(f"commit {name}"))
                batch.record(1, name.encode())

            return run

        for key, name in (("x", "a"), ("x", "b"), ("y", "c")):
            self.writer.submit(job(key, name))
        self.watch_write()
        self.run_all()
        expected = ["job a", "job b", "job c", "commit a", "commit c", "write"]
        self.assertEqual(self.seen[1:-1], expected)


class TurnTests(WriterTestCase):
    """What is submitted in one turn of the reactor comes to the writer together."""

    def setUp(self) -> None:
        """Have a writer that waits for the end of the turn."""
        super().setUp()
        self.ends: list[Callable[[], None]] = []
        self.writer = BatchWriter(
            self.journal,
            call_from_thread=self.call_from_thread,
            at_end_of_turn=lambda call: self.ends.append(call),
            start_thread=lambda run: self.see("start"),
            checkpoint=lambda: self.see("checkpoint"),
        )

    def end(self) -> None:
        """Have the turn end."""
        ends, self.ends = self.ends, []
        for call in ends:
            call()

    def test_together(self) -> None:
        """Nothing runs before the end of the turn; then all in its order."""
        self.syncs()
        for name in "ab":
            self.writer.submit(self.job(name))
        self.assertEqual(len(self.ends), 1)
        self.run_all()
        self.assertEqual((self.seen, self.syncs()), ([], 0))
        self.end()
        self.writer.submit(self.job("c"))
        self.run_all()
        self.assertEqual(self.syncs(), 1)
        self.end()
        self.run_all()
        self.assertEqual(self.seen.count("start"), 1)
        self.assertEqual([one for one in self.seen if one in "abc"], list("abc"))

    def test_too_many_wait(self) -> None:
        """What waits for the end of the turn waits, too."""
        self.patch(writer_module, "WAITING_MAX", 2)
        self.writer.submit(self.job("a"))
        self.end()
        self.writer.submit(self.job("b"))
        self.failureResultOf(self.writer.submit(self.job("c")), TemporaryFailure)

    def test_stop(self) -> None:
        """Stopping does not wait, and comes after what was submitted."""
        result = self.writer.submit(self.job("a"))
        stopped = self.writer.stop()
        self.run_all()
        self.assertEqual(self.successResultOf(result), "a")
        self.assertIsNone(self.successResultOf(stopped))
        self.end()
        self.run_all()

    def test_reactors(self) -> None:
        """A reactor that does not tell of its turns has jobs handed in at once."""
        turn = Turn()
        ends = (SimpleNamespace(turn=turn), SimpleNamespace())
        for reactor in ends:
            writer_module.end_of_turn(reactor)(lambda: self.see("end"))
        self.assertEqual(self.seen, ["end"])
        turn.over()
        self.assertEqual(self.seen, ["end", "end"])


class FailureTests(WriterTestCase):
    """A failure reaches those it concerns, and leaves nothing behind."""

    def test_mail_error(self) -> None:
        """A refusal passes as it is; the other jobs are not concerned."""
        error = NoSuchMailbox("x")
        before = self.writer.submit(self.job("a"))
        bad = self.writer.submit(self.bad(error))
        after = self.writer.submit(self.job("b"))
        self.run_all()
        self.assertIs(self.failureResultOf(bad).value, error)
        self.assertEqual(self.successResultOf(before), "a")
        self.assertEqual(self.successResultOf(after), "b")
        self.assertEqual(self.replayed(), [b"a", b"b"])

    def test_undone_at_once(self) -> None:
        """A failed job is taken back, last call first, before the next runs."""
        bad = self.writer.submit(self.bad(ValueError("our bug")))
        self.writer.submit(self.job("a"))
        self.run_all()
        self.failureResultOf(bad, ValueError)
        expected = ["bad", "undo bad last", "undo bad first", "a"]
        self.assertEqual(self.seen[1:5], expected)

    def test_only_failures(self) -> None:
        """A batch of which every job failed costs no sync."""
        self.syncs()
        bad = self.writer.submit(self.bad(ValueError("our bug")))
        self.run_all()
        self.failureResultOf(bad, ValueError)
        self.assertEqual(self.syncs(), 0)

    def test_disk_full(self) -> None:
        """When the journal cannot be written, all that wrote fail, last first."""
        self.system.fail(errno.ENOSPC, "pwritev")
        a = self.writer.submit(self.job("a"))
        reading = self.writer.submit(self.job("r", records=0))
        b = self.writer.submit(self.job("b"))
        self.run_all()
        self.failureResultOf(a, InsufficientStorage)
        self.failureResultOf(b, InsufficientStorage)
        self.assertEqual(self.successResultOf(reading), "r")
        undone = ["undo b last", "undo b first", "undo a last", "undo a first"]
        expected = ["a", "r", "b", *undone, "hand over", "after r"]
        self.assertEqual(self.seen[1:], expected)

    def test_goes_on(self) -> None:
        """The writer outlives a failed sync."""
        self.system.fail(errno.EIO, "fdatasync")
        a = self.writer.submit(self.job("a"))
        self.run_all()
        self.failureResultOf(a, TemporaryFailure)
        b = self.writer.submit(self.job("b"))
        self.run_all()
        self.assertEqual(self.successResultOf(b), "b")
        self.journal.close()
        self.system.crash()
        self.assertEqual(self.replayed(), [b"b"])

    def test_before_sync_fails(self) -> None:
        """A failed commit fails the jobs of its key alone."""

        def commit() -> None:
            raise InsufficientStorage("index")

        def job(key: str) -> Callable[[Batch], None]:
            def run(batch: Batch) -> None:
                batch.before_sync(key, commit if key == "x" else lambda: None)
                batch.undo(lambda: self.see(f"undo {key}"))
                batch.record(1, key.encode())

            return run

        x, y = self.writer.submit(job("x")), self.writer.submit(job("y"))
        self.run_all()
        self.failureResultOf(x, InsufficientStorage)
        self.successResultOf(y)
        self.assertIn("undo x", self.seen)
        self.assertEqual(self.replayed(), [b"y"])

    def test_bad_record(self) -> None:
        """A record that cannot be written fails its own job alone."""
        bad = self.writer.submit(lambda batch: batch.record(256, b""))
        good = self.writer.submit(self.job("a"))
        self.run_all()
        self.failureResultOf(bad, ValueError)
        self.assertEqual(self.successResultOf(good), "a")

    def test_before_sync_of_a_failed_job(self) -> None:
        """What a failed job began is ended with the batch."""

        def run(batch: Batch) -> None:
            batch.before_sync("x", lambda: self.see("commit"))
            raise NoSuchMailbox("x")

        self.failed(run, NoSuchMailbox)
        self.assertIn("commit", self.seen)

    def failed(self, job: Callable[[Batch], Any], kind: type[Exception]) -> None:
        """Run a job that must fail."""
        result = self.writer.submit(job)
        self.run_all()
        self.failureResultOf(result, kind)

    def test_undo_fails(self) -> None:
        """A failing undo call is logged; the other ones run."""

        def run(batch: Batch) -> None:
            batch.undo(lambda: self.see("undo"))
            batch.undo(break_down)
            raise NoSuchMailbox("x")

        self.failed(run, NoSuchMailbox)
        self.assertIn("undo", self.seen)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_write_behind_fails(self) -> None:
        """A failing write-behind call is logged; the next ones run."""

        def run(batch: Batch) -> None:
            batch.afterwards(break_down)
            batch.afterwards(lambda: self.see("next"))

        result = self.writer.submit(run)
        self.run_all()
        self.successResultOf(result)
        self.assertIn("next", self.seen)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class WriteBehindTests(WriterTestCase):
    """What was put off is done, without keeping others waiting for long."""

    def put_off(self, name: str, count: int) -> Callable[[Batch], None]:
        """Return a job that puts off some calls."""

        def run(batch: Batch) -> None:
            self.see(name)
            for _ in range(count):
                batch.afterwards(lambda: self.see(f"after {name}"))

        return run

    def test_share(self) -> None:
        """Jobs that wait come in between, and the order stays."""
        self.patch(writer_module, "BEHIND_SHARE", 2)
        self.patch(writer_module, "BATCH_JOBS", 1)
        self.writer.submit(self.put_off("a", 3))
        self.writer.submit(self.put_off("b", 1))
        self.run_all()
        seen = [what for what in self.seen[1:] if what != "hand over"]
        expected = ["a", "after a", "after a", "b", "after a", "after b"]
        self.assertEqual(seen, expected)

    def test_bounded(self) -> None:
        """Too much of it, and jobs have to wait."""
        self.patch(writer_module, "BEHIND_SHARE", 1)
        self.patch(writer_module, "BEHIND_MAX", 2)
        self.patch(writer_module, "BATCH_JOBS", 1)
        self.writer.submit(self.put_off("a", 6))
        self.writer.submit(self.put_off("b", 0))
        self.run_all()
        self.assertEqual(self.seen.index("b") - self.seen.index("after a"), 4)


class ThreadTests(WriterTestCase):
    """The real thread does what the steps above do."""

    def test_thread(self) -> None:
        """All jobs run in one other thread, in order, and it ends."""
        threads: list[threading.Thread] = []
        done = threading.Event()

        def hand_over(call: Callable[..., object], *args: object) -> None:
            self.call_from_thread(call, *args)
            if "checkpoint" in self.seen:
                done.set()

        writer = BatchWriter(
            self.journal,
            call_from_thread=hand_over,
            checkpoint=lambda: self.see("checkpoint"),
        )

        def job(batch: Batch) -> None:
            threads.append(threading.current_thread())
            batch.record(1, b"x")

        results = [writer.submit(job) for _ in range(100)]
        stopped = writer.stop()
        self.assertTrue(done.wait(60))
        self.deliver()
        for result in results:
            self.successResultOf(result)
        self.successResultOf(stopped)
        self.assertEqual(len(set(threads)), 1)
        self.assertIsNot(threads[0], threading.current_thread())
        threads[0].join(10)
        self.assertFalse(threads[0].is_alive())
