"""The content of a message on its way out, cut anywhere, as DATA or BDAT has it.

No CR and no LF leaves this host but as CRLF, for another program might take it
for the end of a line, and a dot after it for the end of the data. Only content
declared binary goes out as it is, by BDAT.

Source: RFC 5321 sections 2.3.8 and 4.5.2, RFC 3030 section 2.
"""

import re

from mailframe.mime.dot_stuffing import DotStuffer

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class LineMender:
    """Makes every line end of a message a CRLF."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        """Begin before the first octet."""
        self._held = False

    def feed(self, octets: bytes) -> bytes:
        """Return the next octets mended; a CR at their end is held back."""
        if self._held and octets:
            octets = b"\r" + octets
            self._held = False
        if octets.endswith(b"\r"):
            self._held = True
            octets = octets[:-1]
        pairs = octets.count(b"\r\n")
        if octets.count(b"\n") == pairs and octets.count(b"\r") == pairs:
            return octets
        return _BARE.sub(b"\r\n", octets)

    def finish(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held, False
        return b"\r\n" if held else b""


class DataWriter:
    """Writes a message for DATA."""

    __slots__ = ("_mender", "_stuffer")

    def __init__(self) -> None:
        """Begin after the 354."""
        self._mender = LineMender()
        self._stuffer = DotStuffer()

    def feed(self, octets: bytes) -> bytes:
        """Return the next octets as they go onto the wire."""
        return self._stuffer.feed(self._mender.feed(octets))

    def finish(self) -> bytes:
        """Return the rest and the end of the data (RFC 5321 section 4.1.1.4)."""
        rest = self._stuffer.feed(self._mender.finish())
        return rest + self._stuffer.finish()


class BdatWriter:
    """Writes a message as BDAT chunks, one for each piece.

    Attributes:
        chunks: How many were written; the server answers each.
    """

    __slots__ = ("_held", "_mender", "chunks")

    def __init__(self, binary: bool) -> None:
        """Begin.

        Args:
            binary: Whether line ends stay as they are (BINARYMIME).
        """
        self._mender = None if binary else LineMender()
        self._held = b""
        self.chunks = 0

    def feed(self, octets: bytes) -> bytes:
        """Take a piece; return the one before it, which is not the last."""
        if self._mender is not None:
            octets = self._mender.feed(octets)
        if not octets:
            return b""
        before, self._held = self._held, octets
        return self._chunk(before, b"") if before else b""

    def finish(self) -> bytes:
        """Return the last chunk (RFC 3030 section 2)."""
        held = self._held
        if self._mender is not None:
            held += self._mender.finish()
            if not held.endswith(b"\r\n"):
                held += b"\r\n"
        self._held = b""
        return self._chunk(held, b" LAST")

    def _chunk(self, octets: bytes, last: bytes) -> bytes:
        self.chunks += 1
        return b"BDAT %d%b\r\n%b" % (len(octets), last, octets)
