"""A message that is at hand. For the adapters."""

from zope.interface import implementer

from mailframe.interfaces.content import IContent


@implementer(IContent)
class MemoryContent:
    """Octets in memory."""

    path = None

    def __init__(self, octets: bytes) -> None:
        """Hold ``octets``."""
        self.octets = octets
        self.size = len(octets)

    async def read(self, start: int, stop: int) -> bytes:
        """Return a slice; never waits."""
        return self.octets[start:stop]

    def close(self) -> None:
        """Nothing is held but memory."""
