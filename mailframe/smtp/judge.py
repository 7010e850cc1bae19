"""What is wrong with the content of a message, however it is carried.

Source: RFC 5321 sections 2.3.8 and 4.5.3.1.6.
"""

from io import IncrementalNewlineDecoder

_GOOD_ENDS = (None, "\r\n")


class ContentJudge:
    """Looks at content piece by piece: line ends, line lengths, size.

    Attributes:
        bare: Whether there was a CR without LF or an LF without CR.
        long_line: Whether a line was longer than allowed.
        too_large: Whether there was more content than allowed.
        size: Octets of content so far.
    """

    __slots__ = (
        "_line",
        "_line_ends",
        "_max_line",
        "_max_size",
        "bare",
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
        self._line = 0
        # Python's notes which line ends it has seen, in one pass.
        self._line_ends = IncrementalNewlineDecoder(None, translate=False)
        self.bare = False
        self.long_line = False
        self.too_large = False
        self.size = 0

    @property
    def refused(self) -> bool:
        """Whether something is wrong with the content."""
        return self.bare or self.long_line or self.too_large

    def measure(self, content: bytes) -> None:
        """Count the next octets: all there is to judge in binary content."""
        self.size += len(content)
        if self.size > self._max_size:
            self.too_large = True

    def judge(self, content: bytes) -> None:
        """Look at the next octets, cut anywhere."""
        if not content:
            return
        self.measure(content)
        # Any octets are Latin-1.
        self._note_line_ends(content.decode("latin-1"))
        if not self.long_line:
            self._look_for_long_lines(content)

    def end(self) -> None:
        """The content is complete: a CR at its end is alone."""
        self._note_line_ends("", final=True)

    def _note_line_ends(self, text: str, final: bool = False) -> None:
        self._line_ends.decode(text, final)
        self.bare = self._line_ends.newlines not in _GOOD_ENDS

    def _look_for_long_lines(self, content: bytes) -> None:
        """Look for a line that is too long, one step per ``max_line`` octets."""
        begin, stop = 0, self._max_line - self._line
        while stop <= len(content):
            end = content.rfind(b"\n", begin, stop)
            if end < 0:
                self.long_line = True
                return
            begin = end + 1
            stop = begin + self._max_line
            self._line = 0
        newest = content.rfind(b"\n", begin) + 1
        if newest:
            begin, self._line = newest, 0
        self._line += len(content) - begin


class LineEnds:
    """Turns every CR and every LF into a CRLF, whatever stands beside it.

    The form in which ``bare_newline`` ``normalize`` keeps content: nobody can
    see other lines in it than we do.
    """

    __slots__ = ("_open",)

    def __init__(self) -> None:
        """Begin a message."""
        self._open = False

    def feed(self, content: bytes) -> bytes:
        """Return the next octets; a CR at the end waits for what follows."""
        if self._open:
            content = b"\r" + content
        self._open = content.endswith(b"\r")
        if self._open:
            content = content[:-1]
        pairs = content.count(b"\r\n")
        if content.count(b"\n") == pairs and content.count(b"\r") == pairs:
            return content
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return content.replace(b"\n", b"\r\n")

    def finish(self) -> bytes:
        """Return what was waiting at the end."""
        waiting, self._open = self._open, False
        return b"\r\n" if waiting else b""
