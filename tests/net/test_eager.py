"""The eager transport over real sockets: nothing lost, nothing out of order."""

import socket
from typing import Any

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mailframe.net.eager import EagerServer, be_eager

PIECES = [bytes([number % 251]) * (number * 97 % 60_000 + 1) for number in range(400)]


class Talker(Protocol):
    """Writes everything at once to whoever connects, and closes."""

    def connectionMade(self) -> None:
        """Write."""
        transport: Any = self.transport
        self.factory.kinds.append(type(transport))  # type: ignore[union-attr]
        for piece in PIECES:
            transport.write(piece)
        transport.loseConnection()


class EagerTests(TestCase):
    """A peer that reads slowly gets every octet in order."""

    @inlineCallbacks
    def test_all_arrives(self) -> Any:
        """More than any socket buffer holds."""
        factory: Any = Factory.forProtocol(Talker)
        factory.kinds = []
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = yield endpoint.listen(factory)
        self.addCleanup(port.stopListening)
        be_eager(port)

        def read() -> bytes:
            with socket.create_connection(("127.0.0.1", port.getHost().port)) as one:
                one.settimeout(20)
                return b"".join(iter(lambda: one.recv(10_000), b""))

        found: Deferred[bytes] = deferToThread(read)
        octets = yield found
        self.assertEqual(octets, b"".join(PIECES))
        self.assertEqual(factory.kinds, [EagerServer])
