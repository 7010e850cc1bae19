"""Connections that wait for another message to the same server.

Source: RFC 5321 section 4.5.4.1 (one connection for several messages).
"""

from collections.abc import Hashable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall

from mailframe.net.relay_connection import RelayConnection

IDLE = 5.0
"""Seconds a connection waits; servers do not like to be kept."""

PER_KEY = 20
"""Connections to one server that wait at the same time."""

TOTAL = 200
"""All that wait at the same time."""


class RelayPool:
    """Keeps connections for a while."""

    def __init__(
        self,
        reactor: Any,
        *,
        idle: float = IDLE,
        per_key: int = PER_KEY,
        total: int = TOTAL,
    ) -> None:
        """Begin with none.

        Args:
            reactor: Provides IReactorTime.
            idle: Seconds a connection waits.
            per_key: How many wait for one server.
            total: How many wait at all.
        """
        self._reactor = reactor
        self._idle = idle
        self._per_key = per_key
        self._total = total
        self._waiting: dict[RelayConnection, tuple[Hashable, float]] = {}
        self._sweep: IDelayedCall | None = None
        self._by_key: dict[Hashable, list[RelayConnection]] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def take(self, key: Hashable) -> RelayConnection | None:
        """Return a connection that is up, the one used last, or ``None``."""
        found = self._by_key.get(key)
        if not found:
            return None
        connection = found[-1]
        self._forget(connection)
        return connection

    def give(self, key: Hashable, connection: RelayConnection) -> None:
        """Keep a connection, if it can be used again; end it otherwise."""
        client = connection.client
        if client.broken or client.worn or connection.is_lost:
            connection.close()
            return
        found = self._by_key.setdefault(key, [])
        if len(found) >= self._per_key:
            self._end(found[0])
            found = self._by_key.setdefault(key, [])
        elif len(self._waiting) >= self._total:
            self._end(next(iter(self._waiting)))
            found = self._by_key.setdefault(key, [])
        found.append(connection)
        self._waiting[connection] = (key, self._reactor.seconds() + self._idle)
        connection.gone = self._forget
        if self._sweep is None:
            self._sweep = self._reactor.callLater(self._idle, self._end_idle)

    def _end_idle(self) -> None:
        """End those that have waited long enough; one call for all of them."""
        self._sweep = None
        now = self._reactor.seconds()
        while self._waiting:
            connection, (_, until) = next(iter(self._waiting.items()))
            if until > now:
                self._sweep = self._reactor.callLater(until - now, self._end_idle)
                return
            self._end(connection)

    def close(self) -> "Deferred[Any]":
        """End all of them.

        Returns:
            Fires when they are gone.
        """
        sweep, self._sweep = self._sweep, None
        if sweep is not None:
            sweep.cancel()
        ending = []
        for connection in list(self._waiting):
            self._forget(connection)
            ending.append(connection.close())
        return DeferredList(ending)

    def _end(self, connection: RelayConnection) -> None:
        self._forget(connection)
        connection.close()

    def _forget(self, connection: RelayConnection) -> None:
        """Take a connection out; calling again is nothing."""
        connection.gone = _nobody
        key, until = self._waiting.pop(connection, (None, None))
        if until is None:
            return
        found = self._by_key[key]
        found.remove(connection)
        if not found:
            del self._by_key[key]


def _nobody(connection: RelayConnection) -> None:
    """Nobody waits for the end of this connection."""
