"""A large message, read from its file in pieces.

Source: the contract of :class:`mailframe.interfaces.content.IContent`.
"""

import os

from zope.interface import implementer

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.content import IContent
from mailframe.storage.maildir.threads import Threads
from mailframe.storage.os_layer import refusal


class OpenFile:
    """A descriptor that is closed when nobody holds it any more.

    Attributes:
        size: Octets of the file.
    """

    def __init__(self, fd: int, size: int) -> None:
        """Take over a descriptor that is open for reading."""
        self._fd = fd
        self.size = size

    def read(self, start: int, stop: int) -> bytes:
        """Return octets; for a reading thread.

        Raises:
            TemporaryFailure: They cannot be read.
        """
        stop = min(stop, self.size)
        octets = b""
        try:
            while start + len(octets) < stop:
                place = start + len(octets)
                piece = os.pread(self._fd, stop - place, place)
                if not piece:
                    break
                octets += piece
        except OSError as error:
            raise refusal(error) from error
        return octets

    def __del__(self) -> None:
        os.close(self._fd)


@implementer(IContent)
class FileContent:
    """Octets of an open file; they stay readable when its name goes."""

    octets = None
    path = None

    def __init__(self, threads: Threads, file: OpenFile) -> None:
        """Hold a file.

        Args:
            threads: Where to read.
            file: Closed when this is, and nobody reads it any more.
        """
        self.size = file.size
        self._threads = threads
        self._file: OpenFile | None = file

    async def read(self, start: int, stop: int) -> bytes:
        """Return the octets from ``start`` up to ``stop``."""
        if self._file is None:
            raise TemporaryFailure("the content was closed")
        return await self._threads.read(self._file.read, start, stop)

    def close(self) -> None:
        """Let the file go."""
        self._file = None
