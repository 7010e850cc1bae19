"""Delivery as a peer sees it: the receivers behind an SMTP session."""

from typing import Any

from twisted.logger import capturedLogs, formatEvent

from mailframe.delivery.inbound import InboundReceiver
from mailframe.errors import OverQuota
from mailframe.limits import SMTPLimits
from mailframe.smtp.server import SMTPServer
from mailframe.testing.transcript import Conversation
from tests.delivery.world import DeliveryTestCase, World

_HELLO = b"EHLO client.example\r\n"


class OverSMTPTests(DeliveryTestCase):
    """From the first octet to the INBOX."""

    def _converse(self, service: str = "smtp", **settings: Any) -> Conversation:
        self.world = World(InboundReceiver, **settings)
        server = SMTPServer(
            self.world.receiver,
            portal=None,
            service=service,
            hostname="mx.example.org",
            limits=SMTPLimits(),
            report=self._raise,
            now=self.world.clock.seconds,
        )
        conversation = Conversation(server)
        hello = b"LHLO x\r\n" if service == "lmtp" else _HELLO
        conversation.say(hello + b"MAIL FROM:<x@b.example>\r\n")
        return conversation

    @staticmethod
    def _raise(error: BaseException) -> None:
        raise error

    def test_delivered(self) -> None:
        """What was accepted is in the INBOX, trace fields first."""
        conversation = self._converse()
        heard = conversation.say(
            b"RCPT TO:<alice@example.org>\r\nRCPT TO:<x@elsewhere.example>\r\n"
            b"RCPT TO:<mallory@example.org>\r\nDATA\r\nSubject: hi\r\n\r\n..\r\n.\r\n"
        )
        replies = [line[:9] for line in heard.split(b"\r\n")[:-1]]
        self.assertEqual(
            replies,
            [b"250 2.1.5", b"550 5.7.1", b"550 5.1.1", b"354 Send ", b"250 2.0.0"],
        )
        (stored,) = self.inbox(self.world.account("alice@example.org"))
        self.assertIn(b"Return-Path: <x@b.example>\r\n", stored)
        self.assertIn(b" with ESMTP\r\n", stored)
        self.assertTrue(stored.endswith(b"\r\nSubject: hi\r\n\r\n.\r\n"))
        # The reply, the log and the trace field have the same identifier.
        self.assertIn(b"\tid " + heard.rpartition(b"id=")[2].strip(), stored)

    def test_address_literal(self) -> None:
        """The address the client has connected to is ours (RFC 5321 4.1.3)."""
        conversation = self._converse()
        heard = conversation.say(
            b"RCPT TO:<alice@[192.0.2.2]>\r\n"
            b"RCPT TO:<alice@[IPv6:::FFFF:192.0.2.2]>\r\n"
            b"RCPT TO:<nobody@[192.0.2.2]>\r\nRCPT TO:<alice@[192.0.2.3]>\r\n"
            b"DATA\r\n\r\n.\r\n"
        )
        replies = [line[:9] for line in heard.split(b"\r\n")[:-1]]
        self.assertEqual(replies[:2], [b"250 2.1.5", b"250 2.1.5"])
        self.assertEqual(replies[2:4], [b"550 5.1.1", b"550 5.7.1"])
        self.assertEqual(len(self.inbox(self.world.account("alice@example.org"))), 1)

    def test_loop(self) -> None:
        """Too many hosts: 554 5.4.6 (RFC 5321 section 6.3)."""
        conversation = self._converse()
        heard = conversation.say(
            b"RCPT TO:<alice@example.org>\r\nDATA\r\n"
            + b"Received: x\r\n" * 101
            + b"\r\n.\r\n"
        )
        self.assertIn(b"\r\n554 5.4.6 ", heard)

    def test_refused_content(self) -> None:
        """What the session itself refuses is in the log as well."""
        with capturedLogs() as events:
            conversation = self._converse()
            conversation.say(b"RCPT TO:<alice@example.org>\r\nDATA\r\n\n\r\n.\r\n")
            conversation.say(
                b"MAIL FROM:<x@b.example>\r\nRCPT TO:<alice@example.org>\r\n"
                b"BDAT 999999999 LAST\r\n"
            )
        lines = [formatEvent(event) for event in events]
        for line, reason in zip(
            [line for line in lines if line.startswith("mail ")],
            (
                "550 5.6.11 Message has a CR or LF that is not a CRLF",
                "552 5.3.4 Message too large",
            ),
            strict=True,
        ):
            self.assertEqual(
                line,
                'mail refused service=smtp client=192.0.2.1 helo="client.example"'
                f' at=end from="x@b.example" reason="{reason}"',
            )

    def test_full_mailbox(self) -> None:
        """LMTP tells of each recipient; SMTP asks for all of it again."""
        for service, expected in (
            ("lmtp", [b"452 4.2.2", b"250 2.0.0"]),
            ("smtp", [b"451 4.3.0"]),
        ):
            conversation = self._converse(service)
            self.world.account("alice@example.org").refusal = OverQuota("full")
            conversation.say(
                b"RCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
            )
            heard = conversation.say(b"text\r\n.\r\n")
            replies = [line[:9] for line in heard.split(b"\r\n")[:-1]]
            self.assertEqual(replies, expected)
            self.assertEqual(len(self.inbox(self.world.account("bob@example.org"))), 1)
