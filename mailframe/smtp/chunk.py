"""The content of a message as BDAT carries it, and as BURL finds it.

Source: RFC 3030 section 2.
"""

from typing import TYPE_CHECKING

from mailframe.model.envelope import BodyType
from mailframe.smtp.judge import ContentJudge, LineEnds

if TYPE_CHECKING:
    from mailframe.smtp.session import Session


class ChunkReader(ContentJudge):
    """Reads one message, chunk by chunk.

    Attributes:
        done: Whether the last chunk has come whole.
        chunk_size: Octets of the chunk that comes.
    """

    __slots__ = ("_binary", "_ends", "_last", "_left", "chunk_size", "done")

    def __init__(
        self,
        max_line: int,
        max_size: int,
        *,
        binary: bool = False,
        normalize: bool = False,
    ) -> None:
        """Begin a message.

        Args:
            max_line: Octets of a line with its CRLF.
            max_size: Octets of the whole content.
            binary: Whether it has no lines at all (``BODY=BINARYMIME``).
            normalize: Whether a CR or LF alone becomes CRLF.
        """
        super().__init__(max_line, max_size)
        self._binary = binary
        self._ends = LineEnds() if normalize and not binary else None
        self.chunk_size = self._left = 0
        self._last = False
        self.done = False

    def begin_chunk(self, size: int, last: bool) -> None:
        """Expect a chunk of ``size`` octets."""
        self.chunk_size = self._left = size
        self._last = last

    @property
    def paused(self) -> bool:
        """Whether a chunk has come whole."""
        return self._left == 0

    def read(self, octets: bytes, start: int) -> tuple[bytes, int]:
        """Take content from ``octets``.

        Args:
            octets: What has come.
            start: Where to begin in it.

        Returns:
            The content, and where what was not taken begins.
        """
        content = octets[start : start + self._left]
        start += len(content)
        self._left -= len(content)
        self.done = self._last and not self._left
        if self._ends is not None:
            content = self._ends.feed(content)
            if self.done:
                content += self._ends.finish()
        if self._binary:
            self.measure(content)
        else:
            self.judge(content)
            if self.done:
                self.end()
        return content, start


def chunk_reader(session: "Session") -> ChunkReader:
    """Return what reads the chunks of the transaction that has begun."""
    limits = session.limits
    return ChunkReader(
        limits.text_line,
        limits.message_size,
        binary=session.body is BodyType.BINARY_MIME,
        normalize=session.options.normalize_newlines,
    )


class PassedOver:
    """Reads a chunk that is not wanted, and forgets it.

    Attributes:
        answer: What is answered when it has come.
    """

    __slots__ = ("_left", "answer")

    done = False
    refused = True

    def __init__(self, size: int, answer: bytes) -> None:
        """Expect ``size`` octets."""
        self._left = size
        self.answer = answer

    @property
    def paused(self) -> bool:
        """Whether it has come whole."""
        return self._left == 0

    def read(self, octets: bytes, start: int) -> tuple[bytes, int]:
        """Pass over what there is of it; the content is always empty."""
        taken = min(self._left, len(octets) - start)
        self._left -= taken
        return b"", start + taken
