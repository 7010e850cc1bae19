"""The PROXY protocol: its header, and the connection that follows it."""

import socket
import struct
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mailframe.net.proxied import HEADER_TIMEOUT, ProxiedFactory
from mailframe.net.proxy_header import NoProxyHeader, read_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def version_2(command: int, family: int, body: bytes) -> bytes:
    """Return a header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


def tcp4() -> bytes:
    """Return addresses as version 2 has them."""
    return (
        socket.inet_aton("203.0.113.7")
        + socket.inet_aton("198.51.100.1")
        + struct.pack("!HH", 5555, 25)
    )


def tcp6() -> bytes:
    """Return the same for IPv6."""
    ends = (socket.inet_pton(socket.AF_INET6, f"2001:db8::{at}") for at in (7, 1))
    return b"".join(ends) + struct.pack("!HH", 5555, 25)


CLIENT_4 = IPv4Address("TCP", "203.0.113.7", 5555)
CLIENT_6 = IPv6Address("TCP", "2001:db8::7", 5555)

GOOD = [
    (b"PROXY TCP4 203.0.113.7 198.51.100.1 5555 25\r\n", CLIENT_4),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 5555 25\r\n", CLIENT_6),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    (version_2(0x21, 0x11, tcp4()), CLIENT_4),
    (version_2(0x21, 0x21, tcp6()), CLIENT_6),
    # What else it says is passed over.
    (version_2(0x21, 0x11, tcp4() + b"\x03\x00\x04abcd"), CLIENT_4),
    (version_2(0x20, 0x00, b""), None),
    (version_2(0x21, 0x31, b"x" * 216), None),
    (version_2(0x21, 0x00, b""), None),
]

BAD = [
    b"EHLO client.example\r\n",
    b"\r\n\r\n\x00\r\nQUIX",
    b"PROXY TCP4 203.0.113.7 198.51.100.1 5555\r\n",
    b"PROXY TCP4 203.0.113.7 198.51.100.1 05555 25\r\n",
    b"PROXY TCP4 203.0.113.7 198.51.100.1 65536 25\r\n",
    b"PROXY TCP4 2001:db8::7 198.51.100.1 5555 25\r\n",
    b"PROXY TCP4 203.0.113.700 198.51.100.1 5555 25\r\n",
    b"PROXY TCP5 203.0.113.7 198.51.100.1 5555 25\r\n",
    b"PROXY " + b"x" * 200,
    version_2(0x31, 0x11, tcp4()),
    version_2(0x22, 0x11, tcp4()),
    version_2(0x21, 0x11, tcp4()[:-1]),
    SIGNATURE + b"\x21\x11\xff\xff",
]


class HeaderTests(SynchronousTestCase):
    """What is one, and what it says."""

    def test_good(self) -> None:
        """Whole or in pieces, and nothing of what follows belongs to it."""
        for octets, expected in GOOD:
            for end in range(len(octets)):
                self.assertIsNone(read_header(octets[:end]), octets)
            found = read_header(octets + b"EHLO x\r\n")
            assert found is not None
            self.assertEqual((found.peer, found.length), (expected, len(octets)))

    def test_bad(self) -> None:
        """Everything else is refused."""
        for octets in BAD:
            self.assertRaises(NoProxyHeader, read_header, octets)


class Served(Protocol):
    """Notes what it hears, and greets."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.heard = b""

    def connectionMade(self) -> None:
        """Greet."""
        transport: Any = self.transport
        self.peer = transport.getPeer()
        transport.write(b"220 hello\r\n")

    def dataReceived(self, data: bytes) -> None:
        """Note it."""
        self.heard += data


class ProxiedTests(SynchronousTestCase):
    """The service behind the proxy."""

    def setUp(self) -> None:
        """Connect a proxy."""
        self.clock = Clock()
        self.served = Factory.forProtocol(Served)
        self.asked: list[Any] = []
        self.full = False
        build = self.served.buildProtocol

        def building(address: Any) -> Any:
            self.asked.append(address)
            return None if self.full else build(address)

        self.served.buildProtocol = building  # type: ignore[assignment]
        proxy = IPv4Address("TCP", "192.0.2.1", 1)
        transport: Any = StringTransport(peerAddress=proxy)
        self.transport = transport
        self.transport.protocol = ProxiedFactory(self.served, self.clock).buildProtocol(
            proxy
        )
        self.transport.protocol.makeConnection(self.transport)

    def hear(self, octets: bytes) -> None:
        """Let the proxy say something."""
        self.transport.protocol.dataReceived(octets)

    def test_silence_first(self) -> None:
        """Nothing is said before the header is there; then the client is known."""
        octets = GOOD[0][0]
        for at in range(len(octets) - 1):
            self.hear(octets[at : at + 1])
        self.assertEqual((self.asked, self.transport.value()), ([], b""))
        self.hear(octets[-1:] + b"EHLO x\r\n")
        self.assertEqual(self.asked, [CLIENT_4])
        self.assertEqual(self.transport.value(), b"220 hello\r\n")
        served = self.transport.protocol
        self.assertEqual((served.peer, served.heard), (CLIENT_4, b"EHLO x\r\n"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_for_itself(self) -> None:
        """A proxy that speaks for itself is the client."""
        self.hear(b"PROXY UNKNOWN\r\n")
        self.assertEqual(self.asked[0].host, "192.0.2.1")

    def test_no_proxy(self) -> None:
        """Whoever is none is cut off, without a word."""
        self.hear(b"EHLO client.example\r\n")
        self.assertTrue(self.transport.disconnected)
        self.assertEqual((self.asked, self.transport.value()), ([], b""))

    def test_slow(self) -> None:
        """So is a slow one."""
        self.hear(b"PROXY TCP4")
        self.clock.advance(HEADER_TIMEOUT)
        self.assertTrue(self.transport.disconnected)

    def test_gone(self) -> None:
        """One that goes leaves nothing behind."""
        self.transport.protocol.connectionLost()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_too_many(self) -> None:
        """Limits are the client's, not the proxy's."""
        self.full = True
        self.hear(GOOD[0][0])
        self.assertTrue(self.transport.disconnected)
        self.assertEqual(self.transport.value(), b"")
