"""The octets a peer has sent and nobody has dealt with yet, cut into lines.

Only CRLF ends a command line. A line that is too long is passed over to its
CRLF and reported then, so that what follows it keeps its place.

Source: RFC 5321 sections 2.3.8 and 4.5.3.1.4.
"""

from mailframe.errors import LineTooLong


class Received:
    """Holds what has arrived, hands it out one line at a time.

    Asked for one line it looks no further: what follows a STARTTLS can still
    be thrown away, and what follows DATA is nobody's line.

    Attributes:
        octets: What is held; the part before ``start`` is already dealt with.
        start: Where the part begins that is not.
        passed: Octets of the line that is being passed over.
    """

    __slots__ = ("_passing", "_searched", "octets", "passed", "start")

    def __init__(self) -> None:
        """Begin with nothing, at the start of a line."""
        self.octets = b""
        self.start = 0
        self.passed = 0
        self._searched = 0
        self._passing = False

    def receive(self, octets: bytes) -> None:
        """Take what the transport read."""
        if self.start < len(self.octets):
            self._searched = max(0, self._searched - self.start)
            self.octets = self.octets[self.start :] + octets
        else:
            self._searched = 0
            self.octets = octets
        self.start = 0

    def forget(self) -> None:
        """Throw away all that is held, the beginning of a line included."""
        self.octets = b""
        self.start = self._searched = self.passed = 0
        self._passing = False

    def next_line(self, max_line: int) -> bytes | None:
        """Return the next line without its CRLF; ``None`` until it is there.

        Args:
            max_line: Octets it may have with its CRLF.

        Raises:
            LineTooLong: It has more; all of it has been passed over.

        Source: RFC 5321 section 4.5.3.1.4.
        """
        start = self.start
        if start == len(self.octets):
            return None
        begin = start if start > self._searched else self._searched
        end = self.octets.find(b"\r\n", begin)
        if end < 0:
            self._hold(max_line)
            return None
        self.start = end + 2
        if self._passing or self.start - start > max_line:
            self._passing = False
            self.passed = 0
            raise LineTooLong(f"a line of at most {max_line} octets")
        return self.octets[start:end]

    def _hold(self, max_line: int) -> None:
        """Keep the beginning of a line, but no more of it than a line may have."""
        # A CR at the end may be the first half of a CRLF cut in two.
        half = self.octets.endswith(b"\r", self.start)
        if self._passing or len(self.octets) - self.start >= max_line:
            self._passing = True
            end = len(self.octets) - half
            self.passed += end - self.start
            self.start = end
        self._searched = len(self.octets) - half
