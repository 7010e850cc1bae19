"""Slow clients, by the session's clock."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import POP3Limits
from mailframe.testing.transcript import Conversation, FakeConnection
from tests.pop3.world import World

_GONE = b"-ERR [SYS/TEMP] waited too long\r\n"
_LOGIN = b"USER alice@example.org\r\nPASS secret\r\n"


class SlowClientTests(SynchronousTestCase):
    """Sessions of clients that take their time."""

    def _converse(self, **limits: Any) -> Conversation:
        self.world = World(limits=POP3Limits(**limits))
        made = Conversation(self.world.server(), FakeConnection(trusted=True))
        made.heard()
        return made

    def _drip(self, session: Conversation, octets: bytes, seconds: float) -> bytes:
        """Send octets one by one; return what is heard."""
        for octet in octets:
            session.feed(bytes((octet,)))
            self.world.time += seconds
        return session.heard()

    def test_before_login(self) -> None:
        """A login may be slow, but not for ever."""
        session = self._converse(login_time=180.0)
        self.assertIn(b"+OK 3 messages", self._drip(session, _LOGIN, 4))
        session = self._converse(login_time=180.0)
        self.assertIn(_GONE, self._drip(session, _LOGIN, 5))
        self.assertTrue(session.closed)

    def test_commands_before_login(self) -> None:
        """Nor does a command give an unfinished login more time."""
        session = self._converse(login_time=180.0, login_timeout=60.0)
        for command in (b"CAPA\r\n", b"USER alice@example.org\r\n", b"AUTH PLAIN\r\n"):
            self.world.time += 59
            self.assertNotIn(_GONE, session.say(command))
        self.assertEqual(session.server.timeout, 3.0)
        self.world.time += 4
        self.assertEqual(session.say(b"AGFs"), _GONE)

    def test_slow_checker(self) -> None:
        """While we look for the user the client's time stands still."""
        session = self._converse(login_time=180.0)
        slow: Deferred[Any] = Deferred()
        login = self.world.portal.login
        self.world.portal.login = lambda *arguments: slow
        session.feed(_LOGIN)
        self.world.time += 1000
        login(*self._credentials()).chainDeferred(slow)
        self.assertIn(b"+OK 3 messages", session.heard())
        self.assertEqual(session.server.timeout, 600.0)

    def test_command(self) -> None:
        """A command has its time, however many octets it comes in."""
        session = self._converse(timeout=600.0)
        session.say(_LOGIN)
        self.assertEqual(self._drip(session, b"NOOP\r\n", 119), b"+OK\r\n")
        self.assertEqual(self._drip(session, b"RETR 1", 120), _GONE)
        self.assertTrue(session.closed)

    def test_endless_line(self) -> None:
        """So has a line that is too long."""
        session = self._converse(timeout=600.0, command_line=30)
        session.say(_LOGIN)
        heard = self._drip(session, b"x" * 80, 20)
        self.assertTrue(heard.startswith(b"-ERR expected a line of at most"))
        self.assertTrue(heard.endswith(_GONE))

    def test_idle_between_commands(self) -> None:
        """Silence before a command, right or wrong, does not shorten its time."""
        session = self._converse(timeout=600.0)
        session.say(_LOGIN)
        for command in (b"NOOP\r\n", b"XNOOP\r\n", b"NOOP\n", b"NOOP\r\n"):
            self.world.time += 599
            self.assertNotIn(_GONE, session.say(command))
            self.assertEqual(session.server.timeout, 600.0)

    @staticmethod
    def _credentials() -> Any:
        from twisted.cred.credentials import UsernamePassword

        from mailframe.interfaces.mailbox import IMailAccount

        return UsernamePassword(b"alice@example.org", b"secret"), None, IMailAccount
