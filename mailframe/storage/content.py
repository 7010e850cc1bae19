"""An intake that keeps messages in memory, and how one is read whole.

Source: the contracts of :mod:`mailframe.interfaces.content`.
"""

from zope.interface import implementer

from mailframe.errors import MessageTooLarge
from mailframe.interfaces.content import IContent, IContentWriter, IIntake
from mailframe.memory_content import MemoryContent

PIECE = 262_144
"""Octets to read at once from content that is not in memory."""


@implementer(IContentWriter)
class MemoryWriter:
    """Gathers one message in memory."""

    def __init__(self, limit: int) -> None:
        """Begin.

        Args:
            limit: Octets to take at most.
        """
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, octets: bytes) -> None:
        """Take octets; never waits.

        Raises:
            MessageTooLarge: More than the limit.
        """
        self._size += len(octets)
        if self._size > self._limit:
            self._pieces.clear()
            raise MessageTooLarge(f"more than {self._limit} octets")
        self._pieces.append(octets)

    async def finish(self) -> MemoryContent:
        """Return the message."""
        return MemoryContent(b"".join(self._pieces))

    def discard(self) -> None:
        """Forget it."""
        self._pieces.clear()


@implementer(IIntake)
class MemoryIntake:
    """Lets messages rest in memory: for tests, demos and small hosts."""

    def __init__(self, limit: int = 52_428_800) -> None:
        """Begin.

        Args:
            limit: Octets of one message at most.
        """
        self._limit = limit

    def begin(self) -> MemoryWriter:
        """Return a writer for one message."""
        return MemoryWriter(self._limit)


async def whole(content: IContent) -> bytes:
    """Return all octets of ``content``, which must be small enough to hold."""
    if content.octets is not None:
        octets: bytes = content.octets
        return octets
    pieces = [
        await content.read(start, start + PIECE)
        for start in range(0, content.size, PIECE)
    ]
    return b"".join(pieces)
