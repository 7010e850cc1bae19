"""The part of a message that TOP sends.

Source: RFC 1939 section 7.
"""


class TopCut:
    """Lets a header and a number of body lines through, whatever the pieces."""

    def __init__(self, lines: int) -> None:
        """Begin.

        Args:
            lines: Lines of the body to let through, from 0.
        """
        self.done = False
        self._lines = lines
        self._in_body = False
        # As if a line had ended before: an empty header ends at once.
        self._tail = b"\r\n"

    def feed(self, octets: bytes) -> bytes:
        """Return what passes of ``octets``."""
        start = 0
        if not self._in_body:
            joined = self._tail + octets
            end = joined.find(b"\r\n\r\n") + 4
            if end < 4:
                self._tail = joined[-3:]
                return octets
            start = end - len(self._tail)
            self._in_body = True
        while self._lines and start < len(octets):
            # Whole pieces at once while they cannot be too much.
            count = octets.count(b"\n", start)
            if count < self._lines:
                self._lines -= count
                return octets
            for _ in range(self._lines):
                start = octets.find(b"\n", start) + 1
            self._lines = 0
        self.done = not self._lines
        return octets[:start]
