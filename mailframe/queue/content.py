"""The content of queued messages, in one file a message.

A file is named after its message's queue ID. It is written without waiting
for the disk when the journal has the octets too; what is too large for the
journal is flushed by itself before the journal names it.

Source: docs/queue.rst; the contract of
:class:`mailframe.interfaces.content.IContent`.
"""

import errno
import os
from collections.abc import Iterator

from zope.interface import implementer

from mailframe.errors import InsufficientStorage, MessageGone, TemporaryFailure
from mailframe.interfaces.content import IContent
from mailframe.queue.parts import Files, RunInThread

PIECE = 262_144
"""Octets to read or copy at once."""

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def refusal(error: OSError) -> TemporaryFailure:
    """Return what a user may know of a failed call."""
    text = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    kind = InsufficientStorage if error.errno in _FULL else TemporaryFailure
    return kind(text)


@implementer(IContent)
class OpenContent:
    """Octets behind a descriptor; they stay readable when the file goes."""

    octets = None
    path = None

    def __init__(self, fd: int, size: int, run: RunInThread) -> None:
        """Take over a descriptor.

        Args:
            fd: Open for reading; closed with this.
            size: Octets there are.
            run: Runs the reading.
        """
        self.size = size
        self._fd: int | None = fd
        self._run = run
        self._reading = 0
        self._closed = False

    async def read(self, start: int, stop: int) -> bytes:
        """Return the octets from ``start`` up to ``stop``.

        Raises:
            TemporaryFailure: They cannot be read, or this was closed.
        """
        fd = self._fd
        if fd is None or self._closed:
            raise TemporaryFailure("the content was closed")
        stop = min(stop, self.size)
        self._reading += 1
        try:
            return await self._run(lambda: _read(fd, start, stop))
        except OSError as error:
            raise refusal(error) from error
        finally:
            self._reading -= 1
            self._release()

    def close(self) -> None:
        """Close the file when nobody reads it any more."""
        self._closed = True
        self._release()

    def _release(self) -> None:
        if self._closed and not self._reading and self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)

    def __del__(self) -> None:
        if self._fd is not None:
            os.close(self._fd)


def _read(fd: int, start: int, stop: int) -> bytes:
    found = []
    while start < stop:
        piece = os.pread(fd, stop - start, start)
        if not piece:
            break
        found.append(piece)
        start += len(piece)
    return b"".join(found)


class ContentFiles:
    """The directory of content files. All calls block."""

    def __init__(self, directory: str, files: Files) -> None:
        """Say where; nothing is touched yet."""
        self._directory = directory
        self._files = files

    def path(self, name: str) -> str:
        """Return the path of a message's file."""
        return f"{self._directory}/{name}"

    def names(self) -> Iterator[str]:
        """Yield the names of all files."""
        with os.scandir(self._directory) as found:
            for entry in found:
                yield entry.name

    def write(self, name: str, octets: bytes) -> None:
        """Write a file, in place of one that has the name; not flushed.

        Raises:
            OSError: It cannot be written; part of it may be there.
        """
        fd = self.create(name)
        try:
            self.append(fd, octets)
        finally:
            self._files.close(fd)

    def create(self, name: str) -> int:
        """Make an empty file and return its descriptor."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return self._files.open(self.path(name), flags, 0o600)

    def append(self, fd: int, octets: bytes) -> None:
        """Write octets at the end."""
        rest = memoryview(octets)
        while rest:
            rest = rest[self._files.writev(fd, [bytes(rest)]) :]

    def flush(self, fd: int) -> None:
        """Make a file and its name durable, and close it."""
        try:
            self._files.fsync(fd)
        finally:
            self._files.close(fd)
        self._files.fsync_dir(self._directory)

    def link(self, source: str, name: str) -> None:
        """Take over a whole file, durably, by giving it one more name.

        Raises:
            OSError: That cannot be done, such as from another file system.
        """
        self._files.link(source, self.path(name))
        self.flush(self._files.open(self.path(name), os.O_RDWR))

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        try:
            self._files.unlink(self.path(name))
        except FileNotFoundError:
            pass

    def read(self, name: str, size: int) -> bytes | None:
        """Return a small file, ``None`` if it cannot be had as a whole."""
        try:
            fd = os.open(self.path(name), os.O_RDONLY)
        except OSError:
            return None
        try:
            octets = os.read(fd, size)
        except OSError:
            return None
        finally:
            os.close(fd)
        return octets if len(octets) == size else None

    def open(self, name: str) -> int:
        """Open a file for reading.

        Raises:
            MessageGone: It is not there.
        """
        try:
            return os.open(self.path(name), os.O_RDONLY)
        except FileNotFoundError:
            raise MessageGone(name) from None
