"""The content of a message as DATA carries it.

One thing ends it: CRLF, a dot, CRLF. A line of any length, a message of any
size and line endings of any other kind leave it as it is, content, and are
refused when the end has come; so no octet of a message is ever taken for a
command, and no message is kept whose lines another program might see
elsewhere than we do.

Source: RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2.
"""

_DOT = b"\r\n."
_END = b"\r\n.\r\n"
_BEGINNINGS = (_END[:4], _END[:3], _END[:2], _END[:1])


class DataReader:
    """Reads one message: finds its end, takes the dot-stuffing out, judges lines.

    Attributes:
        done: Whether the end has come.
        bare: Whether there was a CR without LF or an LF without CR.
        long_line: Whether a line was longer than allowed.
        too_large: Whether there was more content than allowed.
        size: Octets of content so far.
    """

    __slots__ = (
        "_line",
        "_max_line",
        "_max_size",
        "_started",
        "bare",
        "done",
        "long_line",
        "size",
        "too_large",
    )

    def __init__(self, max_line: int, max_size: int) -> None:
        """Begin a message.

        Args:
            max_line: Octets of a line with its CRLF, dot-stuffing not counted.
            max_size: Octets of the whole content.
        """
        self._max_line = max_line
        self._max_size = max_size
        self._started = False
        self._line = 0
        self.done = False
        self.bare = False
        self.long_line = False
        self.too_large = False
        self.size = 0

    @property
    def refused(self) -> bool:
        """Whether something is wrong with the content."""
        return self.bare or self.long_line or self.too_large

    def read(self, octets: bytes, start: int) -> tuple[bytes, int]:
        """Take content from ``octets``, as much as can be told from what follows.

        Args:
            octets: What has come, with what was left the last time in front.
            start: Where to begin in it.

        Returns:
            The content with dot-stuffing removed, and where what was not
            taken begins: at most four octets, or after the end whatever
            comes after the message.

        Source: RFC 5321 section 4.5.2.
        """
        if not self._started:
            # What came before the first line was a CRLF too.
            first = octets[start : start + 3]
            if first == b".\r\n":
                self._started = self.done = True
                return b"", start + 3
            if b".\r\n".startswith(first):
                return b"", start
            self._started = True
            start += first.startswith(b".")
        # Mostly the first dot at the beginning of a line is the end already.
        end = dot = octets.find(_DOT, start)
        if dot >= 0 and not octets.startswith(_END, dot):
            end = octets.find(_END, dot)
        if end >= 0:
            self.done = True
            stop = end + 2
            after = end + len(_END)
        else:
            stop = after = len(octets) - _held_back(octets, start)
        content = octets[start:stop]
        if dot != end:
            content = content.replace(_DOT, b"\r\n")
        self._judge(content)
        return content, after

    def _judge(self, content: bytes) -> None:
        # A CRLF is never cut in two here: _held_back keeps a CR for later.
        self.size += len(content)
        if self.size > self._max_size:
            self.too_large = True
        pairs = content.count(b"\r\n")
        if content.count(b"\n") != pairs or content.count(b"\r") != pairs:
            self.bare = True
        if not self.long_line:
            self._measure(content)

    def _measure(self, content: bytes) -> None:
        """Look for a line that is too long, one step per ``max_line`` octets."""
        begin = -self._line
        while begin + self._max_line <= len(content):
            end = content.rfind(b"\n", max(begin, 0), max(begin + self._max_line, 0))
            if end < 0:
                self.long_line = True
                return
            begin = end + 1
        newest = content.rfind(b"\n", max(begin, 0)) + 1
        self._line = len(content) - (newest or begin)


def _held_back(octets: bytes, start: int) -> int:
    """Return how many octets at the end may be the beginning of the end."""
    for beginning in _BEGINNINGS:
        if octets.endswith(beginning, start):
            return len(beginning)
    return 0
