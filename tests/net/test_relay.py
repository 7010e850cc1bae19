"""The relay: verdicts, reuse, TLS as demanded, servers that misbehave."""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.errors import (
    NoSuchUser,
    NotSupported,
    OverQuota,
    RemoteReply,
    TemporaryFailure,
)
from mailframe.interfaces.delivery import Hop, IRelay
from mailframe.limits import SMTPLimits
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType
from mailframe.model.secret import Secret
from mailframe.net.relay import Verdicts
from mailframe.net.relay_connection import TLSFailed
from mailframe.net.relay_pool import RelayPool
from mailframe.sasl.client import Login
from mailframe.smtp.client_limits import ClientLimits
from tests.net.relay_world import (
    EXPIRED,
    MESSAGE,
    OTHER,
    STRANGE,
    RelayCase,
    drop,
    envelope,
    reactor,
)


class DeliveryTests(RelayCase):
    """To our own server."""

    async def test_delivered(self) -> None:
        """A message arrives as it is, over TLS, with its verdicts."""
        relay = self.relay()
        verifyObject(IRelay, relay)
        verdicts = await self.deliver(relay, self.serve(), "bob", "nobody", "later")
        taken, unknown, later = verdicts
        self.assertIsNone(taken)
        self.assertIsInstance(unknown, NoSuchUser)
        self.assertIsInstance(later, TemporaryFailure)
        assert unknown is not None
        self.assertEqual(
            unknown.reply, RemoteReply(550, "5.1.1", "No such user here", "127.0.0.1")
        )
        self.assertEqual(self.receiver.transactions[-1].content, MESSAGE)
        self.assertEqual(self.receiver.transactions[-1].origin.protocol, "ESMTPS")
        assert isinstance(verdicts, Verdicts)
        self.assertIn("TLSv1.3", verdicts.tls or "")

    async def test_reuse(self) -> None:
        """Several messages go over one connection; QUIT ends it."""
        relay = self.relay()
        port, said = self.script()
        for _ in range(3):
            self.assertEqual(await self.deliver(relay, port), (None,))
        self.assertEqual(said.count("(connected)"), 1)
        self.assertNotIn("RSET", said)
        await relay.close()
        while "(lost)" not in said:
            await self.turn()
        self.assertEqual(said[-2:], ["QUIT", "(lost)"])

    async def turn(self) -> None:
        """Let the reactor go round once."""
        from twisted.internet.defer import Deferred

        turned: Deferred[None] = Deferred()
        reactor.callLater(0, turned.callback, None)
        await turned

    async def test_stale(self) -> None:
        """A kept connection that the server has closed costs nothing."""
        relay = self.relay()
        count = 0

        def mail(server: Any) -> None:
            nonlocal count
            count += 1
            if count == 2:
                drop(server)
            else:
                server.sendLine(b"250 ok")

        port, said = self.script(mail=mail)
        self.assertEqual(await self.deliver(relay, port), (None,))
        self.assertEqual(await self.deliver(relay, port), (None,))
        self.assertEqual(said.count("(connected)"), 2)

    async def test_worn(self) -> None:
        """A connection carries only so many messages."""
        relay = self.relay(limits=ClientLimits(messages=1))
        port, said = self.script()
        for _ in range(2):
            await self.deliver(relay, port)
        self.assertEqual(said.count("(connected)"), 2)

    async def test_idle(self) -> None:
        """A connection does not wait for ever."""
        relay = self.relay(pool=RelayPool(reactor, idle=0.01))
        port, said = self.script()
        await self.deliver(relay, port)
        while "(lost)" not in said:
            await self.turn()
        self.assertIn("QUIT", said)

    async def test_many_recipients(self) -> None:
        """Those that are too many for one transaction get another."""
        relay = self.relay()
        port = self.serve(limits=SMTPLimits(recipients=3))
        verdicts = await self.deliver(relay, port, "a", "b", "c", "nobody", "e")
        self.assertEqual(
            [None if error is None else type(error) for error in verdicts],
            [None, None, None, NoSuchUser, None],
        )
        named = [
            [address.local for address in one.recipients]
            for one in self.receiver.transactions
        ]
        self.assertEqual(named, [["a", "b", "c"], ["e"]])

    async def test_batches(self) -> None:
        """No transaction has more recipients than a server has to take."""
        relay = self.relay(limits=ClientLimits(recipients=2))
        await self.deliver(relay, self.serve(), "a", "b", "c")
        self.assertEqual(len(self.receiver.transactions), 2)

    async def test_lmtp(self) -> None:
        """LMTP has a verdict for each recipient; over a Unix socket too."""
        relay = self.relay()
        port = self.serve(None, service="lmtp")
        path = str(self.directory / "lmtp")
        self.ports.append(reactor.listenUNIX(path, self.factories[0]))
        for hop in (Hop("127.0.0.1", port, True, "none"), Hop(path, 0, True, "none")):
            verdicts = await relay.deliver(
                hop, envelope("bob", "full", "gone"), MemoryContent(MESSAGE)
            )
            kinds = [None if error is None else type(error) for error in verdicts]
            self.assertEqual(kinds, [None, TemporaryFailure, NoSuchUser])

    async def test_large(self) -> None:
        """A large message goes in pieces, as fast as the server takes them."""
        relay = self.relay()
        message = b"Subject: large\r\n\r\n" + b"..x\r\n" * 600_000
        await self.deliver(relay, self.serve(), message=message)
        self.assertEqual(self.receiver.transactions[-1].content, message)

    async def test_downgrade(self) -> None:
        """A server without 8BITMIME gets seven bits."""
        relay = self.relay()
        got: list[bytes] = []

        def data(server: Any) -> None:
            server.sendLine(b"354 go")
            server.setRawMode()
            server.rawDataReceived = raw(server)

        def raw(server: Any) -> Any:
            def received(octets: bytes) -> None:
                got.append(octets)
                if b"".join(got).endswith(b"\r\n.\r\n"):
                    server.setLineMode()
                    server.sendLine(b"250 ok")

            return received

        port, said = self.script(data=data)
        message = "Subject: x\r\n\r\nKöln\r\n".encode()
        await self.deliver(relay, port, message=message, body=BodyType.EIGHT_BIT_MIME)
        self.assertIn(b"K=C3=B6ln\r\n", b"".join(got))
        self.assertNotIn("BODY", said[2])

    async def test_smtputf8(self) -> None:
        """Without SMTPUTF8 a domain becomes A-labels, a local part is refused."""
        relay = self.relay()
        port, said = self.script(EHLO=b"250-mx\r\n250 8BITMIME")
        sender = Address("ann", "köln.example")
        options: dict[str, Any] = {"address": sender, "smtputf8": True}
        self.assertEqual(await self.deliver(relay, port, **options), (None,))
        self.assertIn("MAIL FROM:<ann@xn--kln-sna.example>", said)
        (refused,) = await self.deliver(relay, port, "jürgen", **options)
        self.assertIsInstance(refused, NotSupported)
        assert refused is not None
        self.assertEqual(refused.status, "5.6.7")
        wide = "Subject: Köln\r\n\r\nhi\r\n".encode()
        (refused,) = await self.deliver(relay, port, message=wide, **options)
        self.assertIsInstance(refused, NotSupported)
        # Our own server takes it.
        taken = await self.deliver(relay, self.serve(), "jürgen", **options)
        self.assertEqual(taken, (None,))

    async def test_login(self) -> None:
        """A smarthost is told who we are; a wrong password is our trouble."""
        port, said = self.script(EHLO=b"250-mx\r\n250 AUTH PLAIN", AUTH=b"235 ok")
        logins = {f"127.0.0.1:{port}": Login(b"ann", Secret(b"secret"))}
        self.assertEqual(await self.deliver(self.relay(logins=logins), port), (None,))
        self.assertIn("AUTH PLAIN AGFubgBzZWNyZXQ=", said)
        other, _ = self.script(EHLO=b"250-mx\r\n250 AUTH PLAIN", AUTH=b"535 5.7.8 no")
        logins = {"127.0.0.1": Login(b"ann", Secret(b"secret"))}
        with self.assertRaises(TemporaryFailure) as raised:
            await self.deliver(self.relay(logins=logins), other)
        self.assertEqual(raised.exception.status, "4.7.8")

    async def test_unreadable(self) -> None:
        """Content that cannot be read is nobody's fault out there."""

        class Unreadable(MemoryContent):
            async def read(self, start: int, stop: int) -> bytes:
                raise TemporaryFailure("disk")

        content = Unreadable(b"x" * 100)
        vars(content)["octets"] = None
        hop = Hop("127.0.0.1", self.serve())
        with self.assertRaises(TemporaryFailure):
            await self.relay().deliver(hop, envelope("bob"), content)


class MisbehavingTests(RelayCase):
    """Servers of all kinds."""

    async def test_refused(self) -> None:
        """Nobody listens: nothing is known of any recipient."""
        port, _ = self.script()
        await self.ports.pop().stopListening()
        with self.assertRaises(TemporaryFailure) as raised:
            await self.deliver(self.relay(), port)
        self.assertEqual(raised.exception.status, "4.4.1")

    async def test_no_service(self) -> None:
        """A host that takes no mail is left alone; its words are kept."""
        port, _ = self.script(greeting=b"554 5.3.2 no mail here")
        with self.assertRaises(TemporaryFailure) as raised:
            await self.deliver(self.relay(), port)
        assert raised.exception.reply is not None
        self.assertEqual(raised.exception.reply.text, "no mail here")
        self.assertEqual(raised.exception.reply.host, "127.0.0.1")

    async def test_later(self) -> None:
        """A 4yz is a verdict for now."""
        for answers in ({"mail": b"451 no"}, {"rcpt": b"450 no"}, {"dot": b"452 no"}):
            port, _ = self.script(**answers)
            (verdict,) = await self.deliver(self.relay(), port)
            self.assertIsInstance(verdict, TemporaryFailure)

    async def test_dropped(self) -> None:
        """A connection that breaks anywhere is a failure for now."""
        for word in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"):
            port, _ = self.script(**{word: drop})
            with self.assertRaises(TemporaryFailure) as raised:
                await self.deliver(self.relay(), port)
            self.assertEqual(raised.exception.status, "4.4.2", word)

    async def test_dropped_after_refusal(self) -> None:
        """What was refused for good before the end stays so."""

        def rcpt(server: Any) -> None:
            nobody = "nobody" in server.said[-1]
            server.sendLine(b"550 5.1.1 no" if nobody else b"250 ok")

        port, _ = self.script(rcpt=rcpt, DATA=drop)
        verdicts = await self.deliver(self.relay(), port, "nobody", "bob")
        self.assertIsInstance(verdicts[0], NoSuchUser)
        self.assertIsInstance(verdicts[1], TemporaryFailure)

    async def test_stalls(self) -> None:
        """A server that stalls anywhere is given up."""
        limits = ClientLimits(
            greeting_timeout=0.05,
            command_timeout=0.05,
            data_timeout=0.05,
            block_timeout=0.05,
            end_timeout=0.05,
        )
        for word in ("greeting", "EHLO", "MAIL", "DATA", "dot"):
            port, _ = self.script(**{word: lambda server: None})
            with self.assertRaises(TemporaryFailure):
                await self.deliver(self.relay(limits=limits), port)

    async def test_stalls_in_data(self) -> None:
        """A server that reads no more is given up in the middle of the data."""

        def data(server: Any) -> None:
            server.sendLine(b"354 go")
            server.transport.pauseProducing()

        port, _ = self.script(data=data)
        limits = ClientLimits(block_timeout=0.1)
        message = b"x" * 900 + b"\r\n"
        with self.assertRaises(TemporaryFailure):
            await self.deliver(
                self.relay(limits=limits), port, message=message * 20_000
            )

    async def test_says_nonsense(self) -> None:
        """What is no SMTP is no success."""
        for word in ("greeting", "EHLO", "MAIL", "dot"):
            port, _ = self.script(**{word: b"hello there"})
            with self.assertRaises(TemporaryFailure):
                await self.deliver(self.relay(), port)

    async def test_lies(self) -> None:
        """A 250 where 354 is due is no acceptance."""
        port, _ = self.script(DATA=b"250 sure")
        with self.assertRaises(TemporaryFailure):
            await self.deliver(self.relay(), port)

    async def test_mailbox_full(self) -> None:
        """A refusal at the end is everybody's."""
        port, _ = self.script(dot=b"552 5.2.2 full")
        verdicts = await self.deliver(self.relay(), port, "bob", "cat")
        for verdict in verdicts:
            self.assertIsInstance(verdict, OverQuota)


class TLSTests(RelayCase):
    """none, may, encrypt, verify."""

    async def served(self, tls: str, certificate: Any) -> str:
        """Deliver; return how it arrived."""
        port = self.serve(certificate)
        await self.deliver(self.relay(), port, tls=tls)
        protocol: str = self.receiver.transactions[-1].origin.protocol
        return protocol

    async def test_levels(self) -> None:
        """What is demanded is got; what is wished for, if it is there."""
        for tls, certificate, protocol in (
            ("none", STRANGE, "ESMTP"),
            ("may", STRANGE, "ESMTPS"),
            ("may", None, "ESMTP"),
            ("encrypt", EXPIRED, "ESMTPS"),
        ):
            self.assertEqual(await self.served(tls, certificate), protocol)
        from tests.net.relay_world import GOOD

        self.assertEqual(await self.served("verify", GOOD), "ESMTPS")

    async def test_not_verified(self) -> None:
        """Nothing is sent to a server whose certificate is not right."""
        for certificate, problem in (
            (STRANGE, "certificate-not-trusted"),
            (OTHER, "certificate-host-mismatch"),
            (EXPIRED, "certificate-expired"),
        ):
            port = self.serve(certificate)
            with self.assertRaises(TLSFailed) as raised:
                await self.deliver(self.relay(), port, tls="verify")
            self.assertEqual(raised.exception.problem, problem)
        self.assertEqual(self.receiver.transactions, [])

    async def test_not_offered(self) -> None:
        """Where TLS is a must, its absence is a failure for now."""
        for tls in ("encrypt", "verify"):
            with self.assertRaises(TemporaryFailure) as raised:
                await self.served(tls, None)
            self.assertEqual(raised.exception.status, "4.7.4")

    async def test_broken(self) -> None:
        """TLS that does not work is left away, unless it is a must."""

        def starttls(server: Any) -> None:
            server.sendLine(b"220 go")
            server.setRawMode()
            server.rawDataReceived = lambda octets: server.transport.write(b"what?\r\n")

        port, said = self.script(EHLO=b"250-mx\r\n250 STARTTLS", STARTTLS=starttls)
        self.assertEqual(await self.deliver(self.relay(), port), (None,))
        self.assertEqual(said.count("(connected)"), 2)
        with self.assertRaises(TLSFailed):
            await self.deliver(self.relay(), port, tls="encrypt")

    async def test_dropped(self) -> None:
        """The same for a server that hangs up at STARTTLS."""

        def starttls(server: Any) -> None:
            server.sendLine(b"220 go")
            server.setRawMode()
            server.rawDataReceived = lambda octets: drop(server)

        port, _ = self.script(EHLO=b"250-mx\r\n250 STARTTLS", STARTTLS=starttls)
        self.assertEqual(await self.deliver(self.relay(), port), (None,))

    async def test_require_tls(self) -> None:
        """REQUIRETLS goes to nobody who does not offer it (RFC 8689 4.2.1)."""
        port = self.serve()
        with self.assertRaises(TemporaryFailure) as raised:
            await self.deliver(self.relay(), port, require_tls=True)
        self.assertEqual(raised.exception.status, "5.7.30")
        self.assertEqual(self.receiver.transactions, [])

    async def test_require_tls_of_a_bounce(self) -> None:
        """A report goes at any rate, rather than be lost (RFC 8689 section 5)."""
        port = self.serve(STRANGE)
        verdicts = await self.deliver(
            self.relay(), port, require_tls=True, address=None
        )
        self.assertEqual(verdicts, (None,))
