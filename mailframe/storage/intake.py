"""Where messages rest while they arrive: small ones in memory, others in files.

A file is there before its message is complete and goes when its content is
closed; nothing here is meant to survive a crash, so nothing is synced.

Source: the contracts of :mod:`mailframe.interfaces.content`.
"""

import os
import re
from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailframe.errors import MessageTooLarge, TemporaryFailure
from mailframe.interfaces.content import IContent, IContentWriter, IIntake
from mailframe.memory_content import MemoryContent
from mailframe.storage.content import PIECE
from mailframe.storage.os_layer import REAL, OSLayer, lock, refusal

T = TypeVar("T")

MEMORY = 1_048_576
"""Octets of a message that stay in memory."""

MEMORY_ALL = 268_435_456
"""Octets of all unfinished messages that stay in memory."""

_IOV = 1000
_NAME = re.compile(r"incoming\.[0-9]+")


class IntakeBusy(Exception):
    """Another process, or another intake of this one, has the directory."""


class RunInThread(Protocol):
    """Runs a blocking call elsewhere, in a bounded pool of threads.

    ``partial(deferToThreadPool, reactor, pool)`` is one.
    """

    def __call__(self, call: Callable[[], T], /) -> "Deferred[T]":
        """Return what ``call`` returns, or fail with what it raises."""


class _File:
    """One file; it goes when released, but never under a call that uses it."""

    _log = Logger()

    def __init__(self, path: str, run: RunInThread, os_layer: OSLayer) -> None:
        self.path = path
        self._run = run
        self._os = os_layer
        self._fd: int | None = None
        self._calls = 0
        self.released = False

    def call(self, work: Callable[[], T]) -> "Deferred[T]":
        """Run ``work`` in a thread."""
        self._calls += 1
        return self._run(work).addBoth(self._returned)

    def _returned(self, result: T | Failure) -> T | Failure:
        self._calls -= 1
        if self.released and not self._calls:
            self._go()
        return result

    def release(self) -> None:
        """Remove the file as soon as nobody uses it."""
        if not self.released:
            self.released = True
            if not self._calls:
                self._go()

    def _go(self) -> None:
        if self._fd is not None:
            self._run(self._remove).addErrback(self._complain)

    def _complain(self, failure: Failure) -> None:
        self._log.warn(
            "{path} is left over: {error}", path=self.path, error=failure.value
        )

    # What follows runs in a thread.

    def write(self, pieces: list[bytes]) -> None:
        """Append octets; the first call makes the file."""
        try:
            if self._fd is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
                self._fd = self._os.open(self.path, flags, 0o600)
            for first in range(0, len(pieces), _IOV):
                self._write(self._fd, pieces[first : first + _IOV])
        except OSError as error:
            raise refusal(error) from error

    def _write(self, fd: int, pieces: list[bytes]) -> None:
        written = self._os.writev(fd, pieces)
        if written < sum(map(len, pieces)):
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                rest = rest[self._os.write(fd, bytes(rest)) :]

    def read(self, start: int, stop: int) -> bytes:
        """Return octets; fewer only at the end of the file."""
        found = []
        try:
            while start < stop and self._fd is not None:
                piece = os.pread(self._fd, stop - start, start)
                if not piece:
                    break
                found.append(piece)
                start += len(piece)
        except OSError as error:
            raise refusal(error) from error
        return b"".join(found)

    def _remove(self) -> None:
        if self._fd is not None:
            self._os.close(self._fd)
            self._os.unlink(self.path)


@implementer(IContent)
class FileContent:
    """A message in a file of the intake."""

    octets = None

    def __init__(self, file: _File, size: int) -> None:
        """Take over a file that is complete.

        Args:
            file: Removed by :meth:`close`.
            size: Its octets.
        """
        self._file = file
        self.path = file.path
        self.size = size

    async def read(self, start: int, stop: int) -> bytes:
        """Return the octets from ``start`` up to ``stop``, read in a thread.

        Raises:
            TemporaryFailure: They cannot be read, or the content was closed.
        """
        if self._file.released:
            raise TemporaryFailure(f"{self.path} was closed")
        file, stop = self._file, min(stop, self.size)
        return await file.call(lambda: file.read(start, stop))

    def close(self) -> None:
        """Remove the file, in a thread, when the last read is done."""
        self._file.release()


@implementer(IContentWriter)
class FileWriter:
    """Takes one message, into memory first and into a file when it is large."""

    def __init__(self, intake: "FileIntake") -> None:
        """Begin; see :meth:`FileIntake.begin`."""
        self._intake = intake
        self._file: _File | None = None
        self._pieces: list[bytes] = []
        self._held = 0
        self._size = 0
        self._done = False

    def write(self, octets: bytes) -> "Deferred[None] | None":
        """Take octets.

        Returns:
            ``None``, or what fires when they are in the file. It may fail with
            :class:`InsufficientStorage` or :class:`TemporaryFailure`.

        Raises:
            MessageTooLarge: More than the limit; nothing is kept.
        """
        intake = self._intake
        self._size += len(octets)
        if self._size > intake.message_limit:
            self.discard()
            raise MessageTooLarge(f"more than {intake.message_limit} octets")
        self._pieces.append(octets)
        self._held += len(octets)
        intake.held += len(octets)
        room = intake.memory if self._file is None else PIECE
        if self._held <= room and intake.held <= intake.memory_all:
            return None
        return self._spill()

    def _spill(self) -> "Deferred[None]":
        pieces, held = self._pieces, self._held
        self._pieces, self._held = [], 0
        if self._file is None:
            self._file = self._intake.new_file()
        file = self._file

        def written(result: Failure | None) -> Failure | None:
            self._intake.held -= held
            return result

        return file.call(lambda: file.write(pieces)).addBoth(written)

    async def finish(self) -> MemoryContent | FileContent:
        """Return the message; see :class:`IContentWriter`.

        Raises:
            InsufficientStorage: The disk is full; discard it.
            TemporaryFailure: The disk failed, or it was discarded meanwhile.
        """
        if self._file is not None and self._pieces:
            await self._spill()
        if self._done:
            raise TemporaryFailure("the message was discarded")
        self._done = True
        if self._file is not None:
            return FileContent(self._file, self._size)
        octets = b"".join(self._pieces)
        self._drop()
        return MemoryContent(octets)

    def discard(self) -> None:
        """Forget the message, once a write that is under way is done."""
        if not self._done:
            self._done = True
            self._drop()
            if self._file is not None:
                self._file.release()

    def _drop(self) -> None:
        self._pieces.clear()
        self._intake.held -= self._held
        self._held = 0


@implementer(IIntake)
class FileIntake:
    """Lets small messages rest in memory and large ones in files.

    Attributes:
        memory: Octets of one message that stay in memory.
        memory_all: Octets of all unfinished messages that stay in memory.
        message_limit: Octets of one message at most.
        held: Octets of unfinished messages in memory now.
    """

    def __init__(
        self,
        directory: str,
        *,
        run: RunInThread,
        memory: int = MEMORY,
        memory_all: int = MEMORY_ALL,
        message_limit: int = 52_428_800,
        os_layer: OSLayer = REAL,
    ) -> None:
        """Say where; nothing is touched before :meth:`open`.

        Args:
            directory: For this intake of this process alone; made when
                missing. On the file system of the mailboxes a store can link
                the files instead of copying them.
            run: Runs file calls in threads.
            memory: A larger message goes to a file.
            memory_all: When all unfinished messages hold more, those that
                grow go to files whatever their size.
            message_limit: Octets.
            os_layer: How to write.
        """
        self.memory = memory
        self.memory_all = memory_all
        self.message_limit = message_limit
        self.held = 0
        self._directory = directory
        self._run = run
        self._os = os_layer
        self._lock: int | None = None
        self._last = 0

    def open(self) -> None:
        """Take the directory, and remove what an earlier process left there.

        Raises:
            IntakeBusy: The directory is in use.
        """
        if not os.path.isdir(self._directory):
            self._os.mkdir(self._directory, 0o700)
        try:
            self._lock = lock(f"{self._directory}/lock")
        except BlockingIOError:
            raise IntakeBusy(
                f"the directory {self._directory} is in use by another process"
            ) from None
        for name in filter(_NAME.fullmatch, os.listdir(self._directory)):
            self._os.unlink(f"{self._directory}/{name}")

    def close(self) -> None:
        """Give the directory back; call it when all messages are gone."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def begin(self) -> FileWriter:
        """Return a writer for one message."""
        return FileWriter(self)

    def new_file(self) -> _File:
        """Return a file that nobody has; made when it is first written to."""
        self._last += 1
        return _File(f"{self._directory}/incoming.{self._last}", self._run, self._os)
