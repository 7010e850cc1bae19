"""Nothing said before TLS is believed after it.

Source: RFC 3207 section 4.2.
"""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.testing.transcript import Conversation, FakeConnection
from tests.smtp.test_server import ENVELOPE, HELLO
from tests.smtp.world import World


class InjectionTests(SynchronousTestCase):
    """What an attacker put before the handshake has no effect after it."""

    def setUp(self) -> None:
        """A session that could start TLS."""
        self.world = World()
        self.conversation: Conversation = self.world.converse(
            FakeConnection(can_start_tls=True)
        )

    def test_octets(self) -> None:
        """Commands sent with STARTTLS in one read are thrown away."""
        reply = self.conversation.say(b"STARTTLS\r\n" + HELLO + ENVELOPE)
        self.assertEqual(reply, b"220 2.0.0 Ready to start TLS\r\n")
        self.assertEqual(self.conversation.tls_starts, 1)
        self.assertEqual(self.world.receiver.transactions, [])

    def test_half_a_line(self) -> None:
        """The beginning of a line does not become part of the next one."""
        self.conversation.say(b"STARTTLS\r\nRSET ")
        self.assertEqual(self.conversation.say(b"NOOP\r\n"), b"250 2.0.0 OK\r\n")

    def test_state(self) -> None:
        """Name and transaction are forgotten."""
        self.conversation.feed(HELLO + ENVELOPE[: -len(b"DATA\r\n")])
        self.conversation.feed(b"STARTTLS\r\n")
        self.conversation.heard()
        self.assertEqual(self.world.last.aborted, 1)
        self.assertIn(b"503", self.conversation.say(b"DATA\r\n"))
        self.assertIn(
            b"503 5.5.1 Say hello", self.conversation.say(b"MAIL FROM:<>\r\n")
        )

    def test_announced_no_more(self) -> None:
        """STARTTLS is announced until TLS is there."""
        self.assertIn(b"250-STARTTLS\r\n", self.conversation.say(HELLO))
        self.conversation.say(b"STARTTLS\r\n")
        self.assertNotIn(b"STARTTLS", self.conversation.say(HELLO))

    def test_after_a_login(self) -> None:
        """A login made before TLS would have to be forgotten: no TLS then."""
        world = World("submission")
        conversation = world.converse(FakeConnection(trusted=True, can_start_tls=True))
        conversation.feed(HELLO)
        conversation.feed(b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n")
        conversation.heard()
        self.assertIn(b"503", conversation.say(b"STARTTLS\r\n"))
        self.assertEqual(conversation.tls_starts, 0)
