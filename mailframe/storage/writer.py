"""One thread that writes for all: many jobs, one sync, one hand-over.

What the reactor submits while the last batch is being synced becomes the next
batch. Its jobs run one after another, then its records go to the journal
together, then all its results travel to the reactor in one call. What nobody
waits for comes behind: right away (:meth:`Batch.afterwards`), or put off until
there is more of it to do at once (:meth:`Batch.later`).

Source: DESIGN.md section 5 (group commit); MEASURED.md sections 3 and 6.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailframe.errors import TemporaryFailure
from mailframe.storage.checkpoint import Checkpoints, nothing
from mailframe.storage.journal import Journal
from mailframe.storage.put_off import Later, PutOff
from mailframe.storage.records import PAYLOAD_MAX

T = TypeVar("T")

WAITING_MAX = 10_000
"""Jobs that may wait; beyond it the disk is too slow for what comes in."""

BATCH_JOBS = 1000
"""Jobs of one batch; more would only make the first of them wait longer."""

BATCH_OCTETS = 8_388_608
"""Octets of records after which a batch takes no further job."""

BEHIND_SHARE = 100
"""Write-behind calls between two batches while jobs wait."""

BEHIND_MAX = 10_000
"""Write-behind calls that may pile up before jobs have to wait for them."""

IDLE_SECONDS = 0.03
"""Seconds without a job after which nothing is put off any more."""


class Batch:
    """What a job may ask for; valid while that job runs, not after."""

    __slots__ = (
        "_before",
        "_later",
        "behind",
        "keys",
        "open",
        "records",
        "size",
        "undone",
    )

    def __init__(
        self, before: dict[Hashable, Callable[[], None]], later: PutOff | None = None
    ) -> None:
        """Begin for one job.

        Args:
            before: The calls of all jobs of this batch, to be added to.
            later: The writer's.
        """
        self._before = before
        self._later = later
        self.keys: list[Hashable] = []
        self.records: list[tuple[int, tuple[bytes, ...]]] = []
        self.undone: list[Callable[[], None]] = []
        self.behind: list[Callable[[], None]] = []
        self.size = 0
        self.open = True

    def record(self, kind: int, *pieces: bytes) -> None:
        """Put a record into the journal together with this batch.

        Nothing is written when the job fails.

        Args:
            kind: From 1 to 255; its meaning is the owner's.
            pieces: The payload, 4 GiB at most.

        Raises:
            ValueError: The kind or the size is out of range.
        """
        self._check()
        size = sum(map(len, pieces))
        # Here, since in the journal it would fail the other jobs as well.
        if not 0 < kind < 256 or size > PAYLOAD_MAX:
            raise ValueError(f"kind {kind}, {size} octets")
        self.records.append((kind, pieces))
        self.size += size

    def before_sync(self, key: Hashable, call: Callable[[], None]) -> None:
        """Run ``call`` when all jobs have run, before the journal is written.

        It runs once for a key, whichever jobs asked, even if they failed: what
        was begun has to be ended. When it raises, the jobs that asked for this
        key fail with its error and none of their records is written.

        Args:
            key: Such as the account whose transaction is to be committed.
            call: Only the first one for a key counts.
        """
        self._check()
        self._before.setdefault(key, call)
        self.keys.append(key)

    def undo(self, call: Callable[[], None]) -> None:
        """Run ``call`` if this job fails, or what follows it up to the sync.

        Calls run last first. When the job itself fails they run at once,
        before the next job. When a ``before_sync`` call or the journal fails
        they run after all ``before_sync`` calls of the batch, so they have to
        commit what they change.
        """
        self._check()
        self.undone.append(call)

    def afterwards(self, call: Callable[[], None]) -> None:
        """Run ``call`` in the writer thread when the result has been handed out.

        Calls run in the order they were asked for, never after a failure, and
        before the next checkpoint. Jobs of later batches may run before them.
        """
        self._check()
        self.behind.append(call)

    def later(self, key: Hashable, call: Later, size: int) -> None:
        """Run ``call`` in the writer thread, once for all who asked with a key.

        That is within :data:`.put_off.LATER_SECONDS`, or when no jobs come, or when the
        octets put off are too many, and before the next checkpoint; never
        inside a batch. When it raises it is run again some time later, and
        there is no checkpoint before it got through.

        Args:
            key: Such as the account whose work it is.
            call: Does all that is to be done then, or begins it, see
                :data:`.put_off.Later`. What it returns, if anything, is run
                while there are no jobs, as long as it says that there is more
                to do.
            size: Octets that it keeps in memory for this job.
        """
        self._check()
        if self._later is not None:
            self._later.add(key, call, size)

    def _check(self) -> None:
        if not self.open:
            raise RuntimeError("a batch is valid only during its job")


def at_once(call: Callable[[], None]) -> None:
    """Do something now."""
    call()


def end_of_turn(reactor: Any) -> Callable[[Callable[[], None]], None]:
    """Return what has something done when a turn of a reactor is over.

    Args:
        reactor: One that says so, as :class:`mailframe.net.lean_reactor.LeanReactor`
            does; with another it is done at once.
    """
    later: Callable[[Callable[[], None]], None] = getattr(
        getattr(reactor, "turn", None), "call", at_once
    )
    return later


Job = Callable[[Batch], Any]
_Waiting = tuple[Job | None, "Deferred[Any]"]


class _Ran:
    """A job that ran, with what it is answered."""

    __slots__ = ("batch", "deferred", "outcome")

    def __init__(self, deferred: "Deferred[Any]", batch: Batch, outcome: Any) -> None:
        self.deferred = deferred
        self.batch = batch
        self.outcome = outcome

    def good(self) -> bool:
        return not isinstance(self.outcome, Failure)


def start_daemon(run: Callable[[], None], name: str = "mailframe-writer") -> None:
    """Run ``run`` in a thread that does not keep the process from ending."""
    threading.Thread(target=run, name=name, daemon=True).start()


beside = partial(start_daemon, name="mailframe-checkpoint")
"""Run something in a thread of its own, beside the writer's."""


class BatchWriter:
    """Runs jobs in its thread, in order, and syncs them together."""

    _log = Logger()

    def __init__(
        self,
        journal: Journal,
        *,
        call_from_thread: Callable[..., Any],
        at_end_of_turn: Callable[[Callable[[], None]], None] = at_once,
        start_thread: Callable[[Callable[[], None]], None] = start_daemon,
        beside: Callable[[Callable[[], None]], None] = beside,
        checkpoint: Callable[[], None] = nothing,
        sync: Callable[[], None] = nothing,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin; the thread starts with the first job.

        Args:
            journal: Open. From now on it belongs to the writer thread.
            call_from_thread: Such as ``reactor.callFromThread``: runs its
                arguments in the reactor thread, soon.
            at_end_of_turn: Such as what :func:`end_of_turn` returns: has a call
                made in this turn of the reactor, so that jobs that are submitted
                in it come to the writer thread together.
            start_thread: Begins the thread. One that does nothing leaves it to
                the caller to run the jobs with :meth:`run_pending`.
            beside: Runs a call in a thread of its own.
            checkpoint: Brings to the owner's own files whatever was recorded so
                far; runs in the writer thread, when all that was written behind
                or put off before has been done. If it raises, the journal keeps
                its records, and the next checkpoint tries again.
            sync: Makes durable there what ``checkpoint`` brought; runs in
                another thread while jobs go on. The same if it raises.
            seconds: A clock that never goes back.
        """
        self._later = PutOff(seconds)
        self._journal = journal
        self._call_from_thread = call_from_thread
        self._at_end_of_turn = at_end_of_turn
        self._start_thread = start_thread
        self._checkpoints = Checkpoints(
            journal,
            self._later,
            write_behind=self._write_all_behind,
            carry_over=checkpoint,
            sync=sync,
            beside=beside,
            seconds=seconds,
        )
        self._submitted: list[_Waiting] = []
        self._queue: SimpleQueue[_Waiting] = SimpleQueue()
        self._behind: deque[Callable[[], None]] = deque()
        self._started = False
        self._stopping: Deferred[None] | None = None
        self._ended = False

    def submit(self, job: Callable[[Batch], T]) -> "Deferred[T]":
        """Run a job in the writer thread, after all that were submitted before.

        Call it from the reactor thread only. The result comes when everything
        the job's batch recorded is durable.

        Args:
            job: Takes a :class:`Batch`. It must leave nothing half done: what
                it changed is to be taken back by its ``undo`` calls.

        Returns:
            What the job returned, or its failure. It fails with
            :class:`TemporaryFailure` when too many jobs wait or the writer
            was stopped, and then the job never runs; with what
            :meth:`Journal.write` raises when the batch could not be synced.
            Cancelling it gives up the result, not the job.
        """
        if self._stopping is not None:
            return fail(TemporaryFailure("the writer was stopped"))
        submitted = self._submitted
        if self._queue.qsize() + len(submitted) >= WAITING_MAX:
            return fail(TemporaryFailure("too many writes are waiting"))
        deferred: Deferred[T] = Deferred()
        submitted.append((job, deferred))
        if len(submitted) == 1:
            self._at_end_of_turn(self._hand_in)
        return deferred

    def _hand_in(self) -> None:
        """Give the writer thread what was submitted, and wake it once for all."""
        submitted, self._submitted = self._submitted, []
        for waiting in submitted:
            self._queue.put(waiting)
        if not self._started:
            self._start()

    def stop(self) -> "Deferred[None]":
        """Finish what waits, checkpoint, close the journal and end the thread.

        Returns:
            Fires in the reactor thread when all is done; fails when the
            checkpoint failed, and then the journal keeps its records. Calling
            again gives another one that fires with the first.
        """
        waiter: Deferred[None] = Deferred()
        if self._stopping is None:
            self._stopping = Deferred()
            self._submitted.append((None, self._stopping))
            self._hand_in()
        self._stopping.chainDeferred(waiter)
        return waiter

    def run_pending(self) -> None:
        """Run all that waits, here and now; for tests, without a thread."""
        while not self._ended:
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                self._later.run_all()
                self._checkpoints.look()
                return
            self._run_batch(waiting)

    def _start(self) -> None:
        # Not in __init__: twistd may fork between that and the first job.
        self._started = True
        self._start_thread(self._run)

    def _run(self) -> None:
        queue, later = self._queue, self._later
        while not self._ended:
            try:
                waiting = queue.get(timeout=later.patience(IDLE_SECONDS))
            except Empty:
                later.run_idle(lambda: not queue.empty())
                self._checkpoints.look()
                continue
            self._run_batch(waiting)

    def _run_batch(self, waiting: _Waiting) -> None:
        ran: list[_Ran] = []
        before: dict[Hashable, Callable[[], None]] = {}
        size = 0
        stopped: Deferred[None] | None = None
        while True:
            job, deferred = waiting
            if job is None:
                stopped = deferred
                break
            one = self._run_job(job, deferred, before)
            ran.append(one)
            size += one.batch.size
            if len(ran) >= BATCH_JOBS or size >= BATCH_OCTETS:
                break
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                break
        if ran:
            self._sync(ran, before)
            self._call_from_thread(
                _hand_over, [(one.deferred, one.outcome) for one in ran]
            )
        self._write_behind()
        self._later.run_due()
        if stopped is not None:
            self._end(stopped)
        else:
            self._checkpoints.look()

    def _run_job(
        self,
        job: Job,
        deferred: "Deferred[Any]",
        before: dict[Hashable, Callable[[], None]],
    ) -> _Ran:
        batch = Batch(before, self._later)
        try:
            outcome = job(batch)
        except BaseException as error:  # somebody waits for an answer to it
            outcome = _failed(error)
            self._take_back(batch)
        batch.open = False
        return _Ran(deferred, batch, outcome)

    def _sync(
        self, ran: list[_Ran], before: dict[Hashable, Callable[[], None]]
    ) -> None:
        """Make the good jobs durable, or failed ones of them."""
        for key, call in before.items():
            try:
                call()
            except BaseException as error:
                self._fail([one for one in ran if key in one.batch.keys], error)
        written = [one for one in ran if one.batch.records and one.good()]
        if written:
            try:
                self._journal.write(
                    [record for one in written for record in one.batch.records]
                )
            except BaseException as error:
                self._fail(written, error)
        for one in ran:
            if one.batch.behind and one.good():
                self._behind.extend(one.batch.behind)

    def _fail(self, ran: list[_Ran], error: BaseException) -> None:
        for one in reversed(ran):
            if one.good():
                one.outcome = _failed(error)
                self._take_back(one.batch)

    def _take_back(self, batch: Batch) -> None:
        for call in reversed(batch.undone):
            self._call(call, "undoing a job")

    def _write_behind(self) -> None:
        """Run what was put off: all of it when no job waits, else a share."""
        behind = self._behind
        done = 0
        while behind and (
            done < BEHIND_SHARE or len(behind) > BEHIND_MAX or self._queue.empty()
        ):
            self._call(behind.popleft(), "writing behind")
            done += 1

    def _write_all_behind(self) -> None:
        while self._behind:
            self._call(self._behind.popleft(), "writing behind")

    def _end(self, stopped: "Deferred[None]") -> None:
        failure = None
        try:
            self._checkpoints.finish()
        except BaseException as error:
            failure = _failed(error)
            self._log.failure("the journal's checkpoint failed", failure)
        self._call(self._journal.close, "closing the journal")
        self._ended = True
        self._call_from_thread(_hand_over, [(stopped, failure)])

    def _call(self, call: Callable[[], None], what: str) -> None:
        try:
            call()
        except BaseException:
            self._log.failure("{what} failed", what=what)


def _failed(error: BaseException) -> Failure:
    return Failure(error)  # type: ignore[no-untyped-call]


def _hand_over(results: list[tuple["Deferred[Any]", Any]]) -> None:
    """Fire the results of a batch, in the reactor thread."""
    for deferred, outcome in results:
        if isinstance(outcome, Failure):
            deferred.errback(outcome)
        else:
            deferred.callback(outcome)
