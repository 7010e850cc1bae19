"""A receiver that looks at clients before any mail, and policy's own replies."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.errors import (
    MailLoop,
    NotPermitted,
    PolicyDeferral,
    PolicyRefusal,
    TemporaryFailure,
)
from mailframe.interfaces.delivery import IDoorkeeper
from mailframe.model.envelope import Origin
from mailframe.smtp import replies
from tests.smtp.world import RecordingReceiver, World

HELLO = b"EHLO client.example\r\n"


@implementer(IDoorkeeper)
class Doorkeeper(RecordingReceiver):
    """Answers with an error, or something to wait for."""

    def __init__(self) -> None:
        """Begin friendly."""
        super().__init__()
        self.at_connect: Any = None
        self.at_helo: Any = None
        self.at_leaving: Exception | None = None
        self.seen: list[Origin] = []
        self.gone: list[Origin] = []

    async def connected(self, origin: Origin) -> None:
        """Answer."""
        await self._answer(origin, self.at_connect)

    async def greeted(self, origin: Origin) -> None:
        """Answer."""
        await self._answer(origin, self.at_helo)

    def left(self, origin: Origin) -> None:
        """Note it, or answer with an error."""
        if self.at_leaving is not None:
            raise self.at_leaving
        self.gone.append(origin)

    async def _answer(self, origin: Origin, answer: Any) -> None:
        self.seen.append(origin)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Deferred):
            await answer


class DoorkeeperTests(SynchronousTestCase):
    """Before the greeting, and at HELO."""

    def setUp(self) -> None:
        """A receiver with a doorkeeper."""
        self.world = World()
        self.world.receiver = self.door = Doorkeeper()

    def _connect(self) -> Any:
        from mailframe.testing.transcript import Conversation, FakeConnection

        return Conversation(self.world.server(), FakeConnection(trusted=True))

    def test_welcome(self) -> None:
        """Nobody notices a friendly one."""
        conversation = self._connect()
        self.assertTrue(conversation.heard().startswith(b"220 mx.example.org"))
        self.assertIn(b"250 ", conversation.say(HELLO))
        self.assertIn(b"250 ", conversation.say(b"HELO again.example\r\n"))
        self.assertEqual(
            [one.helo for one in self.door.seen],
            ["", "client.example", "again.example"],
        )

    def test_wait(self) -> None:
        """The greeting comes when the doorkeeper is done; who talks waits."""
        self.door.at_connect = waiting = Deferred()
        conversation = self._connect()
        self.assertEqual(conversation.say(HELLO), b"")
        waiting.callback(None)
        conversation.settle()
        heard = conversation.heard()
        self.assertTrue(heard.startswith(b"220 "), heard)
        self.assertIn(b"250-mx.example.org", heard)

    def test_later(self) -> None:
        """421, and the connection ends."""
        for error, text in (
            (PolicyDeferral("too many of you"), b"too many of you"),
            (TemporaryFailure("secret"), b"no mail is taken from you"),
        ):
            self.door.at_connect = error
            conversation = self._connect()
            heard = conversation.heard()
            self.assertEqual(heard, b"421 mx.example.org %b\r\n" % text)
            self.assertTrue(conversation.server.closing)

    def test_refused(self) -> None:
        """554, and nothing but QUIT (RFC 5321 section 3.1)."""
        self.door.at_connect = PolicyRefusal("go\r\naway \x1b[0m")
        conversation = self._connect()
        self.assertEqual(conversation.heard(), b"554 mx.example.org go away  [0m\r\n")
        for line in (HELLO, b"MAIL FROM:<>\r\n", b"NOOP\r\n", b"nonsense\r\n"):
            self.assertTrue(conversation.say(line).startswith(b"503 5.5.1 "))
        self.assertTrue(conversation.say(b"QUIT\r\n").startswith(b"221 "))

    def test_refused_for_ever(self) -> None:
        """Who does not leave is cut off."""
        self.door.at_connect = NotPermitted("no")
        conversation = self._connect()
        heard = conversation.say(HELLO * 50)
        self.assertIn(b"421 4.7.0", heard)
        self.assertTrue(conversation.server.closing)

    def test_our_bug(self) -> None:
        """421 with a fixed text; the bug is reported."""
        self.door.at_connect = ZeroDivisionError("secret")
        conversation = self._connect()
        self.assertEqual(conversation.heard(), replies.NOT_NOW)
        self.assertEqual(len(self.world.reported), 1)

    def test_helo(self) -> None:
        """A refused name leaves all as it was; another may be tried."""
        self.door.at_helo = PolicyRefusal("not that name", 504, "5.5.2")
        conversation = self._connect()
        conversation.heard()
        for verb in (b"HELO", b"EHLO"):
            heard = conversation.say(verb + b" localhost\r\n")
            self.assertEqual(heard, b"504 5.5.2 not that name\r\n")
        heard = conversation.say(b"MAIL FROM:<a@b.example>\r\n")
        self.assertTrue(heard.startswith(b"503 "))
        self.door.at_helo = None
        self.assertIn(b"250 ", conversation.say(HELLO))
        self.door.at_helo = TemporaryFailure("x")
        self.assertTrue(conversation.say(b"EHLO x.example\r\n").startswith(b"451 "))
        heard = conversation.say(b"MAIL FROM:<a@b.example>\r\n")
        self.assertTrue(heard.startswith(b"250 "))
        self.assertEqual(self.door.transactions[0].origin.helo, "client.example")

    def test_pipelined(self) -> None:
        """What follows a slow HELO waits for it."""
        conversation = self._connect()
        conversation.heard()
        self.door.at_helo = waiting = Deferred()
        self.assertEqual(conversation.say(HELLO + b"NOOP\r\n"), b"")
        waiting.callback(None)
        conversation.settle()
        self.assertTrue(conversation.heard().endswith(b"250 2.0.0 OK\r\n"))

    def test_shut_down_meanwhile(self) -> None:
        """A host that stops says goodbye after the doorkeeper."""
        self.door.at_connect = waiting = Deferred()
        conversation = self._connect()
        conversation.stop()
        waiting.callback(None)
        conversation.settle()
        self.assertTrue(conversation.heard().endswith(replies.SHUTTING_DOWN))

    def test_left(self) -> None:
        """It hears once that a client is gone, which has one memory until then."""
        conversation = self._connect()
        conversation.say(HELLO + b"HELO again.example\r\nMAIL FROM:<>\r\n")
        (begun,) = self.door.transactions
        for one in self.door.seen:
            self.assertIs(one.visit, begun.origin.visit)
        self.assertEqual(self.door.gone, [])
        conversation.lose()
        (gone,) = self.door.gone
        self.assertIs(gone.visit, begun.origin.visit)
        self.assertTrue(begun.aborted)
        conversation = self._connect()
        conversation.say(HELLO)
        self.assertIsNot(self.door.seen[-1].visit, gone.visit)

    def test_left_with_a_bug(self) -> None:
        """Its own trouble is reported, and keeps nothing else from being let go."""
        conversation = self._connect()
        self.door.at_leaving = ZeroDivisionError("secret")
        conversation.lose()
        self.assertEqual(len(self.world.reported), 1)

    def test_without(self) -> None:
        """A receiver without one is not asked."""
        self.world.receiver = RecordingReceiver()
        self.assertTrue(self._connect().heard().startswith(b"220 "))


class PolicyReplyTests(SynchronousTestCase):
    """Replies a check wishes for."""

    def test_replies(self) -> None:
        """Text and codes, where they are what they should be."""
        for error, expected in (
            (PolicyRefusal(), b"550 5.7.1 Refused by policy\r\n"),
            (PolicyRefusal("no"), b"550 5.7.1 no\r\n"),
            (PolicyRefusal("no", 554, "5.7.9"), b"554 5.7.9 no\r\n"),
            (PolicyRefusal("no", 450, "4.7.1"), b"550 5.7.1 no\r\n"),
            (PolicyRefusal("a\r\n250 b", 550, "5.x"), b"550 5.7.1 a 250 b\r\n"),
            (PolicyRefusal("x" * 999, 5000), b"550 5.7.1 %b\r\n" % (b"x" * 400)),
            (PolicyRefusal("caf\u00e9"), b"550 5.7.1 caf\r\n"),
            (PolicyDeferral("wait", 450), b"450 4.7.1 wait\r\n"),
            (PolicyDeferral("wait", 421), b"451 4.7.1 wait\r\n"),
            (PolicyDeferral("wait", 250, "2.0.0"), b"451 4.7.1 wait\r\n"),
            (
                PolicyDeferral(),
                b"451 4.7.1 Deferred by policy, try again later\r\n",
            ),
            (MailLoop(), b"554 5.4.6 Too many hops, a loop it seems\r\n"),
        ):
            self.assertEqual(replies.refusal(error), expected)
