"""Content with fields put before it."""

from zope.interface import implementer

from mailframe.interfaces.content import IContent

SMALL = 262_144
"""Octets up to which what is in memory already is joined."""


@implementer(IContent)
class HeadedContent:
    """Some fields, then another content; that one stays its owner's to close."""

    path = None

    def __init__(self, header: bytes, content: IContent) -> None:
        """Put ``header`` before ``content``.

        Args:
            header: Whole lines ending in CRLF.
            content: What follows; open as long as this one is read.
        """
        self._header = header
        self._content = content
        self.size = len(header) + content.size
        held = content.octets
        self.octets = header + held if held is not None and len(held) <= SMALL else None

    async def read(self, start: int, stop: int) -> bytes:
        """Return some of the octets of both."""
        length = len(self._header)
        first = self._header[start:stop]
        if stop <= length:
            return first
        rest: bytes = await self._content.read(max(0, start - length), stop - length)
        return first + rest if first else rest

    def close(self) -> None:
        """Nothing of its own is held."""
