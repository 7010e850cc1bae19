"""Tests of :mod:`mailframe.queue.gather`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import MailError, MessageGone, TemporaryFailure
from mailframe.queue.gather import Gatherer


class GathererTests(SynchronousTestCase):
    """Changes that wait together are made together."""

    def setUp(self) -> None:
        """Make one whose jobs run when the test says so."""
        self.jobs: list[tuple[Callable[[Any], Any], Deferred[Any]]] = []
        self.made: list[str] = []
        self.trouble: Exception | None = None

        def submit(job: Callable[[Any], Any]) -> "Deferred[Any]":
            if self.trouble is not None:
                return fail(self.trouble)
            self.jobs.append((job, Deferred()))
            return self.jobs[-1][1]

        def make(batch: Any, changes: Sequence[str]) -> list[MailError | None]:
            if "bug" in changes:
                raise ZeroDivisionError
            self.made += [one for one in changes if one != "bad"]
            return [MessageGone(one) if one == "bad" else None for one in changes]

        self.gatherer: Gatherer[str] = Gatherer(submit, make)

    def run_job(self) -> None:
        """Run the oldest job, as the writer does."""
        job, done = self.jobs.pop(0)
        try:
            found = job(None)
        except ZeroDivisionError as error:
            done.errback(error)
        else:
            done.callback(found)

    def test_together(self) -> None:
        """One job for all that came before it ran; the next ones get another."""
        first = [self.gatherer.add(one) for one in "abc"]
        self.assertEqual(len(self.jobs), 1)
        self.run_job()
        self.assertEqual(self.made, ["a", "b", "c"])
        for one in first:
            self.assertIsNone(self.successResultOf(one))
        last = self.gatherer.add("d")
        self.assertEqual(len(self.jobs), 1)
        self.assertNoResult(last)
        self.run_job()
        self.successResultOf(last)

    def test_added_while_it_runs(self) -> None:
        """What comes when a job has begun belongs to the next one."""
        first = self.gatherer.add("a")
        job, done = self.jobs.pop(0)
        found = job(None)
        second = self.gatherer.add("b")
        done.callback(found)
        self.successResultOf(first)
        self.assertNoResult(second)
        self.run_job()
        self.successResultOf(second)

    def test_one_fails(self) -> None:
        """A change that cannot be made fails alone."""
        good, bad, other = (self.gatherer.add(one) for one in ("a", "bad", "b"))
        self.run_job()
        self.successResultOf(good)
        self.failureResultOf(bad, MessageGone)
        self.successResultOf(other)

    def test_all_fail(self) -> None:
        """When the job fails, all of its changes do; the next job is a new one."""
        waiting = [self.gatherer.add(one) for one in ("a", "bug")]
        self.run_job()
        for one in waiting:
            self.failureResultOf(one, ZeroDivisionError)
        self.trouble = TemporaryFailure("too many writes are waiting")
        self.failureResultOf(self.gatherer.add("a"), MailError)
        self.trouble = None
        last = self.gatherer.add("b")
        self.run_job()
        self.successResultOf(last)

    def test_linger(self) -> None:
        """What comes within a moment is one job, unless there is a hurry."""
        clock = Clock()
        gatherer = Gatherer(
            self.gatherer._submit, self.gatherer._make, partial(clock.callLater, 1)
        )
        first, second = gatherer.add("a"), gatherer.add("b")
        self.assertEqual(self.jobs, [])
        clock.advance(1)
        self.assertEqual(len(self.jobs), 1)
        third = gatherer.add("c")
        self.run_job()
        self.assertEqual(self.made, ["a", "b", "c"])
        for one in (first, second, third):
            self.successResultOf(one)
        last = gatherer.add("d")
        gatherer.hurry()
        self.assertEqual(len(self.jobs), 1)
        clock.advance(1)
        self.assertEqual(len(self.jobs), 1)
        self.run_job()
        self.successResultOf(last)
