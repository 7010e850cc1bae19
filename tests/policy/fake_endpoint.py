"""Endpoints without a network: what is written is answered at once."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.internet.testing import StringTransport
from zope.interface import implementer


class AnsweringTransport(StringTransport):
    """Gives what is written to a server, and its answer to the protocol."""

    def __init__(self, protocol: Any, answer: Callable[[bytes], bytes | None]) -> None:
        """Join both."""
        super().__init__()
        self._protocol = protocol
        self._answer = answer
        self.gone = False

    def write(self, data: bytes) -> None:
        """Have it answered; ``None`` hangs up."""
        super().write(data)
        if self.gone:
            return
        answer = self._answer(data)
        if answer is None:
            self.hang_up()
        elif answer:
            self._protocol.dataReceived(answer)

    def hang_up(self) -> None:
        """The server goes away."""
        if not self.gone:
            self.gone = True
            self._protocol.connectionLost(connectionDone)

    def loseConnection(self) -> None:
        """We go away."""
        self.hang_up()

    def abortConnection(self) -> None:
        """We go away."""
        self.hang_up()


@implementer(IStreamClientEndpoint)
class FakeEndpoint:
    """Makes connections to servers of the test."""

    def __init__(self, serve: Callable[[], Callable[[bytes], bytes | None]]) -> None:
        """Serve each connection with what ``serve`` returns."""
        self._serve = serve
        self.transports: list[AnsweringTransport] = []
        self.closed = False

    def connect(self, factory: Any) -> "Deferred[Any]":
        """Connect, unless closed."""
        if self.closed:
            return fail(ConnectError())
        protocol = factory.buildProtocol(None)
        transport = AnsweringTransport(protocol, self._serve())
        self.transports.append(transport)
        protocol.makeConnection(transport)
        return succeed(protocol)
