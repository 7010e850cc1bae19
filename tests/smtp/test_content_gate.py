"""A transaction that is asked before its content comes: DATA, BDAT and BURL."""

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailframe.errors import PolicyDeferral, PolicyRefusal
from mailframe.interfaces.reception import IContentGate
from mailframe.limits import SMTPLimits
from mailframe.memory_content import MemoryContent
from mailframe.model.envelope import Origin, ReversePath
from mailframe.smtp import replies
from mailframe.smtp.options import SMTPOptions
from mailframe.testing.transcript import Conversation
from tests.smtp.world import Library, RecordingReceiver, RecordingTransaction, World

ENVELOPE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@example.org>\r\n"
NO = PolicyRefusal("not that", 554, "5.7.9")
NOT_THAT = b"554 5.7.9 not that\r\n"


@implementer(IContentGate)
class GatedTransaction(RecordingTransaction):
    """Answers with an error, something to wait for, or nothing."""

    answer: Any = None
    asked = 0

    def content_comes(self) -> Awaitable[None] | None:
        self.asked += 1
        return None if self.answer is None else self._gate(self.answer)

    async def _gate(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            raise answer
        await answer


class GatedReceiver(RecordingReceiver):
    """Begins such transactions."""

    def __init__(self, answer: Any) -> None:
        """Have each answer so."""
        super().__init__()
        self.answer = answer

    async def begin(
        self, origin: Origin, reverse_path: ReversePath
    ) -> RecordingTransaction:
        """Begin one."""
        transaction = GatedTransaction(origin, reverse_path)
        transaction.answer = self.answer
        self.transactions.append(transaction)
        return transaction


class ContentGateTests(SynchronousTestCase):
    """Nothing is read as a command that is content, whatever the answer."""

    def begin(self, answer: Any, service: str = "smtp", **more: Any) -> Conversation:
        """Come as far as a recipient."""
        self.world = World(service, **more)
        self.world.receiver = GatedReceiver(answer)
        conversation = self.world.converse()
        verb = b"LHLO" if service == "lmtp" else b"EHLO"
        conversation.say(verb + b" x.example\r\n" + ENVELOPE)
        return conversation

    def last(self) -> GatedTransaction:
        """Return the transaction, which is a gate."""
        transaction = self.world.last
        assert isinstance(transaction, GatedTransaction)
        verifyObject(IContentGate, transaction)
        return transaction

    def test_welcome(self) -> None:
        """Once a message, and nobody notices."""
        for said, replied in (
            (b"DATA\r\nhi\r\n.\r\n", b"354 "),
            (b"BDAT 2\r\nhiBDAT 2 LAST\r\n\r\n", b"250 2.0.0 2 octets received"),
        ):
            heard = self.begin(None).say(said)
            self.assertTrue(heard.startswith(replied), heard)
            self.assertTrue(heard.endswith(b"250 2.0.0 OK id=T1\r\n"), heard)
            self.assertEqual(self.last().content, b"hi\r\n")
            self.assertEqual(self.last().asked, 1)

    def test_wait(self) -> None:
        """What follows waits for the answer."""
        for said in (b"DATA\r\n", b"BDAT 4 LAST\r\nhi\r\n"):
            waiting = Deferred[None]()
            conversation = self.begin(waiting)
            self.assertEqual(conversation.say(said), b"")
            waiting.callback(None)
            conversation.settle()
            self.assertRegex(conversation.heard(), b"^(354|250) ")

    def test_data_refused(self) -> None:
        """The reply is that to DATA; another DATA is asked about again."""
        conversation = self.begin(NO)
        self.assertEqual(conversation.say(b"DATA\r\n"), NOT_THAT)
        self.last().answer = None
        heard = conversation.say(b"DATA\r\nhi\r\n.\r\n")
        self.assertTrue(heard.endswith(b"250 2.0.0 OK id=T1\r\n"), heard)
        conversation = self.begin(PolicyDeferral("later", 450, "4.7.1"))
        self.assertEqual(conversation.say(b"DATA\r\n"), b"450 4.7.1 later\r\n")

    def test_chunk_refused(self) -> None:
        """Its octets are taken, and then it is answered."""
        conversation = self.begin(NO)
        heard = conversation.say(b"BDAT 6 LAST\r\nRSET\r\nNOOP\r\n")
        self.assertEqual(heard, NOT_THAT + b"250 2.0.0 OK\r\n")
        self.assertEqual(self.last().content, b"")

    def test_large_chunk_refused(self) -> None:
        """When it is more than anybody wants to read the session ends."""
        conversation = self.begin(NO, limits=SMTPLimits(unwanted=10))
        heard = conversation.say(b"BDAT 11 LAST\r\n")
        self.assertEqual(heard, NOT_THAT + replies.TOO_MUCH_UNWANTED)
        self.assertTrue(conversation.server.closing)

    def test_lmtp(self) -> None:
        """The last chunk has a reply for each recipient, the command DATA one."""
        conversation = self.begin(NO, "lmtp")
        conversation.say(b"RCPT TO:<d@example.org>\r\n")
        self.assertEqual(conversation.say(b"DATA\r\n"), NOT_THAT)
        self.assertEqual(conversation.say(b"BDAT 1\r\nx"), NOT_THAT)
        self.assertEqual(conversation.say(b"BDAT 1 LAST\r\nx"), NOT_THAT * 2)

    def test_our_bug(self) -> None:
        """A fixed text; a chunk is still read over."""
        for said in (b"DATA\r\n", b"BDAT 6 LAST\r\nRSET\r\n"):
            conversation = self.begin(ZeroDivisionError("secret"))
            self.assertEqual(conversation.say(said), replies.OUR_BUG)
            self.assertEqual(len(self.world.reported), 1)

    def test_burl(self) -> None:
        """Nothing is fetched for content that may not come."""
        library = Library()
        library.known["noted"] = MemoryContent(b"a: b\r\n")
        options = SMTPOptions(content_by_url=library)
        for answer, heard, asked in ((NO, NOT_THAT, 0), (None, b"250 2.0.0 OK", 1)):
            self.world = World("submission", options=options)
            self.world.receiver = GatedReceiver(answer)
            conversation = self.world.converse()
            conversation.say(
                b"EHLO x\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n"
            )
            said = b"BURL imap://imap.example.org/noted LAST\r\n"
            found = conversation.say(ENVELOPE + said)
            self.assertIn(heard, found.split(b"Recipient OK\r\n")[1])
            self.assertEqual(len(library.asked), asked)
