"""BURL: what the transcript does not show."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.memory_content import MemoryContent
from mailframe.smtp.options import SMTPOptions
from tests.smtp.world import Library, World

LOGIN = b"EHLO x\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n"
ENVELOPE = b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<b@example.org>\r\n"


class Noting(MemoryContent):
    """Notes whether it is open, and may be slow."""

    closed = 0
    slow: Any = None
    most = 0

    async def read(self, start: int, stop: int) -> bytes:
        self.most = max(self.most, stop - start)
        if self.slow is not None:
            await self.slow
        return await super().read(start, stop)

    def close(self) -> None:
        self.closed += 1


class BurlTests(SynchronousTestCase):
    """RFC 4468."""

    def setUp(self) -> None:
        """Log in."""
        self.library = Library()
        options = SMTPOptions(content_by_url=self.library)
        self.world = World("submission", options=options)
        self.made = self.world.converse()
        self.assertIn(b"235 ", self.made.say(LOGIN))
        self.content = self.library.known["noted"] = Noting(b"a: b\r\n" * 50_000)

    def test_content(self) -> None:
        """What comes is what the URL means; the URL and the user are handed on."""
        url = b"imap://alice@imap.example.org/INBOX/;UID=1;URLAUTH=submit+alice/noted"
        heard = self.made.say(ENVELOPE + b"BURL %b LAST\r\n" % url)
        self.assertTrue(heard.endswith(b"250 2.0.0 OK id=T1\r\n"), heard)
        self.assertEqual(self.world.last.content, b"a: b\r\n" * 50_000)
        self.assertEqual(self.library.asked, [(url.decode(), "alice@example.org")])
        self.assertEqual((self.content.closed, self.content.most), (1, 65_536))

    def test_waits(self) -> None:
        """Commands that come meanwhile wait; so does a slow receiver's source."""
        self.content.slow = slow = Deferred[None]()
        self.made.feed(
            ENVELOPE + b"BURL imap://imap.example.org/noted LAST\r\nNOOP\r\n"
        )
        self.assertTrue(self.made.heard().endswith(b"250 2.1.5 Recipient OK\r\n"))
        slow.callback(None)
        heard = self.made.heard()
        self.assertEqual(heard, b"250 2.0.0 OK id=T1\r\n250 2.0.0 OK\r\n")

    def test_lost(self) -> None:
        """Nothing stays open when the client goes meanwhile."""
        self.content.slow = Deferred[None]()
        self.made.feed(ENVELOPE + b"BURL imap://imap.example.org/noted LAST\r\n")
        self.made.lose()
        self.assertEqual(self.content.closed, 1)
        self.assertEqual(self.world.last.aborted, 1)

    def test_bug(self) -> None:
        """A bug of ours in following or reading ends the transaction only."""
        heard = self.made.say(ENVELOPE + b"BURL imap://imap.example.org/bug\r\n")
        self.assertTrue(heard.endswith(b"451 4.3.0 Local error, try again later\r\n"))
        self.made.say(b"RSET\r\n")
        self.content.slow = Deferred[None]()
        self.made.feed(ENVELOPE + b"BURL imap://imap.example.org/noted LAST\r\n")
        self.content.slow.errback(ZeroDivisionError())
        heard = self.made.heard()
        self.assertTrue(heard.endswith(b"451 4.3.0 Local error, try again later\r\n"))
        self.assertEqual(len(self.world.reported), 2)
        self.assertIn(b"503 5.5.1 MAIL first", self.made.say(b"DATA\r\n"))
        self.assertEqual(self.content.closed, 1)

    def test_receiver_refuses(self) -> None:
        """What the receiver does not take is answered at the end of the piece."""
        self.made.say(ENVELOPE)
        self.world.last.refuse = ZeroDivisionError()
        heard = self.made.say(b"BURL imap://imap.example.org/noted\r\n")
        self.assertEqual(heard, b"451 4.3.0 Local error, try again later\r\n")
        self.assertIn(b"503 5.5.1 MAIL first", self.made.say(b"DATA\r\n"))

    def test_not_offered(self) -> None:
        """Without anybody who follows URLs, and outside submission, there is none."""
        made = World("submission").converse()
        self.assertNotIn(b"BURL", made.say(LOGIN + b"EHLO x\r\n"))
        heard = made.say(b"BURL imap://imap.example.org/head LAST\r\n")
        self.assertTrue(heard.startswith(b"502 5.5.1"), heard)
        options = SMTPOptions(content_by_url=self.library)
        for service in ("smtp", "lmtp"):
            made = World(service, options=options).converse()
            hello = b"LHLO x\r\n" if service == "lmtp" else b"EHLO x\r\n"
            self.assertNotIn(b"BURL", made.say(hello))
            heard = made.say(b"BURL imap://imap.example.org/head LAST\r\n")
            self.assertTrue(heard.startswith(b"502 5.5.1"), heard)
