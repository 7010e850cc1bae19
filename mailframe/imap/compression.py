"""A connection whose octets are DEFLATE in both directions.

What came is inflated a bounded piece at a time, when it is asked for: a few
octets that would become gigabytes wait as what they are, and the client with
them.

Source: RFC 4978 section 3, RFC 1951.
"""

import zlib

from mailframe.errors import BadSyntax
from mailframe.imap.framing import Framer

_LEVEL = 3
_WINDOW = 13
_MEMORY = 6
"""Together 64 KiB for the outgoing direction; zlib's own choice is 256 KiB."""


class Compression:
    """Both directions, from the octet after the tagged OK on."""

    def __init__(self, most: int) -> None:
        """Begin.

        Args:
            most: Octets that are inflated at a time.
        """
        self._most = most
        self._deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -_WINDOW, _MEMORY)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._arrived = b""
        self._owing = False

    def receive(self, octets: bytes) -> None:
        """Keep what the transport read."""
        self._arrived += octets

    @property
    def more(self) -> bool:
        """Whether something may be there to be inflated."""
        return self._owing or bool(self._arrived)

    def inflate(self) -> bytes:
        """Return the next octets the client compressed, possibly none.

        Raises:
            BadSyntax: It is no DEFLATE; nothing more can be read.
        """
        inflater = self._inflater
        if inflater.eof:
            raise BadSyntax("nothing after the end of DEFLATE")
        try:
            octets = inflater.decompress(self._arrived, self._most)
        except zlib.error:
            raise BadSyntax("DEFLATE") from None
        # Some of a copied string may be left even when all input was used.
        self._owing = len(octets) == self._most and not inflater.eof
        self._arrived = inflater.unconsumed_tail or inflater.unused_data
        return octets

    def deflate(self, octets: bytes) -> bytes:
        """Return what the client can read these octets from, all of them."""
        return self._deflater.compress(octets) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> tuple[bytes, bytes]:
        """End both directions.

        Returns:
            What is still to be sent, and what came after the client's end.

        Source: RFC 8437 section 4.1.
        """
        rest = self._arrived if self._inflater.eof else b""
        return self._deflater.flush(zlib.Z_FINISH), rest


class Layer:
    """What is between the transport and the framer: DEFLATE, or nothing."""

    def __init__(self, framer: Framer, most: int) -> None:
        """Begin with nothing.

        Args:
            framer: Takes what the client says.
            most: Octets that are inflated at a time.
        """
        self._framer = framer
        self._most = most
        self._compression: Compression | None = None
        self._before = b""

    @property
    def compresses(self) -> bool:
        """Whether it is DEFLATE now."""
        return self._compression is not None

    @property
    def more(self) -> bool:
        """Whether something may be there to be inflated."""
        return self._compression is not None and self._compression.more

    def receive(self, octets: bytes) -> None:
        """Take what the transport read."""
        (self._compression or self._framer).receive(octets)

    def inflate(self) -> None:
        """Give the framer the next octets that were compressed.

        Raises:
            BadSyntax: It is no DEFLATE; nothing more can be read.
        """
        assert self._compression is not None
        self._framer.receive(self._compression.inflate())

    def outgoing(self, octets: bytes) -> bytes:
        """Return what is to be sent, once."""
        if octets and self._compression is not None:
            octets = self._compression.deflate(octets)
        before, self._before = self._before, b""
        return before + octets if before else octets

    def change(self, octets: bytes) -> None:
        """Compress from here on, or not any more.

        Args:
            octets: What is to be sent as it was until now.

        Source: RFC 4978 section 3, RFC 8437 section 4.1.
        """
        before = self.outgoing(octets)
        rest = self._framer.take_rest()
        if self._compression is None:
            self._compression = Compression(self._most)
            self._compression.receive(rest)
        else:
            last, rest = self._compression.finish()
            self._compression = None
            before += last
            self._framer.receive(rest)
        self._before = before
