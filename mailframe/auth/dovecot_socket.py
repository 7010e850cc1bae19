"""One socket of Dovecot's: connected when it is needed, asked many things at once."""

import random
from collections.abc import Callable
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailframe.auth.dovecot_codec import DovecotCodec, Ready, Reply
from mailframe.errors import BadSyntax, TemporaryFailure

_log = Logger()

TIMEOUT = 20.0
"""Seconds until an answer; Dovecot delays a refusal by two."""

LIFETIME = 60.0
"""Seconds a connection is used. A process of a Dovecot that was stopped, or told
to read its configuration again, stays while somebody is connected."""

PENDING = 1000
"""Questions that may wait for an answer."""


_EXPECTED = (
    ConnectError,
    ConnectionClosed,
    CancelledError,
    defer.TimeoutError,
    TemporaryFailure,
)
"""What becomes of connections; any other error is our own."""


class DovecotSocket:
    """Asks over one connection, and makes it anew when it is gone."""

    def __init__(
        self,
        reactor: Any,
        path: str,
        *,
        lookups: bool = False,
        timeout: float = TIMEOUT,
        pending: int = PENDING,
    ) -> None:
        """Connect when somebody asks.

        Args:
            reactor: Provides ``IReactorUNIX`` and ``IReactorTime``.
            path: Of the socket.
            lookups: Whether users are looked up there, not passwords checked.
            timeout: Seconds an answer may take, connecting included.
            pending: Questions that may wait at a time.
        """
        self._reactor = reactor
        self._path = path
        self._lookups = lookups
        self._timeout = timeout
        self._most = pending
        self._asked = 0
        self._connecting: list[Deferred[_Connection]] = []
        self._connection: _Connection | None = None
        self._until = 0.0
        self._trouble = ""

    async def ask(self, request: Callable[[DovecotCodec, int], bytes]) -> Reply:
        """Send a request and return its reply.

        Args:
            request: Makes the request of a codec and a number.

        Raises:
            TemporaryFailure: No answer: too many wait, it takes too long, or
                there is no connection.
        """
        if self._asked >= self._most:
            raise TemporaryFailure("too many wait for Dovecot")
        self._asked += 1
        used: list[tuple[_Connection, int]] = []
        asking = Deferred.fromCoroutine(self._ask(request, used))
        asking.addTimeout(self._timeout, self._reactor)
        try:
            return await asking
        except defer.TimeoutError:
            # Not a word in all that time: the next one asks a fresh connection.
            for connection, heard in used:
                if connection.heard == heard:
                    connection.abort()
            raise TemporaryFailure("Dovecot does not answer") from None
        finally:
            self._asked -= 1

    def close(self) -> None:
        """Close the connection; whoever waits gets a temporary failure."""
        if self._connection is not None:
            self._connection.abort()

    async def _ask(
        self,
        request: Callable[[DovecotCodec, int], bytes],
        used: "list[tuple[_Connection, int]]",
    ) -> Reply:
        connection = self._connection
        if connection is not None and self._reactor.seconds() >= self._until:
            self._connection = None
            connection.retire()
        connection = self._connection or await self._connected()
        used.append((connection, connection.heard))
        return await connection.ask(request)

    def _connected(self) -> "Deferred[_Connection]":
        """Wait for a connection that somebody may have begun already."""
        waiting: Deferred[_Connection] = Deferred()
        self._connecting.append(waiting)
        if len(self._connecting) == 1:
            Deferred.fromCoroutine(self._connect()).addBoth(self._tell)
        return waiting

    async def _connect(self) -> "_Connection":
        endpoint: Any = UNIXClientEndpoint(  # type: ignore[no-untyped-call]
            self._reactor, self._path, self._timeout
        )
        pid = random.randrange(1, 1 << 31)  # noqa: S311 - no secret, only unlike
        codec = DovecotCodec(pid, self._lookups)
        factory = Factory.forProtocol(lambda: _Connection(codec, self._lost))
        factory.noisy = False
        connection: _Connection = await endpoint.connect(factory)
        ready = connection.ready
        # Whoever asked has stopped waiting by then; the next one tries again.
        ready.addTimeout(self._timeout, self._reactor)
        try:
            await ready
        except BaseException:
            connection.abort()
            raise
        self._connection = connection
        self._until = self._reactor.seconds() + LIFETIME
        return connection

    def _tell(self, outcome: Any) -> None:
        waiting, self._connecting = self._connecting, []
        trouble = ""
        if isinstance(outcome, Failure):
            trouble = type(outcome.value).__name__
            if isinstance(outcome.value, _EXPECTED):
                outcome = TemporaryFailure("no connection to Dovecot")
        # Once for each trouble, not once for each login.
        if trouble and trouble != self._trouble:
            _log.error("{path}: {why}", path=self._path, why=trouble)
        self._trouble = trouble
        for one in waiting:
            if one.called:
                continue
            if isinstance(outcome, _Connection):
                one.callback(outcome)
            else:
                one.errback(outcome)

    def _lost(self, connection: "_Connection") -> None:
        if self._connection is connection:
            self._connection = None


class _Connection(Protocol):
    """One connection and the requests on it."""

    transport: Any

    def __init__(
        self, codec: DovecotCodec, lost: Callable[["_Connection"], None]
    ) -> None:
        self.ready: Deferred[None] = Deferred()
        self.heard = 0
        self._codec = codec
        self._lost = lost
        self._number = 0
        self._waiting: dict[int, Deferred[Reply]] = {}
        self._retired = False

    def ask(self, request: Callable[[DovecotCodec, int], bytes]) -> Deferred[Reply]:
        """Send a request; its reply comes later, or a ``TemporaryFailure``."""
        self._number += 1
        outcome: Deferred[Reply] = Deferred()
        self._waiting[self._number] = outcome
        self.transport.write(request(self._codec, self._number))
        return outcome

    def retire(self) -> None:
        """Close it when nobody waits any more."""
        self._retired = True
        if not self._waiting:
            self.abort()

    def abort(self) -> None:
        """Close it at once."""
        self.transport.abortConnection()

    def connectionMade(self) -> None:
        """Say who we are."""
        self.transport.write(self._codec.greeting())

    def dataReceived(self, data: bytes) -> None:
        """Hand replies to whom they are for."""
        self.heard += 1
        try:
            events = self._codec.receive(data)
        except BadSyntax as error:
            _log.error("Dovecot does not send {what}", what=error.expected)
            self.abort()
            return
        for event in events:
            if isinstance(event, Ready):
                if not self.ready.called:
                    self.ready.callback(None)
                continue
            waiting = self._waiting.pop(event.number, None)
            if waiting is not None and not waiting.called:
                waiting.callback(event)
        if self._retired:
            self.retire()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Tell everybody who waits."""
        self._lost(self)
        waiting, self._waiting = self._waiting, {}
        everybody: list[Deferred[Any]] = [self.ready, *waiting.values()]
        for one in everybody:
            if not one.called:
                one.errback(TemporaryFailure("Dovecot closed the connection"))
