"""Policy, aliases and relaying as a peer sees them."""

from typing import Any

from twisted.internet.task import Clock

from mailframe.delivery.checks import Checks
from mailframe.delivery.configured_check import Configured
from mailframe.delivery.inbound import InboundReceiver
from mailframe.interfaces.check import Decision, Verdict
from mailframe.limits import SMTPLimits
from mailframe.smtp.server import SMTPServer
from mailframe.testing.transcript import Conversation
from tests.delivery.check import AttentiveCheck, ToldCheck
from tests.delivery.spool import ListSpool
from tests.delivery.test_addresses import addresses
from tests.delivery.world import DeliveryTestCase, World

HELLO = b"EHLO client.example\r\n"
MAIL = b"MAIL FROM:<x@b.example>\r\n"


class PolicyOverSMTPTests(DeliveryTestCase):
    """From the first octet to the last verdict."""

    def _connect(self, check: ToldCheck, relay: bool = False) -> Conversation:
        self.spool = ListSpool()
        self.world = World(
            InboundReceiver,
            addresses=addresses({"list": ["alice", "x@elsewhere.example"]}),
            checks=Checks([Configured("told", check)], Clock()),
            spool=self.spool,
            may_relay=lambda origin: relay,
        )
        server = SMTPServer(
            self.world.receiver,
            portal=None,
            service="smtp",
            hostname="mx.example.org",
            limits=SMTPLimits(),
            report=self._raise,
            now=self.world.clock.seconds,
        )
        return Conversation(server)

    @staticmethod
    def _raise(error: BaseException) -> None:
        raise error

    def _replies(self, conversation: Conversation, octets: bytes) -> list[bytes]:
        return [line for line in conversation.say(octets).split(b"\r\n") if line]

    def test_each_stage(self) -> None:
        """The reply has the check's codes and text, wherever it refuses."""
        no = Verdict(Decision.REFUSE, "not you", code=554, enhanced="5.7.9")
        for stage, begun in (
            ("connect", b""),
            ("helo", HELLO),
            ("mail", HELLO + MAIL),
            ("rcpt", HELLO + MAIL + b"RCPT TO:<alice@example.org>\r\n"),
            ("data", HELLO + MAIL + b"RCPT TO:<alice@example.org>\r\nDATA\r\n"),
            ("vrfy", HELLO + b"VRFY alice\r\n"),
            (
                "end",
                HELLO + MAIL + b"RCPT TO:<alice@example.org>\r\nDATA\r\nx\r\n.\r\n",
            ),
        ):
            answers: dict[str, Any] = {stage: no}
            last = self._replies(self._connect(AttentiveCheck(**answers)), begun)[-1]
            expected = b"554 mx.example.org" if stage == "connect" else b"554 5.7.9"
            self.assertEqual(last, expected + b" not you", stage)

    def test_list(self) -> None:
        """One reply for a list; its members here and elsewhere have the mail."""
        conversation = self._connect(ToldCheck())
        replies = self._replies(
            conversation,
            HELLO + MAIL + b"RCPT TO:<LIST@example.org>\r\nDATA\r\n\r\nhi\r\n.\r\n",
        )
        self.assertTrue(replies[-1].startswith(b"250 2.0.0"))
        self.assertEqual(len(self.inbox(self.world.account("alice@example.org"))), 1)
        self.assertEqual(self.spool.entries[0].recipients, ["x@elsewhere.example"])

    def test_open_relay(self) -> None:
        """What scanners try, nobody gets; who may relay does."""
        tries = (
            b"x@elsewhere.example",
            b"x%elsewhere.example@example.org",
            b"x%elsewhere.example@[192.0.2.1]",
            b'"x@elsewhere.example"@example.org',
            b'"x%elsewhere.example"',
            b"@example.org:x@elsewhere.example",
            b"elsewhere.example!x",
            b"elsewhere.example!x@example.org",
            b"x@elsewhere.example@example.org",
        )
        conversation = self._connect(ToldCheck())
        self._replies(conversation, HELLO + MAIL)
        for text in tries:
            (reply,) = self._replies(conversation, b"RCPT TO:<" + text + b">\r\n")
            self.assertTrue(reply.startswith(b"5"), (text, reply))
        conversation = self._connect(ToldCheck(), relay=True)
        replies = self._replies(
            conversation, HELLO + MAIL + b"RCPT TO:<x@elsewhere.example>\r\n"
        )
        self.assertTrue(replies[-1].startswith(b"250 "))
