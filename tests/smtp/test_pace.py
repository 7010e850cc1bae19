"""Slow senders, by the session's clock."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import SMTPLimits
from mailframe.testing.transcript import Conversation
from tests.smtp.test_server import ENVELOPE, HELLO
from tests.smtp.world import World

_ADDRESSED = ENVELOPE.removesuffix(b"DATA\r\n")
_GONE = b"421 4.4.2 Timed out, closing\r\n"


class SlowSenderTests(SynchronousTestCase):
    """Sessions of clients that take their time."""

    def _converse(self, service: str = "smtp", **limits: Any) -> Conversation:
        self.clock = Clock()
        self.world = World(service, SMTPLimits(**limits))
        self.world.now = self.clock.seconds
        return self.world.converse()

    def _drip(self, session: Conversation, octets: bytes, seconds: float) -> bytes:
        """Send octets one by one; return what is heard."""
        for octet in octets:
            session.feed(bytes((octet,)))
            self.clock.advance(seconds)
        return session.heard()

    def test_command(self) -> None:
        """A command has its time, however many octets it comes in."""
        session = self._converse(timeout=300.0)
        self.assertEqual(self._drip(session, b"NOOP\r\n", 59), b"250 2.0.0 OK\r\n")
        self.assertEqual(self._drip(session, b"NOOP x\r\n", 60), _GONE)
        self.assertTrue(session.closed)

    def test_idle_between_commands(self) -> None:
        """Silence before a command does not shorten its time."""
        session = self._converse(timeout=300.0)
        for _ in range(10):
            self.clock.advance(299)
            self.assertEqual(session.say(b"NOOP\r\n"), b"250 2.0.0 OK\r\n")

    def test_login_line(self) -> None:
        """A line of a login is no different."""
        session = self._converse("submission", timeout=300.0)
        session.say(HELLO + b"AUTH PLAIN\r\n")
        self.assertEqual(self._drip(session, b"AGFs" * 5, 60), _GONE)

    def test_endless_line(self) -> None:
        """Nor is one that is too long and being passed over."""
        session = self._converse(timeout=300.0, command_line=10)
        self.assertEqual(self._drip(session, b"x" * 30, 20), _GONE)

    def test_message(self) -> None:
        """Content that drips is cut off, in DATA and in a chunk."""
        for begin in (b"DATA\r\n", b"BDAT 1000 LAST\r\n"):
            session = self._converse(data_timeout=600.0, data_rate=500)
            session.say(HELLO + _ADDRESSED + begin)
            heard = self._drip(session, b"text\r\n" * 2, 60)
            self.assertEqual(heard, _GONE)
            self.assertTrue(session.closed)
            session.lose()
            self.assertEqual(self.world.last.aborted, 1)
            self.assertFalse(self.world.last.finished)

    def test_slow_line(self) -> None:
        """A large message may take longer than any silence, at the rate asked for."""
        session = self._converse(data_timeout=600.0, data_rate=500)
        session.say(HELLO + _ADDRESSED + b"DATA\r\n")
        for _ in range(100):
            session.feed(b"x" * 49_998 + b"\r\n")
            self.clock.advance(100)
        self.assertEqual(session.server.timeout, 600.0)
        self.assertFalse(session.closed)

    def test_back_pressure(self) -> None:
        """While our disk is slow the client's time stands still."""
        session = self._converse(data_timeout=600.0)
        session.say(HELLO + _ADDRESSED + b"DATA\r\n")
        slow: Deferred[None] = Deferred()
        self.world.last.wait_for = slow
        session.feed(b"text\r\n")
        self.clock.advance(1000)
        slow.callback(None)
        self.clock.advance(500)
        self.assertIn(b"250 2.0.0 OK", session.say(b"text\r\n.\r\n"))

    def test_chunks(self) -> None:
        """All chunks share the time of a message, with the pauses between them."""
        session = self._converse(timeout=300.0, data_timeout=600.0)
        session.say(HELLO + _ADDRESSED)
        for _ in range(6):
            self.assertIn(b"250 2.0.0 6 octets", session.say(b"BDAT 6\r\ntext\r\n"))
            self.clock.advance(101)
        self.assertEqual(session.say(b"BDAT 6\r\ntext\r\n"), _GONE)

    def test_many_chunks(self) -> None:
        """A large message in chunks may take longer."""
        session = self._converse(timeout=300.0, data_timeout=600.0, data_rate=500)
        session.say(HELLO + _ADDRESSED)
        chunk = b"BDAT 50000\r\n" + (b"x" * 998 + b"\r\n") * 50
        for _ in range(20):
            self.assertIn(b"250 2.0.0 50000 octets", session.say(chunk))
            self.clock.advance(99)
        self.assertIn(b"250 2.0.0 OK", session.say(b"BDAT 0 LAST\r\n"))
        # The next command has its own time.
        self.assertEqual(session.server.timeout, 300.0)
