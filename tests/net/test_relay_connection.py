"""One connection and the pool: time, back-pressure, the end; on a clock."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import TemporaryFailure
from mailframe.memory_content import MemoryContent
from mailframe.net.relay_connection import GOODBYE_TIMEOUT, RelayConnection
from mailframe.net.relay_content import PIECE, Prepared, pieces
from mailframe.net.relay_pool import RelayPool
from mailframe.smtp.client import SMTPClient
from mailframe.smtp.client_event import Done
from mailframe.smtp.client_limits import ClientLimits
from tests.smtp.client_world import BOB, CAT, delivery

UP = b"220 hi\r\n", b"250-hi\r\n250 PIPELINING\r\n"


class FakeTransport(StringTransport):
    """Aborts at once; is full after each write, if it is slow."""

    protocol: Any = None
    slow = False

    def write(self, data: bytes) -> None:
        """Keep."""
        super().write(data)
        if self.slow:
            self.protocol.pauseProducing()

    def abortConnection(self) -> None:
        """End."""
        if not self.disconnected:
            self.disconnected = True
            self.protocol.connectionLost(Failure(ConnectionDone()))

    def loseConnection(self) -> None:
        """Note."""
        self.disconnecting = True

    disconnected = False


class ConnectionCase(SynchronousTestCase):
    """Connections on a clock."""

    def setUp(self) -> None:
        """Begin at nought."""
        self.clock = Clock()

    def connect(self, **client: Any) -> RelayConnection:
        """Return a connection that waits for its greeting."""
        connection = RelayConnection(SMTPClient("me.example", **client), self.clock)
        transport = FakeTransport()
        transport.protocol = connection
        connection.makeConnection(transport)
        return connection

    def up(self, **client: Any) -> RelayConnection:
        """Return a connection that is up."""
        connection = self.connect(**client)
        coming = Deferred.fromCoroutine(connection.come_up())
        for octets in UP:
            connection.dataReceived(octets)
        self.successResultOf(coming)
        self.transport(connection).clear()
        return connection

    def transport(self, connection: RelayConnection) -> Any:
        """Return its transport."""
        return connection.transport

    def send(self, connection: RelayConnection, octets: bytes = b"hi\r\n") -> Any:
        """Begin to send a message."""
        content = MemoryContent(octets)
        prepared = Prepared(
            delivery(BOB, CAT, size=len(octets)), lambda: pieces(content)
        )
        return connection.send(prepared)


class SilenceTests(ConnectionCase):
    """A server may be silent only so long (RFC 5321 4.5.3.2)."""

    def test_greeting(self) -> None:
        """Five minutes for the greeting."""
        coming = Deferred.fromCoroutine(self.connect().come_up())
        self.clock.advance(299)
        self.assertNoResult(coming)
        self.clock.advance(2)
        self.failureResultOf(coming, TemporaryFailure)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_octets_prolong(self) -> None:
        """Every octet begins the time anew."""
        connection = self.connect()
        coming = Deferred.fromCoroutine(connection.come_up())
        for octet in b"220 hello":
            self.clock.advance(200)
            connection.dataReceived(bytes([octet]))
        self.assertNoResult(coming)

    def test_commands(self) -> None:
        """Each wait of a transaction has its own length."""
        steps = (
            (b"", 300),
            (b"250 ok\r\n250 ok\r\n250 ok\r\n", 120),
            (b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", 600),
        )
        for octets, seconds in steps:
            connection = self.up()
            sending = self.send(connection)
            if octets:
                connection.dataReceived(octets)
            self.clock.advance(seconds - 1)
            self.assertNoResult(sending)
            self.clock.advance(2)
            done = self.successResultOf(sending)
            self.assertIsInstance(done.verdicts[0], TemporaryFailure)
            self.assertTrue(connection.is_lost)

    def test_stall_in_data(self) -> None:
        """A server that takes no more content has three minutes."""
        connection = self.up()
        sending = self.send(connection, b"x" * (10 * PIECE))
        transport = self.transport(connection)
        transport.clear()
        transport.slow = True
        connection.dataReceived(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        self.assertEqual(len(transport.value()), PIECE)
        self.clock.advance(179)
        connection.resumeProducing()
        self.clock.advance(179)
        self.assertNoResult(sending)
        self.clock.advance(2)
        done = self.successResultOf(sending)
        self.assertEqual(done.verdicts[0].status, "4.4.2")
        self.assertFalse(done.sent)

    def test_idle(self) -> None:
        """A connection that waits for us waits without end."""
        connection = self.up()
        self.clock.advance(100_000)
        self.assertFalse(connection.is_lost)


class FlowTests(ConnectionCase):
    """Content goes as fast as the transport takes it."""

    def test_back_pressure(self) -> None:
        """At most one piece is given to a transport that is full."""
        connection = self.up()
        sending = self.send(connection, b"x" * (3 * PIECE))
        transport = self.transport(connection)
        transport.clear()
        transport.slow = True
        connection.dataReceived(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        for count in (1, 2, 3):
            self.assertEqual(len(transport.value()), count * PIECE)
            self.assertTrue(connection.client.wants_content)
            connection.resumeProducing()
        self.assertTrue(transport.value().endswith(b"\r\n.\r\n"))
        self.assertFalse(connection.client.wants_content)
        connection.dataReceived(b"250 ok\r\n")
        self.assertEqual(self.successResultOf(sending), Done((None, None), sent=True))

    def test_refused_in_the_middle(self) -> None:
        """A refusal ends the sending."""
        connection = self.up()
        sending = self.send(connection, b"x" * (3 * PIECE))
        self.transport(connection).slow = True
        connection.dataReceived(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        connection.dataReceived(b"552 5.3.4 too large\r\n")
        connection.resumeProducing()
        done = self.successResultOf(sending)
        self.assertEqual(done.verdicts[0].status, "5.3.4")
        self.assertFalse(done.sent)
        self.assertTrue(connection.client.broken)

    def test_lost_before_and_after(self) -> None:
        """What a lost connection leaves open is open for now."""
        connection = self.up()
        sending = self.send(connection)
        connection.dataReceived(b"250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n")
        connection.connectionLost(Failure(ConnectionDone()))
        done = self.successResultOf(sending)
        refused, open_ = done.verdicts
        self.assertNotIsInstance(refused, TemporaryFailure)
        self.assertIsInstance(open_, TemporaryFailure)
        self.assertTrue(done.sent)

    def test_close(self) -> None:
        """QUIT, and then not for ever."""
        connection = self.up()
        ended = connection.close()
        self.assertEqual(self.transport(connection).value(), b"QUIT\r\n")
        self.assertNoResult(ended)
        self.clock.advance(GOODBYE_TIMEOUT)
        self.successResultOf(ended)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_goodbye_of_the_server(self) -> None:
        """A server may end it while nothing is under way."""
        connection = self.up()
        connection.dataReceived(b"421 4.4.2 bye\r\n")
        self.assertTrue(self.transport(connection).disconnecting)


def keep(pool: RelayPool, key: str, connection: RelayConnection) -> None:
    """Have a connection carry a message, and then wait."""
    pool.use(key, connection)
    pool.give(key, connection)


class PoolTests(ConnectionCase):
    """Connections that wait."""

    def test_last_first(self) -> None:
        """The one used last is given first; the key has to be the same."""
        pool = RelayPool(self.clock)
        one, two = self.up(), self.up()
        keep(pool, "a", one)
        keep(pool, "a", two)
        self.assertIsNone(pool.take("b"))
        self.assertIs(pool.take("a"), two)
        self.assertIs(pool.take("a"), one)
        self.assertIsNone(pool.take("a"))
        self.assertEqual(len(pool), 0)

    def test_time(self) -> None:
        """After a while it gets its QUIT."""
        pool = RelayPool(self.clock, idle=5)
        connection = self.up()
        keep(pool, "a", connection)
        self.clock.advance(5)
        self.assertEqual(self.transport(connection).value(), b"QUIT\r\n")
        self.assertIsNone(pool.take("a"))

    def test_bounds(self) -> None:
        """Only so many wait, for one server and at all."""
        pool = RelayPool(self.clock, per_key=2, total=3)
        found = [self.up() for _ in range(5)]
        for connection, key in zip(found, "aaabb", strict=True):
            keep(pool, key, connection)
        ended = [bool(self.transport(one).value()) for one in found]
        self.assertEqual(ended, [True, True, False, False, False])
        self.assertEqual(len(pool), 3)
        self.assertIs(pool.take("a"), found[2])

    def test_useless(self) -> None:
        """Broken, worn and lost ones do not wait."""
        pool = RelayPool(self.clock)
        broken = self.up()
        broken.client.broken = True
        lost = self.up()
        lost.connectionLost(Failure(ConnectionDone()))
        worn = self.up(limits=ClientLimits(messages=0))
        for connection in (broken, lost, worn):
            keep(pool, "a", connection)
        self.assertEqual(len(pool), 0)

    def test_lost_while_waiting(self) -> None:
        """One that is lost waits no more."""
        pool = RelayPool(self.clock)
        connection = self.up()
        keep(pool, "a", connection)
        connection.connectionLost(Failure(ConnectionDone()))
        self.assertIsNone(pool.take("a"))
        self.clock.advance(5)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_close(self) -> None:
        """All are ended, and waited for."""
        pool = RelayPool(self.clock)
        keep(pool, "a", self.up())
        ended = pool.close()
        self.assertNoResult(ended)
        self.clock.advance(GOODBYE_TIMEOUT)
        self.successResultOf(ended)
