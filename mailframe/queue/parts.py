"""What the spool is given: a journal, its writer, files, threads.

They are those of :mod:`mailframe.storage`; this room states only what it asks
of them, since no adapter knows another.

Source: DESIGN.md section 5.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Record(Protocol):
    """One entry of a journal."""

    @property
    def kind(self) -> int:
        """From 1 to 255."""

    @property
    def payload(self) -> bytes:
        """What was written."""


class Journal(Protocol):
    """A journal for the spool alone; see ``mailframe.storage.journal``."""

    def replay(self) -> Iterator[Record]:
        """Return every record that is not forgotten, oldest first."""

    def open(self) -> None:
        """Begin to write."""

    def begin_checkpoint(self) -> int:
        """Leave the current file."""

    def end_checkpoint(self, mark: int) -> None:
        """Forget what was written before :meth:`begin_checkpoint`."""

    def close(self) -> None:
        """Give everything back."""


class Batch(Protocol):
    """What a job may ask for; see ``mailframe.storage.writer``."""

    def record(self, kind: int, *pieces: bytes) -> None:
        """Put a record into the journal together with this batch."""

    def before_sync(self, key: Hashable, call: Callable[[], None]) -> None:
        """Run ``call`` once before the journal is written."""

    def undo(self, call: Callable[[], None]) -> None:
        """Run ``call`` if this job, or the journal, fails."""

    def afterwards(self, call: Callable[[], None]) -> None:
        """Run ``call`` when the result has been handed out."""


class Writer(Protocol):
    """Runs jobs in one thread and syncs them together."""

    def submit(self, job: Callable[[Any], T]) -> Awaitable[T]:
        """Run a job after those before it; durable when the result is there."""

    def stop(self) -> Awaitable[None]:
        """Finish what waits, checkpoint, and close the journal."""


class OpenWriter(Protocol):
    """Makes the writer of an open journal.

    ``partial(BatchWriter, journal, call_from_thread=reactor.callFromThread)``
    is one.
    """

    def __call__(
        self, *, checkpoint: Callable[[], None], sync: Callable[[], None]
    ) -> Writer:
        """Return a writer that calls both, one after the other, before records go.

        The latter is called in another thread while jobs go on.
        """


class RunInThread(Protocol):
    """Runs a blocking call elsewhere, in a bounded pool of threads.

    ``partial(deferToThreadPool, reactor, pool)`` is one.
    """

    def __call__(self, call: Callable[[], T], /) -> Awaitable[T]:
        """Return what ``call`` returns, or fail with what it raises."""


class Files(Protocol):
    """Calls that change files; see ``mailframe.storage.os_layer``."""

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """Open a file."""

    def close(self, fd: int) -> None:
        """Close a descriptor."""

    def writev(self, fd: int, pieces: Sequence[bytes]) -> int:
        """Write pieces; perhaps less than all."""

    def fsync(self, fd: int) -> None:
        """Wait until a file is on the disk."""

    def fsync_dir(self, path: str) -> None:
        """Wait until the names in a directory are on the disk."""

    def link(self, source: str, target: str) -> None:
        """Give a file one more name."""

    def unlink(self, path: str) -> None:
        """Take a name away."""

    def mkdir(self, path: str, mode: int = 0o700) -> None:
        """Make a directory."""
