"""Command lines out of octets.

Source: RFC 1939 section 3, RFC 2449 section 4.
"""

from mailframe.errors import BadSyntax, LineTooLong


class Lines:
    """Cuts what the peer sends into lines; looks at no octet twice."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._buffer = bytearray()
        self._looked = 0
        self._skipping = False

    def feed(self, octets: bytes) -> None:
        """Take octets."""
        self._buffer += octets

    def forget(self) -> None:
        """Throw away what has not been cut yet."""
        self._buffer.clear()
        self._looked = 0
        self._skipping = False

    def next(self, limit: int) -> bytes | None:
        """Return the next line without its CRLF, or ``None`` for not yet.

        Args:
            limit: Octets it may have with its CRLF.

        Raises:
            LineTooLong: It has more; the rest of it is passed over.
            BadSyntax: It ends in a bare LF, or has a CR or NUL inside.
        """
        end = self._buffer.find(b"\n", self._looked)
        if end < 0:
            if len(self._buffer) >= limit or self._skipping:
                self._buffer.clear()
                self._looked = 0
                if not self._skipping:
                    self._skipping = True
                    raise LineTooLong(f"a line of at most {limit} octets")
            else:
                self._looked = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._looked = 0
        if self._skipping:
            self._skipping = False
            return self.next(limit)
        if end + 1 > limit:
            raise LineTooLong(f"a line of at most {limit} octets")
        if line[-1:] != b"\r":
            raise BadSyntax("CRLF at the end of the line")
        if b"\r" in line[:-1] or b"\0" in line:
            raise BadSyntax("a line without CR and NUL inside")
        return line[:-1]
