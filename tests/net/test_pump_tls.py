"""The pump when TLS comes first: nothing begins before the handshake is done."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.net.pump import GOODBYE_TIMEOUT, Pump
from tests.net.authority import Certificate
from tests.net.test_pump import EchoServer


class Handle:
    """As much of a pyOpenSSL connection as is asked for a ``TLSInfo``."""

    def __init__(self) -> None:
        self.subject: str | None = None

    def get_peer_certificate(self) -> Any:
        if self.subject is None:
            return None
        certificate = Certificate(self.subject).certificate
        return SimpleNamespace(to_cryptography=lambda: certificate)

    def get_servername(self) -> bytes | None:
        return None

    def get_protocol_version_name(self) -> str:
        return "TLSv1.3"

    def get_cipher_name(self) -> str | None:
        return None

    def get_cipher_bits(self) -> int | None:
        return None


@implementer(ISSLTransport)
class TLSTransport(StringTransport):  # type: ignore[misc]
    """A transport that says it is TLS."""

    def __init__(self, handle: Handle, lose: Callable[[], None]) -> None:
        super().__init__()
        self._handle = handle
        self._lose = lose

    def getHandle(self) -> Handle:
        return self._handle

    def abortConnection(self) -> None:
        self._lose()


class ImplicitTLSTests(SynchronousTestCase):
    """A session over implicit TLS."""

    def setUp(self) -> None:
        """Connect, the handshake not yet done."""
        self.server = EchoServer()
        self.clock = Clock()
        self.gone: list[Pump] = []
        self.pump = Pump(self.server, self.clock, gone=self.gone.append)
        self.handle = Handle()
        self.transport = TLSTransport(self.handle, self.lose)
        self.pump.makeConnection(self.transport)

    def lose(self) -> None:
        """Take the connection away."""
        self.pump.connectionLost(Failure(ConnectionDone()))

    def test_greeting_waits(self) -> None:
        """The server begins when the handshake is done, once."""
        self.assertEqual(self.transport.value(), b"")
        self.pump.resumeProducing()
        self.assertEqual(self.transport.value(), b"")
        self.pump.handshakeCompleted()
        self.pump.handshakeCompleted()
        self.assertEqual(self.transport.value(), b"hello ")
        self.pump.dataReceived(b"a")
        self.assertEqual(self.transport.value(), b"hello a")

    def test_certificate(self) -> None:
        """What the handshake finds out is known to the server."""
        self.assertIsNone(self.pump.tls.client_subject if self.pump.tls else "")
        self.assertIsNone(self.pump.channel_binding("tls-exporter"))
        self.handle.subject = "alice"
        self.pump.handshakeCompleted()
        assert self.pump.tls is not None
        self.assertEqual(self.pump.tls.client_subject, "alice")
        self.assertIs(self.pump.tls, self.pump.tls)

    def test_lost_before(self) -> None:
        """A peer that goes before was never a session."""
        self.lose()
        self.assertEqual(self.server.events, [])
        self.assertEqual(self.gone, [self.pump])
        self.pump.handshakeCompleted()
        self.assertEqual(self.transport.value(), b"")

    def test_silent(self) -> None:
        """A peer that never ends the handshake is sent away."""
        self.clock.advance(61)
        self.assertTrue(self.server.closing)
        self.assertTrue(self.transport.disconnecting)
        self.clock.advance(GOODBYE_TIMEOUT)
        self.assertEqual(self.gone, [self.pump])

    def test_shut_down_before(self) -> None:
        """A host that stops meanwhile begins nothing."""
        self.pump.shut_down()
        self.assertTrue(self.transport.disconnecting)
        self.pump.handshakeCompleted()
        self.assertNotIn(b"hello", self.transport.value())
