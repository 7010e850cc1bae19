"""The relay against Postfix: its smtpd, and smtp-sink with its moods."""

from mailframe.errors import MailError, NoSuchUser, TemporaryFailure
from mailframe.interfaces.delivery import Hop
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType, Envelope, ForwardPath, ReversePath
from mailframe.net.relay import Verdicts
from tests.net.postfix import Postfix, Sink
from tests.net.relay_world import GOOD, MESSAGE, RelayCase, envelope


class PostfixTests(RelayCase):
    """A real receiving host."""

    timeout = 110

    async def test_session(self) -> None:
        """Several messages over one verified connection, with all parameters."""
        postfix = Postfix(GOOD)
        self.addCleanup(postfix.close)
        relay = self.relay()
        hop = Hop("127.0.0.1", postfix.port, tls="verify")
        everything = Envelope(
            ReversePath(
                Address("ann", "example.org"),
                BodyType.EIGHT_BIT_MIME,
                ret="HDRS",
                envid="id +1",
            ),
            (
                ForwardPath(
                    Address("bob", "example.com"),
                    frozenset({"FAILURE", "DELAY"}),
                    ("rfc822", "Bob=1@example.com"),
                ),
                ForwardPath(Address("nobody", "example.com"), frozenset()),
                ForwardPath(Address("cat", "example.com")),
            ),
            envelope("x").origin,
        )
        message = "Subject: Köln\r\n\r\n.Grüße\r\n..\r\n".encode()
        verdicts = await relay.deliver(hop, everything, MemoryContent(message))
        kinds = [None if error is None else type(error) for error in verdicts]
        self.assertEqual(kinds, [None, NoSuchUser, None])
        assert isinstance(verdicts, Verdicts)
        self.assertTrue(verdicts.dsn)
        self.assertIn("verified", verdicts.tls or "")
        assert verdicts[1] is not None
        self.assertEqual(verdicts[1].status, "5.1.1")

        refused = await relay.deliver(hop, envelope("x"), MemoryContent(MESSAGE))
        self.assertIsInstance(refused[0], NoSuchUser)
        wide = envelope("bob", smtputf8=True, address=Address("jürgen", "köln.example"))
        taken = await relay.deliver(hop, wide, MemoryContent(message))
        self.assertEqual(taken, (None,))
        large = b"Subject: large\r\n\r\n" + b".line\r\n" * 300_000
        taken = await relay.deliver(hop, envelope("bob"), MemoryContent(large))
        self.assertEqual(taken, (None,))
        await relay.close()

        log = postfix.log(
            *(": disconnect from", "from=<jürgen@köln.example>", "nrcpt=2")
        )
        self.assertEqual(log.count(": connect from"), 1, log)
        self.assertNotIn("lost connection", log)
        self.assertNotIn("improper", log)


class SinkTests(RelayCase):
    """smtp-sink, which does as its options say."""

    def sink(self, *options: str) -> Sink:
        """Start one."""
        sink = Sink(*options)
        self.addCleanup(sink.close)
        return sink

    async def test_taken(self) -> None:
        """What was sent is what it got, with and without its extensions."""
        for options in ((), ("-p",), ("-e",), ("-8",)):
            sink = self.sink(*options)
            relay = self.relay()
            for _ in range(3):
                verdicts = await self.deliver(relay, sink.port, "bob", "cat")
                self.assertEqual(verdicts, (None, None))
            taken = sink.messages()
            self.assertEqual(len(taken), 3, options)
            self.assertTrue(taken[0].endswith("Subject: hi\n\n.hello\n\n"), taken[0])

    async def test_eight_bits(self) -> None:
        """Eight bits become seven for a server without 8BITMIME."""
        message = "Subject: x\r\n\r\nKöln\r\n".encode()
        for options, text in (((), "Köln"), (("-8",), "K=C3=B6ln")):
            sink = self.sink(*options)
            await self.deliver(
                self.relay(), sink.port, message=message, body=BodyType.EIGHT_BIT_MIME
            )
            self.assertIn(text, sink.messages()[0])

    async def test_lmtp(self) -> None:
        """LMTP has an answer for each."""
        sink = self.sink("-L")
        verdicts = await self.deliver(self.relay(), sink.port, "bob", "cat", lmtp=True)
        self.assertEqual(verdicts, (None, None))

    async def test_refuses(self) -> None:
        """Refusals of each command, for now and for good."""
        for option, temporary in (("-r", True), ("-f", False)):
            for command in ("mail", "rcpt", "data", "."):
                sink = self.sink(option, command)
                (verdict,) = await self.deliver(self.relay(), sink.port)
                self.assertIsInstance(verdict, MailError)
                self.assertIs(isinstance(verdict, TemporaryFailure), temporary)

    async def test_hangs_up(self) -> None:
        """A connection that ends after any command."""
        for command in ("connect", "ehlo", "mail", "rcpt", "data", "."):
            sink = self.sink("-q", command)
            with self.assertRaises(TemporaryFailure):
                await self.deliver(self.relay(), sink.port)
