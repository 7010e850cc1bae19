"""Command lines out of octets."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import LineTooLong
from mailframe.smtp.framing import Received


def _lines(octets: bytes, size: int, max_line: int = 10) -> list[bytes | None]:
    """Return the lines of octets fed ``size`` at a time; ``None`` is too long."""
    received, found = Received(), list[bytes | None]()
    for start in range(0, len(octets), size):
        received.receive(octets[start : start + size])
        while True:
            try:
                line = received.next_line(max_line)
            except LineTooLong:
                found.append(None)
                continue
            if line is None:
                break
            found.append(line)
    return found


class ReceivedTests(SynchronousTestCase):
    """Lines are the same however the network cuts them."""

    def test_any_cut(self) -> None:
        """Only CRLF ends a line; a long one is one fault, and only it is lost."""
        sent = [
            b"NOOP",
            b"",
            b"a\nb\rc",
            b"x" * 8,
            b"y" * 9,
            b"z" * 50 + b"\r",
            b"\r" * 30,
            b"last",
        ]
        octets = b"\r\n".join(sent) + b"\r\nunfinished"
        expected = [line if len(line) <= 8 else None for line in sent]
        for size in (1, 2, 3, 7, 1000):
            self.assertEqual(_lines(octets, size), expected, size)

    def test_holds_little(self) -> None:
        """A line without end takes no memory."""
        received = Received()
        for _ in range(1000):
            received.receive(b"x" * 1000)
            self.assertIsNone(received.next_line(100))
            self.assertLess(len(received.octets) - received.start, 101)

    def test_forget(self) -> None:
        """What is forgotten is not the beginning of the next line."""
        received = Received()
        received.receive(b"NOOP\r\nQUI")
        received.forget()
        received.receive(b"T\r\n")
        self.assertEqual(received.next_line(100), b"T")
