"""When the journal is full: what it holds becomes durable elsewhere, beside the work.

The journal goes on in its next file. What was put off before that is done in its
own time; then a thread of its own makes the owner's files durable and removes the
old files of the journal, while jobs go on. Only a journal that is full once more
before that is over makes them wait.

Source: DESIGN.md section 5 (a checkpoint syncs and lets the journal forget).
"""

from collections.abc import Callable
from functools import partial
from threading import Event

from twisted.logger import Logger

from mailframe.errors import TemporaryFailure
from mailframe.storage.journal import Journal
from mailframe.storage.put_off import RETRY_SECONDS, PutOff

Call = Callable[[], None]


def nothing() -> None:
    """Do nothing."""


class Checkpoints:
    """The checkpoints of one journal, one after another; for the writer thread."""

    _log = Logger()

    def __init__(
        self,
        journal: Journal,
        put_off: PutOff,
        *,
        write_behind: Call,
        carry_over: Call,
        sync: Call,
        beside: Callable[[Call], None],
        seconds: Callable[[], float],
    ) -> None:
        """Begin with none.

        Args:
            journal: Open.
            put_off: What was put off.
            write_behind: Does what comes behind the jobs, all of it.
            carry_over: Brings what was recorded so far to the owner's files.
            sync: Makes it durable there; called in another thread.
            beside: Runs a call in a thread of its own.
            seconds: A clock that never goes back.
        """
        self._journal = journal
        self._put_off = put_off
        self._write_behind = write_behind
        self._carry_over = carry_over
        self._sync = sync
        self._beside = beside
        self._seconds = seconds
        self._free = Event()
        self._free.set()
        self._begun: tuple[int, int] | None = None
        self._again = 0.0

    def look(self) -> None:
        """Begin one that is due, go on with one that has begun."""
        if self._begun is None:
            if not self._journal.full():
                if self._journal.wants_spare() and self._free.is_set():
                    self._apart(self._journal.make_spare)
                return
            self._free.wait()
            self._write_behind()
            try:
                mark = self._journal.begin_checkpoint()
            except BaseException:
                self._log.failure("the journal's checkpoint failed")
                return
            self._begun = mark, self._put_off.turn_over()
        mark, since = self._begun
        if self._put_off.done_before(since) or self._hurry():
            self._begun = None
            self._go_on(mark)

    def finish(self) -> None:
        """Make the last one, here and now.

        Raises:
            Exception: What was recorded is not all durable elsewhere: the journal
                keeps its records.
        """
        self._free.wait()
        self._write_behind()
        self._do_all()
        mark = self._journal.begin_checkpoint()
        self._carry_over()
        self._forget(mark)

    def _hurry(self) -> bool:
        """Do what keeps a journal that is full once more; say whether that helped."""
        now = self._seconds()
        if not self._journal.full() or now < self._again:
            return False
        try:
            self._do_all()
        except TemporaryFailure:
            self._log.failure("the journal's checkpoint failed")
            self._again = self._seconds() + RETRY_SECONDS
            return False
        return True

    def _do_all(self) -> None:
        if not self._put_off.run_all():
            raise TemporaryFailure("not all that was put off got through")

    def _go_on(self, mark: int) -> None:
        try:
            self._carry_over()
        except BaseException:
            self._log.failure("the journal's checkpoint failed")
            return
        self._apart(partial(self._forget, mark))

    def _forget(self, mark: int) -> None:
        self._sync()
        self._journal.end_checkpoint(mark)

    def _apart(self, call: Call) -> None:
        """Run something beside the jobs; one at a time."""

        def run() -> None:
            try:
                call()
            except BaseException:
                self._log.failure("the journal's checkpoint failed")
            finally:
                self._free.set()

        self._free.clear()
        self._beside(run)
