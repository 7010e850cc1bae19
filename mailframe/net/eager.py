"""TCP transports that send at the end of the turn what the socket takes.

Twisted's own ask epoll for every write whether it may be sent, and go round once
more. These send what was written in a turn of the reactor in one piece when the
turn is over: whoever waits for it is not woken while others are still to be dealt
with, and is asked for nothing in between. What the socket does not take goes the
usual way, with producers and all.

Source: DESIGN.md section 6 (replies are sent once at the end).
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from socket import IPPROTO_TCP
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.internet.tcp import Client, Connection, Connector, Server
from twisted.protocols.policies import ProtocolWrapper

QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux has it."""


MUCH = 16_384
"""Octets that are sent without waiting for more."""


class _Eager(Connection):
    """The sending side."""

    SEND_LIMIT = 1_048_576
    reactor: Any
    _corked = False

    def write(self, data: bytes) -> None:
        """Send at the end of the turn, or now if it is much."""
        if self._corked:
            self._tempDataBuffer.append(data)
            self._tempDataLen += len(data)
            if self._tempDataLen > MUCH:
                self.uncork()
        elif self._is_busy():
            super().write(data)  # type: ignore[no-untyped-call]
        elif len(data) > MUCH:
            self._send(data)
        else:
            self._corked = True
            self._tempDataBuffer.append(data)
            self._tempDataLen = len(data)
            getattr(self.reactor, "turn", _turn).add(self)

    def _is_busy(self) -> bool:
        """Tell whether Twisted's own way is called for: TLS, an end, a queue."""
        return bool(
            self.TLS
            or not self.connected
            or self.disconnecting
            or self._writeDisconnecting
            or self.dataBuffer
            or self._tempDataBuffer
        )

    def startTLS(self, ctx: Any, normal: bool = True) -> None:
        """Send what was written before; nothing after it goes beside TLS."""
        self.uncork()
        super().startTLS(ctx, normal)  # type: ignore[no-untyped-call]

    def uncork(self) -> None:
        """Send what was written in this turn."""
        if not self._corked:
            return
        self._corked = False
        if self._aborting or not self.connected or self.dataBuffer:
            return
        if self._tempDataBuffer:
            data = b"".join(self._tempDataBuffer)
            self._tempDataBuffer = []
            self._tempDataLen = 0
            self._send(data)

    def _send(self, data: bytes) -> None:
        """Send, or keep for later what cannot be sent now."""
        try:
            sent = self.socket.send(data)
        except OSError:
            # Full, or gone: the usual way finds out which.
            sent = 0
        if sent < len(data):
            rest = data[sent:] if sent else data
            super().write(rest)  # type: ignore[no-untyped-call]

    def acknowledge(self) -> None:
        """Say that all that came is here, unless an answer is about to say so.

        A peer that has more in hand, and whose system holds a small rest back until
        the rest before it is acknowledged (Nagle's algorithm), would otherwise wait
        for our system, which waits for something to send along: 40 ms.
        """
        if self._corked or not self.connected or QUICK_ACK is None:
            return
        if not (self.dataBuffer or self._tempDataBuffer):
            with suppress(OSError):
                self.socket.setsockopt(IPPROTO_TCP, QUICK_ACK, 1)

    def loseConnection(self) -> None:
        """Close when all is sent; if it is, without asking whether more can be."""
        self.uncork()
        if self._is_busy() or self.producer is not None:
            super().loseConnection()  # type: ignore[no-untyped-call]
            return
        self.stopReading()  # type: ignore[no-untyped-call]
        self.disconnecting = True
        self.reactor.callLater(0, self.connectionLost, connectionDone)


class Turn:
    """Those that have written something in this turn of the reactor.

    A reactor that says itself when its turn is over has one as ``turn``.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._written: list[_Eager] = []
        self._calls: list[Callable[[], None]] = []

    def call(self, call: Callable[[], None]) -> None:
        """Have something done at the end of the turn, when all was sent."""
        self._calls.append(call)

    def add(self, transport: _Eager) -> None:
        """Have one more send at the end of the turn."""
        self._written.append(transport)

    def over(self) -> None:
        """Have all of them send, and do what is to be done then.

        What comes of that is of this turn too: the next may be far away.
        """
        while self._written or self._calls:
            written, self._written = self._written, []
            for transport in written:
                transport.uncork()
            calls, self._calls = self._calls, []
            for call in calls:
                call()


class _TimedTurn(Turn):
    """Asks the reactor to be called at the end of its turn."""

    _end: Any = None

    def add(self, transport: _Eager) -> None:
        super().add(transport)
        # A reactor that was cleaned up, by tests, has forgotten the call.
        if self._end is None or not self._end.active():
            self._end = transport.reactor.callLater(0, self.over)


_turn = _TimedTurn()


class EagerServer(_Eager, Server):
    """One accepted connection."""


class EagerClient(_Eager, Client):
    """One connection that we made; what the server says is acknowledged at once.

    A server that answers commands sent together one by one, and whose system
    waits for an acknowledgement before it sends the next answer (Nagle's
    algorithm), would otherwise wait for our system, which waits for something
    to send along: 40 ms a message, most of what a delivery takes.
    """

    def doRead(self) -> Any:  # noqa: N802
        """Read; the system forgets the wish now and then, so it is told again."""
        found: Any = super().doRead()
        self.acknowledge()
        return found

    def _connectDone(self) -> None:  # noqa: N802
        super()._connectDone()  # type: ignore[no-untyped-call]
        factory: Any = self.connector.factory
        factory.connected()


def become_eager(transport: Any) -> "EagerServer | None":
    """Have an accepted TCP connection send at once from now on.

    Args:
        transport: A protocol's, with TLS around it or not; other kinds stay as
            they are.

    Returns:
        The connection, ``None`` for one of another kind.
    """
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    if type(transport) is Server:
        transport.__class__ = EagerServer
    return transport if isinstance(transport, EagerServer) else None


def can_be_eager(reactor: Any) -> bool:
    """Tell whether connections of a reactor can have this transport."""
    return isinstance(reactor, PosixReactorBase)


def connect(
    reactor: Any, address: str, port: int, protocol: Protocol, seconds: float
) -> "Deferred[Protocol]":
    """Connect a protocol over this transport.

    Args:
        reactor: One that :func:`can_be_eager`.
        address: IPv4 or IPv6.
        port: Where.
        protocol: What to connect.
        seconds: How long that may take.

    Returns:
        The protocol, connected; fails with a ``ConnectError``.
    """
    connected: Deferred[Protocol] = Deferred()
    factory = _Once(protocol, connected)
    connector = _EagerConnector(address, port, factory, seconds, None, reactor)
    connector.connect()
    return connected


class _EagerConnector(Connector):
    def _makeTransport(self) -> EagerClient:  # noqa: N802
        return EagerClient(self.host, self.port, self.bindAddress, self, self.reactor)  # type: ignore[no-untyped-call]


class _Once(ClientFactory):
    """Connects one protocol that is there already."""

    noisy = False

    def __init__(self, protocol: Protocol, connected: "Deferred[Protocol]") -> None:
        self._one = protocol
        self._connected = connected

    def buildProtocol(self, addr: object) -> Protocol:
        """Return it."""
        return self._one

    def connected(self) -> None:
        """The protocol has its transport: tell whoever waits."""
        self._connected.callback(self._one)

    def clientConnectionFailed(self, connector: object, reason: Any) -> None:  # noqa: N802
        """Tell whoever waits."""
        self._connected.errback(reason)
