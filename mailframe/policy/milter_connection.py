"""One connection to a milter: packets out, packets in, back-pressure."""

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mailframe.errors import BadSyntax, TemporaryFailure
from mailframe.policy.milter_codec import Packet, PacketReader, raw_packet

WAITING = 1000
"""Packets that may wait to be looked at; a milter answers what it is asked."""


@implementer(IPushProducer)
class MilterConnection(Protocol):
    """Speaks packets."""

    def __init__(self) -> None:
        """Begin before the connection is there; ``lost`` tells when it is no more."""
        self._reader = PacketReader()
        self._packets: deque[Packet] = deque()
        self._wanted: Deferred[Packet] | None = None
        self._room: Deferred[None] | None = None
        self._full = False
        self.lost = False

    def connectionMade(self) -> None:
        """Be told when the milter is slow to read."""
        transport: Any = self.transport
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """Keep packets until somebody asks; a milter that says too much goes."""
        transport: Any = self.transport
        try:
            self._packets.extend(self._reader.receive(data))
        except BadSyntax:
            transport.abortConnection()
            return
        if len(self._packets) > WAITING:
            transport.abortConnection()
        self._hand_out()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self.lost = True
        self._hand_out()
        self.resumeProducing()

    def pauseProducing(self) -> None:
        """The milter is slow to read."""
        self._full = True

    def resumeProducing(self) -> None:
        """It reads again."""
        self._full = False
        room, self._room = self._room, None
        if room is not None and not room.called:
            room.callback(None)

    def stopProducing(self) -> None:
        """The connection is about to be lost; connectionLost follows."""

    async def next(self) -> Packet:
        """Return the next packet of the milter.

        Raises:
            TemporaryFailure: The connection is gone.
        """
        if not self._packets and not self.lost:
            self._wanted = Deferred()
            return await self._wanted
        if not self._packets:
            raise TemporaryFailure("the milter went away")
        return self._packets.popleft()

    async def write(self, octets: bytes) -> None:
        """Send packets; wait while the milter is slow to read.

        Raises:
            TemporaryFailure: The connection is gone.
        """
        if self.lost:
            raise TemporaryFailure("the milter went away")
        self.put(octets)
        if self._full:
            self._room = Deferred()
            await self._room

    def put(self, octets: bytes) -> None:
        """Send packets, if the connection is there; wait for nothing."""
        transport: Any = self.transport
        if not self.lost:
            transport.write(octets)

    def leave(self) -> None:
        """Say goodbye, to who listens. Calling again is nothing."""
        transport: Any = self.transport
        if self.lost:
            return
        self.lost = True
        transport.unregisterProducer()
        if self._full:
            transport.abortConnection()
        else:
            transport.write(raw_packet(b"Q"))
            transport.loseConnection()

    def _hand_out(self) -> None:
        wanted = self._wanted
        if wanted is None or wanted.called:
            return
        if self._packets:
            self._wanted = None
            wanted.callback(self._packets.popleft())
        elif self.lost:
            self._wanted = None
            wanted.errback(TemporaryFailure("the milter went away"))


class MilterFactory(Factory):
    """Makes connections."""

    noisy = False
    protocol = MilterConnection
