"""BDAT: chunks of any size, cut anywhere, wanted or not."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import InsufficientStorage
from mailframe.limits import SMTPLimits
from mailframe.smtp.chunk import ChunkReader
from mailframe.smtp.judge import LineEnds
from mailframe.smtp.options import SMTPOptions
from tests.smtp.world import World

_OCTETS = st.lists(
    st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a", b"\r\n.\r\n", b"\0", b"\xff"]),
    max_size=30,
).map(b"".join)
_CUTS = st.lists(st.integers(0, 60), max_size=10)

START = b"EHLO x\r\nMAIL FROM:<a@b.example>%b\r\nRCPT TO:<c@example.org>\r\n"


def _pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    return [octets[a:b] for a, b in zip(edges, edges[1:], strict=False)]


def _commands(pieces: list[bytes]) -> bytes:
    """Say the pieces as chunks, the last of them the last."""
    last = len(pieces) - 1
    return b"".join(
        b"BDAT %d%b\r\n%b" % (len(piece), b" LAST" if at == last else b"", piece)
        for at, piece in enumerate(pieces)
    )


def _normalized(octets: bytes) -> bytes:
    plain = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return plain.replace(b"\n", b"\r\n")


class ReaderTests(SynchronousTestCase):
    """A message is the same however it is cut into chunks and reads."""

    @settings(max_examples=100, deadline=None)
    @given(_OCTETS, _CUTS, st.integers(1, 9))
    def test_judged_alike(self, octets: bytes, cuts: list[int], size: int) -> None:
        """Content and faults do not depend on the cuts."""
        for binary, normalize in ((False, False), (True, False), (False, True)):
            reader = ChunkReader(10, 40, binary=binary, normalize=normalize)
            content = b""
            pieces = _pieces(octets, cuts)
            for number, piece in enumerate(pieces):
                reader.begin_chunk(len(piece), number == len(pieces) - 1)
                at = 0
                while True:
                    taken, after = reader.read(piece[at : at + size], 0)
                    content += taken
                    at += after
                    if reader.paused:
                        break
            expected = _normalized(octets) if normalize else octets
            lines = expected.split(b"\r\n")
            bare = any(b"\r" in line or b"\n" in line for line in lines)
            self.assertTrue(reader.done)
            self.assertEqual(content, expected)
            self.assertEqual(reader.size, len(expected))
            self.assertEqual(reader.too_large, len(expected) > 40)
            self.assertEqual(reader.bare, bare and not binary)
            if not bare:
                ends = [*(len(one) + 2 for one in lines[:-1]), len(lines[-1]) + 1]
                self.assertEqual(reader.long_line, max(ends) > 10 and not binary)

    @settings(max_examples=100, deadline=None)
    @given(_OCTETS, _CUTS)
    def test_line_ends(self, octets: bytes, cuts: list[int]) -> None:
        """Every CR and every LF becomes a CRLF, wherever it is cut."""
        ends = LineEnds()
        said = b"".join(ends.feed(piece) for piece in _pieces(octets, cuts))
        self.assertEqual(said + ends.finish(), _normalized(octets))


class ChunkingTests(SynchronousTestCase):
    """BDAT in a session."""

    def _world(self, **options: Any) -> World:
        return World(limits=SMTPLimits(errors=1000), options=SMTPOptions(**options))

    @settings(max_examples=60, deadline=None)
    @given(_OCTETS, _CUTS, st.integers(1, 40))
    def test_any_cut(self, octets: bytes, cuts: list[int], size: int) -> None:
        """Binary content comes as it was sent, and the next command is one."""
        world = self._world()
        conversation = world.converse()
        wire = START % b" BODY=BINARYMIME" + _commands(_pieces(octets, cuts))
        wire += b"NOOP\r\n"
        heard = b""
        for start in range(0, len(wire), size):
            conversation.feed(wire[start : start + size])
        heard = conversation.heard()
        self.assertEqual(world.last.content, octets)
        self.assertTrue(world.last.finished)
        self.assertTrue(heard.endswith(b"250 2.0.0 OK id=T1\r\n250 2.0.0 OK\r\n"))
        self.assertEqual(world.reported, [])

    @settings(max_examples=60, deadline=None)
    @given(_OCTETS, _CUTS, st.integers(1, 40))
    def test_unwanted(self, octets: bytes, cuts: list[int], size: int) -> None:
        """No octet of a chunk that is refused is read as a command."""
        world = self._world()
        conversation = world.converse()
        octets += b"\r\nQUIT\r\n"
        pieces = _pieces(octets, cuts)
        wire = _commands(pieces) + b"NOOP\r\n"
        for start in range(0, len(wire), size):
            conversation.feed(wire[start : start + size])
        self.assertEqual(
            conversation.heard(),
            b"503 5.5.1 MAIL first\r\n" * len(pieces) + b"250 2.0.0 OK\r\n",
        )

    def test_bare(self) -> None:
        """A bare LF is refused when its chunk is whole; what follows is not read."""
        world = self._world()
        conversation = world.converse()
        conversation.feed(
            START % b"" + b"BDAT 3\r\na\nbBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"
        )
        heard = conversation.heard()
        self.assertTrue(
            heard.endswith(
                b"550 5.6.11 Message has a CR or LF that is not a CRLF\r\n"
                b"503 5.5.1 MAIL first\r\n250 2.0.0 OK\r\n"
            )
        )
        self.assertEqual((world.last.aborted, world.last.finished), (1, False))

    def test_normalized(self) -> None:
        """With ``normalize_newlines`` it becomes CRLF, in DATA too."""
        for wire in (b"BDAT 4\r\na\nb\rBDAT 1 LAST\r\nc", b"DATA\r\na\nb\rc\r\n.\r\n"):
            world = self._world(normalize_newlines=True)
            conversation = world.converse()
            conversation.feed(START % b"" + wire)
            self.assertIn(b"250 2.0.0 OK id=T1", conversation.heard())
            self.assertEqual(world.last.content.rstrip(), b"a\r\nb\r\nc")

    def test_normalized_end(self) -> None:
        """Only CRLF.CRLF ends the data, whatever is made of other line ends."""
        world = self._world(normalize_newlines=True)
        conversation = world.converse()
        conversation.feed(START % b"" + b"DATA\r\na\n.\nQUIT\r\n\r.\r\n.\r\n")
        self.assertEqual(world.last.content, b"a\r\n.\r\nQUIT\r\n\r\n.\r\n")

    def test_back_pressure(self) -> None:
        """A receiver that is busy gets nothing more until it is not."""
        world = self._world()
        conversation = world.converse()
        conversation.feed(START % b"" + b"BDAT 4\r\nab")
        conversation.heard()
        waiting: Deferred[None] = Deferred()
        world.last.wait_for = waiting
        conversation.feed(b"cdBDAT 2 LAST\r\n\r\n")
        self.assertEqual(world.last.content, b"abcd")
        self.assertEqual(conversation.heard(), b"")
        waiting.callback(None)
        self.assertEqual(world.last.content, b"abcd\r\n")
        self.assertEqual(
            conversation.heard(),
            b"250 2.0.0 4 octets received\r\n250 2.0.0 OK id=T1\r\n",
        )

    def test_receiver_refuses(self) -> None:
        """What the receiver cannot keep ends the transaction, and not the next."""
        world = self._world()
        conversation = world.converse()
        conversation.feed(START % b"")
        world.last.refuse = InsufficientStorage("full")
        conversation.heard()
        conversation.feed(b"BDAT 2\r\nabBDAT 2 LAST\r\nab")
        self.assertEqual(
            conversation.heard(),
            b"452 4.3.1 Insufficient system storage\r\n503 5.5.1 MAIL first\r\n",
        )
        conversation.feed(START % b"" + b"BDAT 2 LAST\r\n\r\n")
        self.assertTrue(conversation.heard().endswith(b"250 2.0.0 OK id=T1\r\n"))

    def test_a_failure_while_waiting(self) -> None:
        """A write that fails later is the chunk's answer."""
        world = self._world()
        conversation = world.converse()
        conversation.feed(START % b"")
        conversation.heard()
        waiting: Deferred[None] = Deferred()
        world.last.wait_for = waiting
        conversation.feed(b"BDAT 2\r\nab")
        waiting.errback(InsufficientStorage("full"))
        self.assertEqual(
            conversation.heard(), b"452 4.3.1 Insufficient system storage\r\n"
        )

    def test_lost(self) -> None:
        """A connection lost in a chunk drops the message."""
        world = self._world()
        conversation = world.converse()
        conversation.feed(START % b"" + b"BDAT 9\r\nab")
        conversation.server.lost()
        self.assertEqual((world.last.aborted, world.last.finished), (1, False))

    def test_idle(self) -> None:
        """Empty chunks are idle commands (421 in the end)."""
        world = World(limits=SMTPLimits(idle_commands=20))
        conversation = world.converse()
        conversation.feed(START % b"" + b"BDAT 0\r\n" * 30)
        self.assertIn(b"421 4.7.0 Too many commands", conversation.heard())
