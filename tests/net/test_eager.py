"""The eager transport over real sockets: nothing lost, nothing out of order."""

import socket
from typing import Any

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mailframe.net.eager import MUCH, QUICK_ACK, EagerServer, become_eager
from mailframe.net.pump import Pump
from tests.net.test_pump import EchoServer

PIECES = [bytes([number % 251]) * (number * 97 % 60_000 + 1) for number in range(400)]


def _heard(address: tuple[str, int]) -> bytes:
    """Read, slowly, all that a server says."""
    with socket.create_connection(address) as one:
        one.settimeout(20)
        return b"".join(iter(lambda: one.recv(10_000), b""))


class Talker(Protocol):
    """Writes everything at once to whoever connects, and closes."""

    def connectionMade(self) -> None:
        """Write."""
        transport: Any = self.transport
        become_eager(transport)
        self.factory.kinds.append(type(transport))  # type: ignore[union-attr]
        for piece in PIECES:
            transport.write(piece)
        transport.loseConnection()


class Brief(Protocol):
    """Says one word and closes; notes what happens to it, in order."""

    def connectionMade(self) -> None:
        """Say it."""
        transport: Any = self.transport
        become_eager(transport)
        factory: Any = self.factory
        factory.seen.append("made")
        transport.write(b"bye")
        transport.loseConnection()
        transport.loseConnection()
        if factory.abort:
            transport.abortConnection()
        factory.seen.append("closed")

    def connectionLost(self, reason: Any = None) -> None:
        """Note why."""
        factory: Any = self.factory
        factory.seen.append(reason.type.__name__)
        factory.done.callback(None)


class Piecewise(Protocol):
    """Says something in pieces, and more in the next turn."""

    def connectionMade(self) -> None:
        """Say it."""
        transport: Any = self.transport
        become_eager(transport)
        for piece in (b"one ", b"piece ", b"a turn; "):
            transport.write(piece)
        transport.reactor.callLater(0, transport.reactor.callLater, 0, self.more)

    def more(self) -> None:
        """Say the rest, with much in it."""
        transport: Any = self.transport
        transport.write(b"then ")
        transport.write(b"m" * MUCH)
        transport.write(b" and more")
        transport.loseConnection()


class Upgrading(Protocol):
    """Says one word, begins TLS and goes on, all in one turn."""

    def connectionMade(self) -> None:
        """Say it."""
        transport: Any = self.transport
        become_eager(transport)
        transport.write(b"ready")
        transport.startTLS(CertificateOptions())
        transport.write(b"secret")
        transport.reactor.callLater(0, transport.abortConnection)


class LineServer(EchoServer):
    """Says each line again when it is there."""

    def connected(self, connection: Any) -> None:
        """Say nothing."""

    def next_step(self) -> None:
        """Take a line."""
        if self.octets.endswith(b"\n"):
            self.output.append(bytes(self.octets))
            self.octets.clear()


class EagerTests(TestCase):
    """A peer that reads slowly gets every octet in order."""

    def _listen(self, protocol: type[Protocol]) -> Any:
        factory: Any = Factory.forProtocol(protocol)
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")

        def listening(port: Any) -> Any:
            self.addCleanup(port.stopListening)
            return factory, ("127.0.0.1", port.getHost().port)

        return endpoint.listen(factory).addCallback(listening)

    @inlineCallbacks
    def _said_briefly(self, abort: bool) -> Any:
        factory, address = yield self._listen(Brief)
        factory.abort, factory.seen, factory.done = abort, [], Deferred()

        found: Deferred[bytes] = deferToThread(_heard, address)
        yield factory.done
        return found, factory.seen

    @inlineCallbacks
    def test_closed_after_the_last_word(self) -> Any:
        """It arrives, and connectionLost is called once, after loseConnection."""
        found, seen = yield self._said_briefly(abort=False)
        self.assertEqual((yield found), b"bye")
        self.assertEqual(seen, ["made", "closed", "ConnectionDone"])

    @inlineCallbacks
    def test_aborted_while_closing(self) -> Any:
        """Still connectionLost once."""
        found, seen = yield self._said_briefly(abort=True)
        yield found.addErrback(lambda failure: failure.trap(ConnectionResetError))
        self.assertEqual(seen[:2], ["made", "closed"])
        self.assertEqual(len(seen), 3)

    def _note_sends(self) -> list[bytes]:
        """Return a list of what is sent from now on."""
        sent: list[bytes] = []
        send = EagerServer._send

        def noted(transport: EagerServer, data: bytes) -> None:
            sent.append(data)
            send(transport, data)

        self.patch(EagerServer, "_send", noted)
        return sent

    @inlineCallbacks
    def test_tls_in_the_same_turn(self) -> Any:
        """What comes before TLS is sent as it is, what comes after it never."""
        sent = self._note_sends()
        _, address = yield self._listen(Upgrading)
        found: Deferred[bytes] = deferToThread(_heard, address)
        yield found.addErrback(lambda failure: failure.trap(ConnectionResetError))
        self.assertEqual(sent, [b"ready"])

    @inlineCallbacks
    def test_one_send_a_turn(self) -> Any:
        """What is written in a turn goes together, unless it is much."""
        sent = self._note_sends()
        _, address = yield self._listen(Piecewise)
        octets = yield deferToThread(_heard, address)
        much = b"then " + b"m" * MUCH
        self.assertEqual(sent, [b"one piece a turn; ", much, b" and more"])
        self.assertEqual(octets, b"".join(sent))

    @inlineCallbacks
    def test_all_arrives(self) -> Any:
        """More than any socket buffer holds."""
        factory, address = yield self._listen(Talker)
        factory.kinds = []

        found: Deferred[bytes] = deferToThread(_heard, address)
        octets = yield found
        self.assertEqual(octets, b"".join(PIECES))
        self.assertEqual(factory.kinds, [EagerServer])

    @inlineCallbacks
    def test_acknowledged(self) -> Any:
        """What is not the whole of a command yet is acknowledged at once."""
        told: Deferred[None] = Deferred()
        options: list[int] = []

        class Watched(socket.socket):
            """Notes what is asked of it."""

            __slots__ = ()

            def setsockopt(self, level: int, option: int, value: Any) -> None:  # type: ignore[override]
                options.append(option)
                if option == QUICK_ACK:
                    told.callback(None)

        make = EagerServer.acknowledge

        def acknowledge(transport: EagerServer) -> None:
            transport.socket.__class__ = Watched
            make(transport)

        self.patch(EagerServer, "acknowledge", acknowledge)
        factory, address = yield self._listen(Protocol)
        factory.buildProtocol = lambda address: Pump(LineServer(), reactor)
        with socket.create_connection(address) as client:
            client.settimeout(20)
            client.send(b"half ")
            yield told
            client.send(b"a line\n")
            said = yield deferToThread(client.recv, 100)
        self.assertEqual(said, b"half a line\n")
        self.assertEqual(options, [QUICK_ACK])
