"""A large message, read from its file in pieces.

Source: the contract of :class:`mailframe.interfaces.content.IContent`.
"""

import os

from zope.interface import implementer

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.content import IContent
from mailframe.storage.maildir.threads import Threads
from mailframe.storage.os_layer import refusal


@implementer(IContent)
class FileContent:
    """Octets behind a descriptor; they stay readable when the file goes."""

    octets = None
    path = None

    def __init__(self, threads: Threads, fd: int, size: int) -> None:
        """Hold a descriptor, to be closed with this.

        Args:
            threads: Where to read.
            fd: Open for reading.
            size: Octets there are.
        """
        self.size = size
        self._threads = threads
        self._fd: int | None = fd
        self._reading = 0
        self._closed = False

    async def read(self, start: int, stop: int) -> bytes:
        """Return the octets from ``start`` up to ``stop``."""
        if self._closed or self._fd is None:
            raise TemporaryFailure("the content was closed")
        self._reading += 1
        try:
            return await self._threads.read(
                _read, self._fd, start, min(stop, self.size)
            )
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
    try:
        octets = b""
        while start + len(octets) < stop:
            piece = os.pread(fd, stop - start - len(octets), start + len(octets))
            if not piece:
                break
            octets += piece
    except OSError as error:
        raise refusal(error) from error
    return octets
