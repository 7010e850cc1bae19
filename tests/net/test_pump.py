"""The pump: steps in order, back-pressure, silence, TLS, the end."""

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.interfaces.connection import IServer
from mailframe.net.pump import GOODBYE_TIMEOUT, TURN, Pump


@implementer(IServer)
class EchoServer:
    """Echoes each octet; ``w`` waits for ``slow``, ``d`` drains, ``q`` ends."""

    def __init__(self) -> None:
        self.timeout: float | None = 60.0
        self.closing = False
        self.starting_tls = False
        self.slow: Deferred[Any] = Deferred()
        self.octets = bytearray()
        self.output: list[bytes] = []
        self.events: list[str] = []

    def connected(self, connection: Any) -> None:
        self.connection = connection
        self.output.append(b"hello ")

    def receive(self, octets: bytes) -> None:
        self.octets += octets

    def next_step(self) -> Coroutine[Any, Any, None] | None:
        if not self.octets:
            return None
        octet = bytes(self.octets[:1])
        del self.octets[:1]
        return self.answer(octet)

    async def answer(self, octet: bytes) -> None:
        if octet == b"w":
            try:
                await self.slow
            except ValueError:
                self.output.append(b"!")
        elif octet == b"d":
            try:
                waiting = self.connection.drain()
                if waiting is not None:
                    await waiting
            except GeneratorExit:
                self.events.append("closed")
                raise
        elif octet == b"q":
            self.closing = True
        elif octet == b"t":
            self.starting_tls = True
        elif octet == b"x":
            raise RuntimeError("a bug")
        self.output.append(octet)

    def take_output(self) -> bytes:
        output = b"".join(self.output)
        self.output.clear()
        return output

    def tls_started(self) -> None:
        self.events.append("tls")
        self.octets.clear()
        self.starting_tls = False

    def timed_out(self) -> None:
        self.output.append(b"too slow")
        self.closing = True

    def shut_down(self) -> None:
        self.output.append(b"stopping")
        self.closing = True

    def lost(self) -> None:
        self.events.append("lost")


class FakeTransport(StringTransport):
    """Notes what the pump asks beyond writing."""

    tls = None
    aborted = False

    def startTLS(self, context: Any) -> None:
        self.tls = context

    def abortConnection(self) -> None:
        self.aborted = True


class PumpTests(SynchronousTestCase):
    """One server on one transport."""

    def setUp(self) -> None:
        """Connect them."""
        self.clock = Clock()
        self.server = EchoServer()
        self.gone: list[Any] = []
        self.pump = Pump(
            self.server, self.clock, tls_context="context", gone=self.gone.append
        )
        self.transport = FakeTransport()
        self.pump.makeConnection(self.transport)

    def said(self) -> bytes:
        """Return what was sent since the last call."""
        octets = self.transport.value()
        self.transport.clear()
        return octets

    def lose(self) -> None:
        """Take the connection away."""
        self.pump.connectionLost(Failure(ConnectionDone()))

    def test_steps_in_order(self) -> None:
        """A step that waits holds up those after it, and only then reading."""
        self.pump.dataReceived(b"abwc")
        self.assertEqual(self.said(), b"hello ab")
        self.assertEqual(self.transport.producerState, "producing")
        self.pump.dataReceived(b"d")
        self.assertEqual(self.transport.producerState, "paused")
        self.server.slow.callback(None)
        self.assertEqual(self.said(), b"wcd")
        self.assertEqual(self.transport.producerState, "producing")

    def test_failed_wait(self) -> None:
        """A failure is raised inside the step."""
        self.pump.dataReceived(b"wa")
        self.server.slow.errback(ValueError())
        self.assertEqual(self.said(), b"hello !wa")

    def test_bug(self) -> None:
        """What a server lets through ends this session, with a log line."""
        self.pump.dataReceived(b"ax")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertTrue(self.transport.aborted)

    def test_slow_reader(self) -> None:
        """Nothing more is done for a peer that does not read."""
        self.pump.pauseProducing()
        self.pump.dataReceived(b"abc")
        self.assertEqual(self.said(), b"hello ")
        self.assertEqual(self.transport.producerState, "paused")
        self.pump.resumeProducing()
        self.assertEqual(self.said(), b"abc")

    def test_drain(self) -> None:
        """A step that puts out much waits for the peer."""
        self.pump.dataReceived(b"a")
        self.pump.pauseProducing()
        self.server.octets += b"db"
        self.pump.resumeProducing()
        self.assertEqual(self.said(), b"hello adb")

    def test_never_reads(self) -> None:
        """A peer that reads nothing for too long is cut off."""
        self.pump.pauseProducing()
        self.pump.dataReceived(b"d")
        self.clock.advance(59)
        self.assertFalse(self.transport.aborted)
        self.clock.advance(2)
        self.assertTrue(self.transport.aborted)

    def test_lost_while_draining(self) -> None:
        """A step that waits for a reader is closed when the reader goes."""
        original = self.transport.write

        def write(octets: bytes) -> None:
            original(octets)
            self.pump.pauseProducing()

        self.transport.write = write
        self.pump.dataReceived(b"ad")
        self.lose()
        self.assertEqual(self.server.events, ["closed", "lost"])
        self.assertEqual(self.gone, [self.pump])

    def test_lost_while_storing(self) -> None:
        """A step that waits for a store ends first; then all is let go."""
        self.pump.dataReceived(b"wd")
        self.lose()
        self.assertEqual(self.server.events, [])
        self.server.slow.callback(None)
        self.assertEqual(self.server.events, ["lost"])
        self.assertEqual(self.gone, [self.pump])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_silence(self) -> None:
        """A silent peer is told goodbye; one that speaks is not."""
        self.clock.advance(50)
        self.pump.dataReceived(b"a")
        self.clock.advance(50)
        self.assertEqual(self.said(), b"hello a")
        self.clock.advance(11)
        self.assertEqual(self.said(), b"too slow")
        self.assertTrue(self.transport.disconnecting)

    def test_no_silence_while_working(self) -> None:
        """Our own slowness is not the peer's silence."""
        self.pump.dataReceived(b"w")
        self.clock.pump([61, 61])
        self.assertEqual(self.said(), b"hello ")
        self.server.slow.callback(None)
        self.assertEqual(self.said(), b"w")
        # Its silence begins now.
        self.clock.advance(59)
        self.assertFalse(self.transport.disconnecting)
        self.clock.advance(2)
        self.assertEqual(self.said(), b"too slow")

    def test_silence_goes_on(self) -> None:
        """Work of ours that the peer did not ask for does not end its silence."""
        self.pump.dataReceived(b"a")
        self.clock.advance(50)
        self.server.receive(b"w")
        self.pump.wake()
        self.clock.advance(1)
        self.server.slow.callback(None)
        self.clock.advance(8)
        self.assertEqual(self.said(), b"hello aw")
        self.clock.advance(2)
        self.assertEqual(self.said(), b"too slow")

    def test_goodbye_not_read(self) -> None:
        """A peer that does not take our goodbye is cut off."""
        self.pump.dataReceived(b"q")
        self.assertTrue(self.transport.disconnecting)
        self.pump.dataReceived(b"abc")
        self.assertEqual(self.said(), b"hello q")
        self.clock.advance(GOODBYE_TIMEOUT)
        self.assertTrue(self.transport.aborted)

    def test_start_tls(self) -> None:
        """TLS begins after the answer, and the server forgets the rest."""
        self.pump.dataReceived(b"tabc")
        self.assertEqual(self.said(), b"hello t")
        self.assertEqual(self.transport.tls, "context")
        self.assertEqual(self.server.events, ["tls"])
        self.pump.dataReceived(b"z")
        self.assertEqual(self.said(), b"z")

    def test_half_closed(self) -> None:
        """A peer that has sent all it wanted still gets its answers."""
        self.pump.dataReceived(b"aw")
        self.pump.readConnectionLost()
        self.assertFalse(self.transport.disconnecting)
        self.server.slow.callback(None)
        self.assertEqual(self.said(), b"hello aw")
        self.assertTrue(self.transport.disconnecting)

    def test_shut_down(self) -> None:
        """The host stops: a goodbye, after the step that runs."""
        self.pump.dataReceived(b"w")
        self.pump.shut_down()
        self.assertFalse(self.transport.disconnecting)
        self.server.slow.callback(None)
        self.assertEqual(self.said(), b"hello stoppingw")
        self.assertTrue(self.transport.disconnecting)

    def test_turns(self) -> None:
        """Many commands in one read do not keep the reactor from others."""
        self.pump.dataReceived(b"a" * (TURN + 1))
        self.assertEqual(self.said(), b"hello " + b"a" * TURN)
        self.pump.dataReceived(b"b")
        self.assertEqual(self.transport.producerState, "paused")
        self.clock.advance(0)
        self.assertEqual(self.said(), b"ab")
        self.assertEqual(self.transport.producerState, "producing")

    def test_wake(self) -> None:
        """A server that has news is asked soon, however often it says so."""
        self.said()
        self.server.octets += b"n"
        self.server.connection.wake()
        self.server.connection.wake()
        self.assertEqual(self.said(), b"")
        self.clock.advance(0)
        self.assertEqual(self.said(), b"n")
