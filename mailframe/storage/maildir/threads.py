"""The threads of a store, as the reactor thread sees them.

One thread writes, in order and with one sync for many jobs; a few read.

Source: DESIGN.md section 5 (threads); MEASURED.md section 3.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from mailframe.errors import TemporaryFailure
from mailframe.storage.maildir.watching import Watches
from mailframe.storage.writer import Batch, BatchWriter

P = ParamSpec("P")
T = TypeVar("T")

READERS = 4
"""Reading threads; more would only wait for each other."""


class Threads:
    """Runs jobs and questions; to be used from the reactor thread.

    Attributes:
        reactor: For timers.
        watches: Notices foreign changes of directories.
    """

    def __init__(self, reactor: Any, writer: BatchWriter) -> None:
        """Begin.

        Args:
            reactor: Provides IReactorTime and IReactorThreads.
            writer: Runs the jobs.
        """
        self.reactor = reactor
        self.watches = Watches(reactor)
        self._writer = writer
        self._stopped = False
        self._pool = ThreadPool(0, READERS, "mailframe-readers")
        self._pool.start()

    def write(self, job: Callable[[Batch], T]) -> "Deferred[T]":
        """Run a job in the writer thread, after those before it."""
        return self._writer.submit(job)

    def read(
        self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[T]":
        """Run a question in one of the reading threads."""
        if self._stopped:
            return fail(TemporaryFailure("the store was stopped"))
        deferred: Deferred[T] = deferToThreadPool(
            self.reactor, self._pool, question, *args, **kwargs
        )
        return deferred

    def turn(self) -> "Deferred[None]":
        """Return what fires when others had their turn."""
        had: Deferred[None] = Deferred()
        self.reactor.callLater(0, had.callback, None)
        return had

    async def stop(self) -> None:
        """Finish what waits and end the threads."""
        self.watches.stop()
        try:
            await self._writer.stop()
        finally:
            self._stopped = True
            self._pool.stop()
