"""Slow clients, by the session's clock."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import IMAPLimits
from mailframe.testing.transcript import Conversation
from tests.imap.world import World

_GONE = b"* BYE Autologout; idle for too long\r\n"


class SlowClientTests(SynchronousTestCase):
    """Sessions of clients that take their time."""

    def _world(self, **limits: Any) -> None:
        self.world = World(limits=IMAPLimits(**limits))

    def _drip(self, session: Conversation, octets: bytes, seconds: float) -> bytes:
        """Send octets one by one; return what is heard."""
        for octet in octets:
            session.feed(bytes((octet,)))
            self.world.time += seconds
        return session.heard()

    def test_before_login(self) -> None:
        """A login may be slow, but not for ever: in lines, literals and dialogues."""
        for octets in (
            b"a LOGIN alice secret\r\n",
            b"a LOGIN {5+}\r\nalice secret\r\n",
            b"a AUTHENTICATE PLAIN\r\nAGFsaWNlAHNlY3JldA==\r\n",
        ):
            self._world(login_time=180.0)
            session = self.world.connect()
            heard = self._drip(session, octets, 170 / len(octets))
            self.assertIn(b"a OK", heard)
            session = self.world.connect()
            heard = self._drip(session, octets, 190 / len(octets))
            self.assertTrue(heard.endswith(_GONE), heard)
            self.assertTrue(session.closed)

    def test_commands_before_login(self) -> None:
        """A command gives an unfinished login no more time."""
        self._world(login_time=180.0, login_timeout=60.0)
        session = self.world.connect()
        for _ in range(3):
            self.world.time += 59
            self.assertIn(b"a OK", session.say(b"a NOOP\r\n"))
        self.assertEqual(session.server.timeout, 3.0)
        self.world.time += 4
        self.assertEqual(session.say(b"a NOOP\r\n"), _GONE)

    def test_slow_checker(self) -> None:
        """While we look for the user the client's time stands still."""
        self._world(login_time=180.0, timeout=1800.0)
        session = self.world.connect()
        slow: Deferred[None] = Deferred()
        login = self.world.door.login

        async def wait(*arguments: Any) -> Any:
            await slow
            return await login(*arguments)

        self.world.door.login = wait
        session.feed(b"a LOGIN alice secret\r\n")
        self.world.time += 1000
        slow.callback(None)
        self.assertIn(b"a OK", session.heard())
        self.assertEqual(session.server.timeout, 1800.0)

    def test_after_unauthenticate(self) -> None:
        """Who is not logged in any more has the time for a login again."""
        self._world(login_time=180.0, login_timeout=60.0)
        session = self.world.logged_in()
        self.world.time += 1700
        self.assertIn(b"a OK", session.say(b"a UNAUTHENTICATE\r\n"))
        self.assertEqual(session.server.timeout, 60.0)
        self.assertTrue(self._drip(session, b"a NOOP\r\n" * 5, 10).endswith(_GONE))

    def test_command(self) -> None:
        """A command has its time, however many octets it comes in."""
        self._world(timeout=1800.0)
        session = self.world.logged_in()
        self.assertIn(b"a OK", self._drip(session, b"a NOOP\r\n", 250))
        self.assertEqual(self._drip(session, b"a SEARCH ALL", 250), _GONE)
        self.assertTrue(session.closed)

    def test_passed_over(self) -> None:
        """So has a line that is too long, or one that nobody wants."""
        self._world(timeout=1800.0, line=30)
        for octets in (b"a" * 100, b"a X {9+}\r\n" + b"z" * 90):
            session = self.world.logged_in()
            self.assertEqual(self._drip(session, octets, 50), _GONE)

    def test_literal(self) -> None:
        """Literals that drip are cut off, with the message they belong to."""
        for octets in (
            b"a APPEND INBOX {1000+}\r\n",
            b"a APPEND NONE {1000+}\r\n",
            b"a CREATE {1000+}\r\n",
        ):
            self._world(timeout=1800.0)
            session = self.world.logged_in()
            session.say(octets)
            self.assertEqual(self._drip(session, b"x" * 40, 60), _GONE)
            self.assertTrue(session.closed)
            session.lose()

    def test_many_literals(self) -> None:
        """All literals of a command share its time."""
        self._world(timeout=1800.0)
        session = self.world.logged_in()
        session.say(b"a APPEND INBOX")
        for _ in range(18):
            session.feed(b" {3+}\r\nx:y")
            self.world.time += 99
        self.assertFalse(session.closed)
        self.world.time += 60
        self.assertEqual(session.say(b" {3+}\r\nx:y"), _GONE)

    def test_slow_line(self) -> None:
        """A large message may take longer than any silence, at the rate asked for."""
        self._world(timeout=1800.0, data_rate=500)
        session = self.world.logged_in()
        self.assertTrue(session.say(b"a APPEND INBOX {5000000}\r\n").startswith(b"+"))
        for _ in range(100):
            session.feed(b"x" * 49_998 + b"\r\n")
            self.world.time += 100
        self.assertEqual(session.server.timeout, 1800.0)
        self.assertIn(b"a OK", session.say(b"\r\n"))

    def test_too_slow(self) -> None:
        """Half the rate asked for is over in twice the time."""
        self._world(timeout=1800.0, data_rate=500)
        session = self.world.logged_in()
        session.say(b"a APPEND INBOX {5000000+}\r\n")
        begun = self.world.time
        while not session.closed:
            session.feed(b"x" * 25_000)
            self.world.time += 100
        self.assertEqual(self.world.time - begun, 3600)

    def test_refused_literal(self) -> None:
        """What is refused at its literal is over: the next command has its time."""
        self._world(timeout=1800.0)
        session = self.world.logged_in()
        for _ in range(5):
            self.world.time += 1700
            self.assertIn(b"a BAD", session.say(b"a X {9}\r\n"))
            self.assertEqual(session.server.timeout, 1800.0)

    def test_idle(self) -> None:
        """Who idles may be silent as ever, and hear what happens."""
        self._world(timeout=1800.0)
        session = self.world.selected()
        session.say(b"a IDLE\r\n")
        for number in range(1, 4):
            self.world.time += 1000
            self.world.put(b"x: y\r\n\r\n")
            self.assertIn(b"* %d EXISTS" % number, session.heard())
            self.assertEqual(session.server.timeout, 1800.0)
        self.assertIn(b"a OK", self._drip(session, b"DONE\r\n", 300))

    def test_idle_between_commands(self) -> None:
        """Silence before a command does not shorten its time."""
        self._world(timeout=1800.0)
        session = self.world.logged_in()
        for _ in range(5):
            self.world.time += 1799
            self.assertIn(b"a OK", session.say(b"a NOOP\r\n"))
            self.assertEqual(session.server.timeout, 1800.0)
