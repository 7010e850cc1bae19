"""The DATA reader: where a message ends, what is in it, what is wrong with it."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.smtp.data import DataReader

# Octets that matter, more often than chance would have them.
_OCTETS = st.lists(
    st.sampled_from(
        [b"\r\n", b".", b"\r", b"\n", b"a", b"\r\n.", b"xyz", b"\0", b"\xff"]
    ),
    max_size=40,
).map(b"".join)


class Read:
    """What a reader made of octets given in pieces."""

    def __init__(
        self, octets: bytes, cuts: list[int], max_line: int = 10, max_size: int = 60
    ) -> None:
        self.reader = DataReader(max_line, max_size)
        self.content = b""
        held = b""
        self.rest = b""
        edges = sorted({min(cut, len(octets)) for cut in cuts} | {0, len(octets)})
        for start, stop in pairwise(edges):
            if self.reader.done:
                self.rest += octets[start:stop]
                continue
            held += octets[start:stop]
            piece, at = self.reader.read(held, 0)
            self.content += piece
            held = held[at:]
            if self.reader.done:
                self.rest = held
                held = b""


def _model(octets: bytes, max_size: int) -> dict[str, object] | None:
    """Say the same the slow way; ``None`` when the end has not come."""
    end = (b"\r\n" + octets).find(b"\r\n.\r\n")
    if end < 0:
        return None
    lines = octets[:end].split(b"\r\n")[:-1]
    lines = [line[1:] if line.startswith(b".") else line for line in lines]
    content = b"".join(line + b"\r\n" for line in lines)
    return {
        "content": content,
        "rest": octets[end + 3 :],
        "bare": any(b"\r" in line or b"\n" in line for line in lines),
        "too_large": len(content) > max_size,
    }


class DataReaderTests(SynchronousTestCase):
    """A message is the same however the network cuts it."""

    @settings(max_examples=100, deadline=None)
    @given(_OCTETS, st.lists(st.integers(0, 100), max_size=12))
    def test_model(self, octets: bytes, cuts: list[int]) -> None:
        """Content, end and faults are those of the line-by-line reading."""
        expected = _model(octets, 60)
        read = Read(octets, cuts)
        self.assertEqual(read.reader.done, expected is not None)
        if expected is None:
            return
        self.assertEqual(read.content, expected["content"])
        self.assertEqual(read.rest, expected["rest"])
        self.assertEqual(read.reader.bare, expected["bare"])
        self.assertEqual(read.reader.too_large, expected["too_large"])
        self.assertEqual(read.reader.size, len(read.content))

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.integers(0, 16), max_size=8),
        st.lists(st.integers(0, 150), max_size=12),
    )
    def test_line_length(self, lengths: list[int], cuts: list[int]) -> None:
        """A line is too long when it has more octets, CRLF included, than allowed."""
        octets = b"".join(b"x" * length + b"\r\n" for length in lengths) + b".\r\n"
        read = Read(octets, cuts)
        self.assertTrue(read.reader.done)
        self.assertEqual(
            read.reader.long_line, any(length + 2 > 10 for length in lengths)
        )

    @settings(max_examples=100, deadline=None)
    @given(_OCTETS, st.lists(st.integers(0, 100), max_size=12))
    def test_all_faults_alike(self, octets: bytes, cuts: list[int]) -> None:
        """Pieces or all at once: the same content and the same faults."""
        whole, pieces = Read(octets, []), Read(octets, cuts)
        for name in ("done", "bare", "long_line", "too_large", "size", "refused"):
            if whole.reader.done:
                self.assertEqual(
                    getattr(whole.reader, name), getattr(pieces.reader, name), name
                )
        self.assertEqual(whole.content, pieces.content)

    def test_stuffed_lines(self) -> None:
        """The first dot of a line goes, the first line's too (section 4.5.2)."""
        read = Read(b"..\r\n.a\r\n...\r\na.\r\n.\r\nQUIT\r\n", [], max_size=999)
        self.assertEqual(read.content, b".\r\na\r\n..\r\na.\r\n")
        self.assertEqual(read.rest, b"QUIT\r\n")

    def test_empty_message(self) -> None:
        """The end may come at once, in pieces too."""
        for cuts in ([], [1], [1, 2]):
            read = Read(b".\r\nNOOP\r\n", cuts)
            self.assertEqual((read.content, read.rest), (b"", b"NOOP\r\n"))
            self.assertTrue(read.reader.done)

    def test_holds_back_little(self) -> None:
        """At most four octets wait for what follows them."""
        reader = DataReader(1000, 1000)
        octets = b"abc\r\n.\r"
        content, after = reader.read(octets, 0)
        self.assertEqual((content, octets[after:]), (b"abc", b"\r\n.\r"))
