"""Connections through a proxy that says who its client is.

Nothing is sent, and no session begins, before the header is there: a session knows
its real client from its first moment, and so do its limits and its checks. Twisted's
own wrapper for ``haproxy:`` begins the session at once, with the proxy as client.

Source: the PROXY protocol of HAProxy (doc/proxy-protocol.txt, section 2).
"""

from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailframe.net.proxy_header import NoProxyHeader, read_header

_log = Logger()

PREFIX = "haproxy:"
"""What begins the endpoint of such a service."""

HEADER_TIMEOUT = 10.0
"""Seconds a proxy has for its header; the protocol asks for 3 at least."""


class ProxiedFactory(Factory):
    """Serves what another factory serves, behind a proxy."""

    noisy = False

    def __init__(self, served: Any, reactor: Any) -> None:
        """Serve ``served``.

        Args:
            served: The factory of the service.
            reactor: Provides IReactorTime.
        """
        self.served = served
        self.reactor = reactor

    def buildProtocol(self, addr: Any) -> "ProxiedProtocol":
        """Return what reads the header."""
        return ProxiedProtocol(self.served, self.reactor, addr)


class ProxiedProtocol(Protocol):
    """Reads the header, and steps aside."""

    def __init__(self, served: Any, reactor: Any, proxy: Any) -> None:
        """Wait for it."""
        self._served = served
        self._reactor = reactor
        self._proxy = proxy
        self._held = b""
        self._alarm: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Give the proxy some time."""
        self._alarm = self._reactor.callLater(HEADER_TIMEOUT, self._refuse, "silent")

    def dataReceived(self, data: bytes) -> None:
        """Take more of the header."""
        self._held += data
        try:
            header = read_header(self._held)
        except NoProxyHeader:
            self._refuse("no PROXY header")
            return
        if header is not None:
            self._step_aside(header.peer, header.host, self._held[header.length :])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It went before it said anything."""
        self._stop_alarm()

    def _step_aside(self, peer: Any, host: Any, rest: bytes) -> None:
        """Let the service have the connection, with its client's address."""
        self._stop_alarm()
        transport: Any = self.transport
        if peer is not None:
            transport.getPeer = lambda: peer
            transport.getHost = lambda: host
        protocol = self._served.buildProtocol(transport.getPeer())
        if protocol is None:
            transport.abortConnection()
            return
        transport.protocol = protocol
        protocol.makeConnection(transport)
        if rest:
            protocol.dataReceived(rest)

    def _refuse(self, why: str) -> None:
        self._stop_alarm()
        address = getattr(self._proxy, "host", None)
        _log.warn("refused {address}: {why}", address=address, why=why)
        transport: Any = self.transport
        transport.abortConnection()

    def _stop_alarm(self) -> None:
        alarm, self._alarm = self._alarm, None
        if alarm is not None and alarm.active():
            alarm.cancel()
