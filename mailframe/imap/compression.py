"""A connection whose octets are DEFLATE in both directions.

What came is inflated a bounded piece at a time, when it is asked for: a few
octets that would become gigabytes wait as what they are, and the client with
them.

Source: RFC 4978 section 3, RFC 1951.
"""

import zlib

from mailframe.errors import BadSyntax

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
