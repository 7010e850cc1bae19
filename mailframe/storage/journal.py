"""The journal: what was answered OK survives a crash because it is in here.

One append-only file at a time, ``journal.<n>`` in a directory of its own. A
batch of records costs one write and one fdatasync. The owner carries records
over to its own files in its own time, makes those durable (a checkpoint), and
the journal forgets. After a crash it is replayed, oldest record first.

All calls are for one thread, or for one after another. :mod:`.records` has the
format of a file, :mod:`.writer` the thread that gathers batches.

Source: DESIGN.md section 5; MEASURED.md section 3 (one sync for many records).
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from twisted.logger import Logger

from mailframe.storage.os_layer import REAL, OSLayer, lock, refusal
from mailframe.storage.records import (
    HEADER_SIZE,
    Reader,
    Record,
    UnknownVersion,
    header,
    pieces,
)

__all__ = ["Journal", "JournalBusy", "Record", "UnknownVersion"]

SIZE_LIMIT = 67_108_864
"""Octets of records after which a checkpoint is due."""

ZEROS = bytes(1_048_576)
"""Written ahead of the records. A sync that finds its blocks taken and written
already has no metadata to write: 1.5 times the syncs per second of a growing
file, where posix_fallocate gave 1.2 (it takes blocks, but each still has to be
marked as written later)."""

SPARE_ROOM = 1_073_741_824
"""Octets free on the disk from which on the next file takes its space early."""

_IOV_MAX = 1024
_NAME = re.compile(r"journal\.([0-9]{1,18})(\.corrupt)?")


class JournalBusy(Exception):
    """Another process, or another journal of this one, has the directory."""


class Journal:
    """Keeps records until their owner has made its own files durable."""

    _log = Logger()

    def __init__(
        self,
        directory: str,
        *,
        os_layer: OSLayer = REAL,
        size_limit: int | None = None,
    ) -> None:
        """Say where; nothing is touched before :meth:`replay` or :meth:`open`.

        Args:
            directory: For the journal alone; made when missing. Its parent
                must be there.
            os_layer: How to write.
            size_limit: Octets after which :meth:`full` is true; ``None`` for the
                usual.
        """
        self._directory = directory
        self._os = os_layer
        self._size_limit = SIZE_LIMIT if size_limit is None else size_limit
        self._lock: int | None = None
        self._older: list[int] = []
        self._damaged: set[int] = set()
        self._number = 0
        self._fd: int | None = None
        self._salt = 0
        self._end = 0
        self._taken = 0
        # Octets of the next file, if it is there; None before it was tried.
        self._spare: int | None = None

    def replay(self) -> Iterator[Record]:
        """Return every intact record, oldest first; call it before :meth:`open`.

        A torn or corrupt end of the newest file is cut off: nothing in it was
        ever answered. An older file that is damaged is read up to there; the
        next checkpoint keeps it aside as ``journal.<n>.corrupt``. Either is
        logged once. Each record is intact or missing by itself. Until a
        checkpoint has ended, replaying again gives the same records: make one
        soon after :meth:`open`.

        Raises:
            JournalBusy: The directory is in use.
            UnknownVersion: Another version of this program wrote a file; all
                is left as it is. Raised while iterating.
            OSError: A file cannot be read; the same.
        """
        self._hold()
        return self._replay()

    def _replay(self) -> Iterator[Record]:
        for number in self._older:
            fd = self._os.open(self._path(number), os.O_RDWR)
            try:
                # A process that was killed may have left records that are in
                # the system's memory only; who sees them must not lose them.
                self._os.fdatasync(fd)
                with open(fd, "rb", closefd=False) as file:
                    reader = Reader(file, os.fstat(fd).st_size)
                    yield from reader.records()
                if not reader.clean:
                    self._mend(number, fd, reader.end)
            finally:
                self._os.close(fd)

    def _mend(self, number: int, fd: int, end: int) -> None:
        if number != self._older[-1]:
            self._note_damage(number, end)
            return
        self._log.warn(
            "{path} ends in a torn record, cut at octet {end}",
            path=self._path(number),
            end=end,
        )
        self._os.truncate(fd, end)
        self._os.fdatasync(fd)

    def _note_damage(self, number: int, end: int) -> None:
        # It keeps its name for now: after another crash it is wanted again.
        self._damaged.add(number)
        self._log.critical(
            "{path} is damaged at octet {end}; what follows there is not "
            "replayed, the file will be kept as {path}.corrupt",
            path=self._path(number),
            end=end,
        )

    def open(self) -> None:
        """Begin a fresh file; what is there stays until the next checkpoint.

        Raises:
            JournalBusy: The directory is in use.
            InsufficientStorage: The disk is full.
            TemporaryFailure: The directory cannot be written to.
        """
        self._hold()
        try:
            self._begin()
        except OSError as error:
            raise refusal(error) from error

    def write(self, records: Sequence[tuple[int, Sequence[bytes]]]) -> None:
        """Make records durable: they are when this returns, all of them.

        After an error none counts, though a crash right then may replay some.
        What has to be all or nothing belongs in one record.

        Args:
            records: Kind (1 to 255) and the pieces of the payload of each,
                4 GiB at most. Not empty.

        Raises:
            InsufficientStorage: The disk is full.
            TemporaryFailure: The disk failed. A file whose sync failed is not
                written to again; the next call begins a new one.
        """
        try:
            if self._fd is None:
                self._begin()
            self._append(records)
        except OSError as error:
            raise refusal(error) from error

    def lock_fd(self) -> int:
        """Return what holds the directory: who has it too, holds it too."""
        assert self._lock is not None
        return self._lock

    def full(self) -> bool:
        """Return whether the file has outgrown its limit: checkpoint now."""
        return self._end > self._size_limit

    def begin_checkpoint(self) -> int:
        """Leave the current file; what is written from now on goes to a new one.

        Next the owner makes everything of the older files durable in its own
        store, and calls :meth:`end_checkpoint`. Writing may go on meanwhile.
        It takes no space, so that a full disk cannot keep the journal long.

        Returns:
            What to give to :meth:`end_checkpoint`.
        """
        if self._fd is not None and self._end == HEADER_SIZE:
            return self._number
        self._retire()
        mark = self._number + 1
        if self._spare:
            try:
                self._begin()
            except OSError as error:
                # The next that writes tries again, and hears of it.
                self._log.warn("the journal's next file: {error}", error=error)
        return mark

    def wants_spare(self) -> bool:
        """Return whether it is time to call :meth:`make_spare`."""
        return self._end > self._size_limit * 3 // 4 and self._spare is None

    def make_spare(self) -> None:
        """Take the space of the next file; another thread may write meanwhile.

        Without it a file takes its space as it grows, each time with a flush that
        waits for whatever the file system is about to write. A disk that has little
        room is left alone.
        """
        self._spare = 0
        path, size = self._spare_path(), 0
        try:
            if _room(self._directory) < SPARE_ROOM:
                return
            fd = self._os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                while size < self._size_limit + len(ZEROS):
                    self._write_all(fd, [ZEROS], size)
                    # One by one: what is flushed meanwhile has not to wait long.
                    self._os.fdatasync(fd)
                    size += len(ZEROS)
            finally:
                self._os.close(fd)
        except OSError as error:
            self._log.warn("the journal's next file: {error}", error=error)
            with suppress(OSError):
                self._os.unlink(path)
        else:
            self._spare = size

    def end_checkpoint(self, mark: int) -> None:
        """Forget all that was written before :meth:`begin_checkpoint`.

        Another thread may write meanwhile.

        Raises:
            TemporaryFailure: Some older files could not be removed; the next
                checkpoint tries again.
        """
        try:
            # Oldest first and each one durably: a crash must never leave an
            # older file (message arrived) without the next (message expunged).
            while self._older and self._older[0] < mark:
                # It may be gone: a sync of the directory failed the last time.
                with suppress(FileNotFoundError):
                    self._remove(self._older[0])
                self._os.fsync_dir(self._directory)
                del self._older[0]
        except OSError as error:
            raise refusal(error) from error

    def _remove(self, number: int) -> None:
        path = self._path(number)
        if number in self._damaged:
            self._os.rename(path, f"{path}.corrupt")
        else:
            self._os.unlink(path)

    def close(self) -> None:
        """Give everything back; records not forgotten yet stay for a replay."""
        try:
            if self._fd is not None:
                self._tidy(self._fd)
            if self._spare:
                self._drop_spare()
        finally:
            for fd in (self._fd, self._lock):
                if fd is not None:
                    self._os.close(fd)
            self._fd = self._lock = None

    def _tidy(self, fd: int) -> None:
        """Give back the space of the current file that holds no records."""
        try:
            if self._end > HEADER_SIZE:
                self._os.truncate(fd, self._end)
            else:
                self._os.unlink(self._path(self._number))
        except OSError as error:
            self._log.warn("closing the journal: {error}", error=error)

    def _drop_spare(self) -> None:
        self._spare = 0
        try:
            self._os.unlink(self._spare_path())
        except OSError as error:
            self._log.warn("the journal's next file: {error}", error=error)

    def _path(self, number: int) -> str:
        return f"{self._directory}/journal.{number}"

    def _spare_path(self) -> str:
        return f"{self._directory}/spare"

    def _hold(self) -> None:
        """Take the directory, once, and see which files are there."""
        if self._lock is not None:
            return
        if not os.path.isdir(self._directory):
            self._os.mkdir(self._directory, 0o700)
        # Each time: whoever made it, or a file in it, may have been killed then.
        self._os.fsync_dir(os.path.dirname(os.path.abspath(self._directory)))
        self._os.fsync_dir(self._directory)
        try:
            self._lock = lock(f"{self._directory}/lock")
        except BlockingIOError:
            raise JournalBusy(
                f"the journal {self._directory} is in use by another process"
            ) from None
        names = os.listdir(self._directory)
        if os.path.basename(self._spare_path()) in names:
            self._drop_spare()
        found = filter(None, map(_NAME.fullmatch, names))
        numbers = [(int(name[1]), name[2]) for name in found]
        self._older = sorted(number for number, corrupt in numbers if not corrupt)
        self._number = max((number for number, _ in numbers), default=0)

    def _begin(self) -> None:
        """Make the next file the current one, when there is none."""
        self._number += 1
        path = self._path(self._number)
        taken, self._spare = self._spare, None
        salt = int.from_bytes(os.urandom(4), "little")
        start = [header(salt)]
        if taken:
            self._os.rename(self._spare_path(), path)
            fd = self._os.open(path, os.O_RDWR)
        else:
            fd = self._os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            start.append(ZEROS)
            taken = HEADER_SIZE + len(ZEROS)
        try:
            self._write_all(fd, start, 0)
            self._os.fdatasync(fd)
            self._os.fsync_dir(self._directory)
        except BaseException:
            self._os.close(fd)
            with suppress(OSError):
                self._os.unlink(path)
            raise
        self._fd, self._salt = fd, salt
        self._end, self._taken = HEADER_SIZE, taken

    def _retire(self) -> None:
        """Write no more to the current file, if there is one."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            self._end = 0
            self._older.append(self._number)
            self._os.close(fd)

    def _append(self, records: Sequence[tuple[int, Sequence[bytes]]]) -> None:
        fd = self._fd
        assert fd is not None
        found, size = pieces(records, self._salt)
        end = self._end + size
        if end > self._taken:
            found.append(ZEROS)
        try:
            self._write_all(fd, found, self._end)
        except OSError:
            self._cut_back(fd)
            raise
        try:
            self._os.fdatasync(fd)
        except OSError:
            # The system may have dropped what it could not write and report
            # the next sync as good: never ask this file again.
            self._cut_back(fd)
            self._retire()
            raise
        if end > self._taken:
            self._taken = end + len(ZEROS)
        self._end = end

    def _cut_back(self, fd: int) -> None:
        """Take back a batch that did not get through; else leave the file."""
        try:
            self._os.truncate(fd, self._end)
        except OSError as error:
            self._log.warn(
                "{path} cannot be cut back: {error}",
                path=self._path(self._number),
                error=error,
            )
            self._retire()
        self._taken = self._end

    def _write_all(self, fd: int, found: list[bytes], offset: int) -> None:
        for first in range(0, len(found), _IOV_MAX):
            chunk = found[first : first + _IOV_MAX]
            left = sum(map(len, chunk))
            while left:
                written = self._os.pwritev(fd, chunk, offset)
                offset += written
                left -= written
                if left:
                    chunk = _rest(chunk, written)


def _room(path: str) -> int:
    """Return how many octets more may go to a file system."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def _rest(chunk: list[bytes], written: int) -> list[bytes]:
    """Return what a short write left over."""
    for index, piece in enumerate(chunk):
        if written < len(piece):
            return [piece[written:], *chunk[index + 1 :]]
        written -= len(piece)
    return []
