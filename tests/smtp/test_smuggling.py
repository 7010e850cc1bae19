"""No octet of a message is ever a command, whatever its line ends.

Source: RFC 5321 sections 2.3.8 and 4.1.1.4 (only CRLF.CRLF ends the data).
"""

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from tests.smtp.test_server import ENVELOPE, HELLO
from tests.smtp.world import World

_ENDS = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\0\n", b"\r\0\n", b"\n\n")
_FALSE_ENDS = tuple(
    before + b"." + after
    for before, after in product(_ENDS, _ENDS)
    if b"\r\n.\r\n" not in before + b"." + after
)
_SMUGGLED = b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n"


class SmugglingTests(SynchronousTestCase):
    """One message stays one message."""

    def _refused(self, content: bytes, size: int) -> None:
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO + ENVELOPE)
        conversation.heard()
        sent = content + b"\r\n.\r\nNOOP\r\n"
        for start in range(0, len(sent), size):
            conversation.feed(sent[start : start + size])
        self.assertEqual(
            conversation.heard(),
            b"550 5.6.11 Message has a CR or LF that is not a CRLF\r\n250 2.0.0 OK\r\n",
            content,
        )
        self.assertEqual(len(world.receiver.transactions), 1)
        self.assertFalse(world.last.finished)

    def test_false_ends(self) -> None:
        """Every other pair of line ends around a dot is content, and refused."""
        # All but the two that end in CRLF and begin with it: those are the end.
        self.assertEqual(len(_FALSE_ENDS), len(_ENDS) ** 2 - 2)
        for false_end in _FALSE_ENDS:
            for size in (1, 7, 10_000):
                self._refused(b"text" + false_end + _SMUGGLED + b"more", size)

    def test_at_the_beginning(self) -> None:
        """The same with nothing before the dot."""
        for after in (b"\n", b"\r", b"\r\r\n", b"\n\r\n"):
            for size in (1, 10_000):
                self._refused(b"." + after + _SMUGGLED, size)

    def test_long_line(self) -> None:
        """A line of any length leaves DATA as it is."""
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO + ENVELOPE)
        conversation.heard()
        self.assertEqual(
            conversation.say(b"x" * 100_000 + b"\r\n" + _SMUGGLED + b".\r\nNOOP\r\n"),
            b"554 5.6.0 Message has a line that is too long\r\n250 2.0.0 OK\r\n",
        )
        self.assertEqual(len(world.receiver.transactions), 1)

    def test_large_message(self) -> None:
        """So does a message of any size, and little of it is handed on."""
        world = World()
        world.limits = type(world.limits)(message_size=1000)
        conversation = world.converse()
        conversation.feed(HELLO + ENVELOPE)
        conversation.heard()
        for _ in range(100):
            conversation.feed(b"x" * 98 + b"\r\n")
        self.assertEqual(
            conversation.say(_SMUGGLED + b".\r\nNOOP\r\n"),
            b"552 5.3.4 Message too large\r\n250 2.0.0 OK\r\n",
        )
        self.assertLessEqual(len(world.last.content), 1000)
        self.assertFalse(world.last.finished)

    def test_in_commands(self) -> None:
        """A command with a CR or an LF in it is none, and nor is what follows it."""
        for end in (b"\n", b"\r", b"\r\r\n", b"\n\r\n"):
            for size in (1, 10_000):
                world = World()
                conversation = world.converse()
                conversation.feed(HELLO)
                conversation.heard()
                sent = b"NOOP" + end + b"MAIL FROM:<a@b.example>\r\n"
                for start in range(0, len(sent), size):
                    conversation.feed(sent[start : start + size])
                self.assertTrue(conversation.heard().startswith(b"500 5.5.2 Lines end"))
                if not end.endswith(b"\r\n"):
                    self.assertEqual(world.receiver.transactions, [])
