"""Messages that follow each other closely on a connection; and what breaks there."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults

from mailframe.errors import MailError
from mailframe.interfaces.delivery import Hop
from mailframe.memory_content import MemoryContent
from mailframe.net import relay_connection
from mailframe.net.relay import SMTPRelay
from mailframe.net.relay_connection import QUICK, RelayConnection
from mailframe.net.relay_pool import ALONE, RelayPool
from tests.host import free_ports
from tests.net.mtas import Exim
from tests.net.postfix import Postfix
from tests.net.relay_world import GOOD, RelayCase, envelope, reactor
from tests.net.test_relay_connection import ConnectionCase, keep

OFFER = b"250-mx.example.com\r\n250 PIPELINING"

MANY = 30
AT_A_TIME = 2


class FollowingCase(RelayCase):
    """Has a relay that lets messages follow, however busy this machine is."""

    def setUp(self) -> None:
        """Call every server quick."""
        super().setUp()
        self.patch(relay_connection, "QUICK", 60.0)

    def following(self) -> SMTPRelay:
        """Return one."""
        return self.relay(pool=RelayPool(reactor, enough=1))

    async def many(
        self, relay: SMTPRelay, hop: Hop
    ) -> Sequence[Sequence[MailError | None]]:
        """Deliver one message, then many, a few at the same time."""
        found: list[Sequence[MailError | None]] = []
        numbers = iter(range(MANY))

        async def one(number: int) -> None:
            content = MemoryContent(b"Subject: %d\r\n\r\n.%d\r\n" % (number, number))
            found.append(await relay.deliver(hop, envelope("bob"), content))

        async def some() -> None:
            for number in numbers:
                await one(number)

        await one(next(numbers))
        await gatherResults([Deferred.fromCoroutine(some()) for _ in range(AT_A_TIME)])
        return found


class ScriptTests(FollowingCase):
    """Servers of our own."""

    async def test_fewer_connections(self) -> None:
        """Two messages at a time share a connection."""
        port, said = self.script(EHLO=OFFER)
        found = await self.many(self.following(), Hop("127.0.0.1", port))
        self.assertEqual(found, [(None,)] * MANY)
        self.assertEqual(said.count("(connected)"), 1)
        self.assertEqual(said.count("DATA"), MANY)

    async def test_hangs_up(self) -> None:
        """Who followed is sent at once by another connection; nobody twice."""
        relay = self.following()

        def dot(server: Any) -> None:
            server.sendLine(b"250 taken")
            server.transport.loseConnection()

        port, said = self.script(EHLO=OFFER, dot=dot)
        hop = Hop("127.0.0.1", port)
        self.assertEqual(await self.many(relay, hop), [(None,)] * MANY)
        before = said.count("(connected)")
        self.assertEqual(await self.many(relay, hop), [(None,)] * MANY)
        # Nothing follows there any more.
        self.assertEqual(said.count("(connected)") - before, MANY)

    async def test_goodbye(self) -> None:
        """The same for a 421 instead of a verdict; who got that is open."""

        def dot(server: Any) -> None:
            server.sendLine(b"421 4.3.2 bye")
            server.transport.loseConnection()

        port, said = self.script(EHLO=OFFER, dot=dot)
        hop = Hop("127.0.0.1", port)
        found = await self.many(self.following(), hop)
        for (verdict,) in found:
            assert verdict is not None
            assert verdict.reply is not None
            self.assertEqual(verdict.reply.code, 421)
        self.assertEqual(said.count("(lost)"), said.count("(connected)"))

    async def test_given_up(self) -> None:
        """When a delivery is cancelled its connection ends; who followed is sent."""
        relay = self.following()
        stalled: Deferred[None] = Deferred()
        dots = iter((False, True))

        def dot(server: Any) -> None:
            if next(dots, False):
                stalled.callback(None)
            else:
                server.sendLine(b"250 taken")

        port, said = self.script(EHLO=OFFER, dot=dot)

        def deliver() -> "Deferred[Any]":
            content = MemoryContent(b"A: b\r\n\r\n")
            delivering = relay.deliver(Hop("127.0.0.1", port), envelope("bob"), content)
            return Deferred.fromCoroutine(delivering)

        await deliver()
        first, second = deliver(), deliver()
        await stalled
        self.assertEqual(said.count("(connected)"), 1)
        first.cancel()
        first.addErrback(lambda failure: failure.trap(CancelledError))
        await first
        self.assertEqual(await second, (None,))
        self.assertEqual(said.count("(connected)"), 2)


class MTATests(FollowingCase):
    """Hosts that take content by DATA alone, and say so."""

    timeout = 110

    async def test_postfix(self) -> None:
        """Postfix has nothing to complain of."""
        more = "smtpd_discard_ehlo_keywords = chunking, silent-discard"
        postfix = Postfix(GOOD, more)
        self.addCleanup(postfix.close)
        relay = self.following()
        hop = Hop("127.0.0.1", postfix.port, tls="verify")
        self.assertEqual(await self.many(relay, hop), [(None,)] * MANY)
        await relay.close()
        log = postfix.log(": disconnect from")
        self.assertEqual(log.count(": client="), MANY, log)
        self.assertEqual(log.count(": connect from"), 1)
        self.assertNotIn("improper", log)
        self.assertNotIn("lost connection", log)

    async def test_exim(self) -> None:
        """Nor has Exim, which looks after who speaks too early."""
        (port,) = free_ports(1)
        exim = Exim(GOOD, "127.0.0.1", port, "chunking_advertise_hosts =")
        self.addCleanup(exim.close)
        relay = self.following()
        hop = Hop("127.0.0.1", port, tls="verify")
        self.assertEqual(await self.many(relay, hop), [(None,)] * MANY)
        await relay.close()
        numbers = sorted(int(body.strip(". \n")) for body in exim.messages())
        self.assertEqual(numbers, list(range(MANY)))
        log = exim.log()
        self.assertEqual(log.count("<= "), MANY, log)
        self.assertNotIn("synchronization", log)
        self.assertNotIn("unexpected disconnection", log)


class PoolTests(ConnectionCase):
    """Whose connection a message may follow on."""

    def quick(self, seconds: float = 0.0) -> RelayConnection:
        """Return a connection over which a message went, in so much time."""
        connection = self.up()
        first = self.send(connection)
        connection.dataReceived(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        self.clock.advance(seconds)
        connection.dataReceived(b"250 ok\r\n")
        self.successResultOf(first)
        self.transport(connection).clear()
        return connection

    def test_quick(self) -> None:
        """Only where the server is quick: nobody waits behind another for long."""
        pool = RelayPool(self.clock, enough=1)
        for key, connection in (
            ("unknown", self.up()),
            ("slow", self.quick(QUICK + 0.1)),
            ("quick", self.quick(QUICK / 2)),
        ):
            pool.use(key, connection)
            self.send(connection)
            found = pool.take(key)
            self.assertIs(found, connection if key == "quick" else None, key)

    def test_enough(self) -> None:
        """Only where several are in use, and only one message on each."""
        pool = RelayPool(self.clock, enough=2)
        one, two = self.quick(), self.quick()
        for connection in (one, two):
            self.assertIsNone(pool.take("a"))
            pool.use("a", connection)
            self.send(connection)
        self.assertIs(pool.take("a"), two)
        self.assertIs(pool.take("a"), one)
        self.assertIsNone(pool.take("a"))
        self.assertIsNone(pool.take("b"))
        pool.give("a", two)
        self.assertEqual(len(pool), 0)
        pool.give("a", two)
        self.assertEqual(len(pool), 1)

    def test_waiting_first(self) -> None:
        """One that waits is taken before another is shared."""
        pool = RelayPool(self.clock, enough=1)
        busy, waiting = self.quick(), self.quick()
        pool.use("a", busy)
        self.send(busy)
        keep(pool, "a", waiting)
        self.assertIs(pool.take("a"), waiting)
        self.assertIs(pool.take("a"), busy)

    def test_alone(self) -> None:
        """A server that hung up on one who followed is let alone for an hour."""
        pool = RelayPool(self.clock, enough=1)
        pool.let_alone("a")
        for seconds in (0, ALONE):
            self.clock.advance(seconds)
            connection = self.quick()
            pool.use("a", connection)
            self.send(connection)
            found = pool.take("a")
            self.assertIs(found, connection if seconds else None)

    def test_one_write(self) -> None:
        """The end of a message and the beginning of the next are one write."""
        connection = self.up()
        written: list[bytes] = []
        self.transport(connection).write = written.append
        first, second = self.send(connection), self.send(connection)
        self.assertEqual(len(written), 1)
        connection.dataReceived(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        self.assertEqual(len(written), 2)
        self.assertTrue(written[1].startswith(b"hi\r\n.\r\nMAIL FROM:"))
        self.assertTrue(written[1].endswith(b"DATA\r\n"))
        connection.dataReceived(b"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        self.assertEqual(written[2:], [b"hi\r\n.\r\n"])
        self.assertEqual(self.successResultOf(first).verdicts, (None, None))
        self.assertNoResult(second)
        connection.dataReceived(b"250 ok\r\n")
        self.assertEqual(self.successResultOf(second).verdicts, (None, None))

    def test_begun_from_a_verdict(self) -> None:
        """Who is begun when another is over goes along with what is sent then."""
        connection = self.up()
        first = self.send(connection)
        self.send(connection)
        connection.dataReceived(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        written: list[bytes] = []
        self.transport(connection).write = written.append
        first.addCallback(lambda done: self.send(connection))
        connection.dataReceived(b"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        self.assertEqual(len(written), 1)
        self.assertTrue(written[0].startswith(b"hi\r\n.\r\nMAIL FROM:"))

    def test_cannot_be_begun(self) -> None:
        """Who waits for a connection that breaks is open, and was not sent."""
        connection = self.up()
        sendings = [self.send(connection) for _ in range(3)]
        connection.dataReceived(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        connection.abort()
        found = [self.successResultOf(one) for one in sendings]
        self.assertEqual([one.sent for one in found], [True, False, False])
        self.assertTrue(all(one.verdicts[0] is not None for one in found))
        late = self.send(connection)
        self.assertFalse(self.successResultOf(late).sent)
