"""Where commands end."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import LineTooLong
from mailframe.imap.framing import SKIPPED, Announced, Framer


def pieces(framer: Framer) -> list[object]:
    """Return the pieces at hand; every literal is gathered."""
    found: list[object] = []
    while (piece := framer.next_piece()) is not None:
        if isinstance(piece, Announced):
            framer.gather()
        found.append(piece)
    return found


def fed(framer: Framer, *reads: bytes) -> list[object]:
    """Feed reads and return the pieces."""
    found: list[object] = []
    for read in reads:
        framer.receive(read)
        found += pieces(framer)
    return found


def passed(max_line: int, *reads: bytes) -> list[object]:
    """Feed reads; pass over lines that are too long, and refuse their literals."""
    framer, found = Framer(max_line), list[object]()
    for read in reads:
        framer.receive(read)
        while True:
            try:
                piece = framer.next_piece()
            except LineTooLong:
                framer.pass_over()
                found.append("too long")
                continue
            if piece is None:
                break
            if isinstance(piece, Announced) and framer.skipping is None:
                framer.gather()
            elif isinstance(piece, Announced):
                (framer.drop if piece.synchronizing else framer.skip)()
                piece = Announced(piece.size, piece.synchronizing, 0)
            found.append(piece)
    return found


class FramerTests(SynchronousTestCase):
    """What octets mean must not depend on how the network cut them."""

    CASES: tuple[tuple[bytes, list[object]], ...] = (
        (b"a1 NOOP\r\n", [b"a1 NOOP"]),
        (b"\r\n", [b""]),
        (b"a1 NOOP\n\r\n", [b"a1 NOOP\n"]),
        (b"a1 NOOP\r\r\n", [b"a1 NOOP\r"]),
        (b"a1 NOOP\r\na2 NOOP\r\n", [b"a1 NOOP", b"a2 NOOP"]),
        (b"a1 SEARCH {-100}zzz\r\n", [b"a1 SEARCH {-100}zzz"]),
        (
            b"a1 SEARCH {99999999999999999999}\r\n",
            [b"a1 SEARCH {99999999999999999999}"],
        ),
        (
            b"a1 LOGIN {5}\r\nalice {2+}\r\npw\r\na2 NOOP\r\n",
            [
                Announced(5, True, 9),
                Announced(2, False, 20),
                b"a1 LOGIN {5}\r\nalice {2+}\r\npw",
                b"a2 NOOP",
            ],
        ),
        (
            b"{0}\r\n{0}\r\n\r\n",
            [Announced(0, True, 0), Announced(0, True, 5), b"{0}\r\n{0}\r\n"],
        ),
        # What looks like the end of a command inside a literal is not one.
        (
            b"a1 X {9}\r\n{3}\r\na\r\nb\r\n",
            [Announced(9, True, 5), b"a1 X {9}\r\n{3}\r\na\r\nb"],
        ),
    )

    def test_at_once(self) -> None:
        """Everything in one read."""
        for octets, expected in self.CASES:
            self.assertEqual(fed(Framer(100), octets), expected, octets)

    def test_octet_by_octet(self) -> None:
        """One octet a read."""
        for octets, expected in self.CASES:
            reads = (octets[at : at + 1] for at in range(len(octets)))
            self.assertEqual(fed(Framer(100), *reads), expected, octets)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_cut_anywhere(self, data: st.DataObject) -> None:
        """Whatever the pieces are, the cuts make no difference."""
        word = st.sampled_from(
            [b"a", b" ", b"\r", b"\n", b"\r\n", b"{2}\r\n", b"{1+}\r\n"]
        )
        octets = b"".join(data.draw(st.lists(word, max_size=30)))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=5)))
        edges = [0, *cuts, len(octets)]
        reads = [octets[a:b] for a, b in zip(edges, edges[1:], strict=False)]
        self.assertEqual(fed(Framer(10**6), *reads), fed(Framer(10**6), octets))

    def test_line_limit(self) -> None:
        """A line may be as long as the limit, and no octet longer."""
        self.assertEqual(fed(Framer(5), b"12345\r\n"), [b"12345"])
        self.assertEqual(fed(Framer(5), b"12345\r", b"\n"), [b"12345"])
        for octets in (b"123456\r\n", b"123456"):
            self.assertRaises(LineTooLong, fed, Framer(5), octets)

    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_too_long_lines_are_passed_over(self, data: st.DataObject) -> None:
        """However they come, and the next command is the next command."""
        word = st.sampled_from(
            [b"a", b" ", b"\r", b"\n", b"\r\n", b"{2}\r\n", b"{1+}\r\n", b"b" * 30]
        )
        octets = b"".join(data.draw(st.lists(word, max_size=30)))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=5)))
        edges = [0, *cuts, len(octets)]
        reads = [octets[a:b] for a, b in zip(edges, edges[1:], strict=False)]
        self.assertEqual(passed(8, *reads), passed(8, octets))
        found = passed(8, octets, b"z" * 40, b"\r\n", b"c NOOP\r\n")
        self.assertEqual(found[-1], b"c NOOP")

    def test_literals_do_not_count(self) -> None:
        """The limit is on what is not in literals."""
        octets = b"a {9+}\r\n123456789\r\n"
        self.assertEqual(len(fed(Framer(10), octets)), 2)
        self.assertRaises(LineTooLong, fed, Framer(5), octets)

    def test_stream(self) -> None:
        """A streamed literal comes as it arrives, the rest as a piece."""
        framer = Framer(100)
        framer.receive(b"a1 APPEND x {6}\r\nab")
        self.assertEqual(framer.next_piece(), Announced(6, True, 12))
        self.assertEqual(framer.so_far(100), b"a1 APPEND x ")
        framer.stream()
        self.assertEqual(framer.next_octets(), b"ab")
        self.assertIsNone(framer.next_octets())
        framer.receive(b"c\r\nd (x)\r\na2 NOOP\r\n")
        self.assertEqual(framer.next_octets(), b"c\r\nd")
        self.assertFalse(framer.streaming)
        self.assertEqual(pieces(framer), [b" (x)", b"a2 NOOP"])

    def test_skip(self) -> None:
        """A skipped command is gone with all its literals."""
        octets = b"a1 X {6+}\r\na\r\nb\r\nq {2+}\r\n\r\n\r\na2 NOOP\r\n"
        for reads in ([octets], [octets[at : at + 1] for at in range(len(octets))]):
            framer, found = Framer(100), list[object]()
            for read in reads:
                framer.receive(read)
                while (piece := framer.next_piece()) is not None:
                    found.append(piece)
                    if isinstance(piece, Announced):
                        framer.skip()
            self.assertEqual(
                found,
                [Announced(6, False, 5), Announced(2, False, 2), SKIPPED, b"a2 NOOP"],
            )

    def test_drop(self) -> None:
        """After a refused literal the next octets are a command."""
        framer = Framer(100)
        framer.receive(b"a1 X {6}\r\na2 NOOP\r\n")
        self.assertIsInstance(framer.next_piece(), Announced)
        framer.drop()
        self.assertEqual(framer.next_piece(), b"a2 NOOP")

    def test_lines(self) -> None:
        """A line of a dialogue has no literals, and a limit of its own."""
        framer = Framer(100)
        framer.receive(b"abc {3}\r\nxy")
        self.assertEqual(framer.next_line(10), b"abc {3}")
        self.assertIsNone(framer.next_line(10))
        framer.receive(b"\r\n12345678901")
        self.assertEqual(framer.next_line(10), b"xy")
        self.assertRaises(LineTooLong, framer.next_line, 10)

    def test_reset(self) -> None:
        """Nothing received before is left, a half literal neither."""
        framer = Framer(100)
        framer.receive(b"a1 X {6+}\r\nab")
        pieces(framer)
        framer.reset()
        self.assertEqual(fed(framer, b"a2 NOOP\r\n"), [b"a2 NOOP"])

    def test_many_commands_in_one_read(self) -> None:
        """Commands of one read come one after another, octet for octet."""
        commands = [b"a%d NOOP" % number for number in range(20_000)]
        octets = b"".join(command + b"\r\n" for command in commands)
        self.assertEqual(fed(Framer(100), octets), commands)
        self.assertEqual(len(re.findall(rb"\r\n", octets)), len(commands))
