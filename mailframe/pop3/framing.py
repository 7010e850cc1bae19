"""Command lines out of octets.

Source: RFC 1939 section 3, RFC 2449 section 4.
"""

from mailframe.errors import BadSyntax, LineTooLong

# Python looks for a number in octets ten times as fast as for an octet.
_CR, _NUL = b"\r\0"


class Lines:
    """Cuts what the peer sends into lines; looks at no octet twice."""

    def __init__(self) -> None:
        """Begin with nothing."""
        # Cut up to _start; no LF between there and _looked.
        self._octets = b""
        self._start = 0
        self._looked = 0
        self._skipping = False

    def feed(self, octets: bytes) -> None:
        """Take octets."""
        if self._octets:
            octets = self._octets[self._start :] + octets
            self._looked -= self._start
            self._start = 0
        self._octets = octets

    def forget(self) -> None:
        """Throw away what has not been cut yet."""
        self._drop()
        self._skipping = False

    def next(self, limit: int) -> bytes | None:
        """Return the next line without its CRLF, or ``None`` for not yet.

        Args:
            limit: Octets it may have with its CRLF.

        Raises:
            LineTooLong: It has more; the rest of it is passed over.
            BadSyntax: It ends in a bare LF, or has a CR or NUL inside.
        """
        octets, start = self._octets, self._start
        end = octets.find(b"\n", self._looked)
        if end < 0:
            if len(octets) - start >= limit or self._skipping:
                self._drop()
                if not self._skipping:
                    self._skipping = True
                    raise LineTooLong(f"a line of at most {limit} octets")
            else:
                self._looked = len(octets)
            return None
        line = octets[start:end]
        if end + 1 == len(octets):
            self._drop()
        else:
            self._start = self._looked = end + 1
        if self._skipping:
            self._skipping = False
            return self.next(limit)
        if len(line) + 1 > limit:
            raise LineTooLong(f"a line of at most {limit} octets")
        if line[-1:] != b"\r":
            raise BadSyntax("CRLF at the end of the line")
        line = line[:-1]
        if _CR in line or _NUL in line:
            raise BadSyntax("a line without CR and NUL inside")
        return line

    def _drop(self) -> None:
        self._octets = b""
        self._start = self._looked = 0
