"""Connections that carry messages, and such as wait for another to the same server.

A message goes over a connection that waits; or, where several to the server are
in use already, closely behind the message on one of these; else a new one is to
be made.

Source: RFC 5321 section 4.5.4.1 (one connection for several messages), RFC 2920
section 3.1.
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

ENOUGH = 5
"""Connections to one server in use from which on messages follow each other
closely. Two at a time take half the connections, and half the system calls; but
who follows waits for the verdict on who went before."""

ALONE = 3600.0
"""Seconds for which nothing follows closely where that went wrong."""

KNOWN = 1000
"""Servers for which that is remembered."""


class RelayPool:
    """Knows the connections that are up."""

    def __init__(
        self,
        reactor: Any,
        *,
        idle: float = IDLE,
        per_key: int = PER_KEY,
        total: int = TOTAL,
        enough: int = ENOUGH,
    ) -> None:
        """Begin with none.

        Args:
            reactor: Provides IReactorTime.
            idle: Seconds a connection waits.
            per_key: How many wait for one server.
            total: How many wait at all.
            enough: How many to one server are in use before messages follow
                each other closely.
        """
        self._reactor = reactor
        self._idle = idle
        self._per_key = per_key
        self._total = total
        self._enough = enough
        self._waiting: dict[RelayConnection, tuple[Hashable, float]] = {}
        self._sweep: IDelayedCall | None = None
        self._by_key: dict[Hashable, list[RelayConnection]] = {}
        self._in_use: dict[Hashable, dict[RelayConnection, int]] = {}
        self._alone: dict[Hashable, float] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def take(self, key: Hashable) -> RelayConnection | None:
        """Return a connection for one message, the one used last, or ``None``."""
        found = self._by_key.get(key)
        if found:
            connection = found[-1]
            self._forget(connection)
        else:
            roomy = self._roomy(key)
            if roomy is None:
                return None
            connection = roomy
        self.use(key, connection)
        return connection

    def _roomy(self, key: Hashable) -> RelayConnection | None:
        """Return a connection in use that one more message may follow on."""
        in_use = self._in_use.get(key, {})
        if len(in_use) < self._enough or self._is_alone(key):
            return None
        for connection, messages in reversed(in_use.items()):
            client = connection.client
            if messages == 1 and connection.has_room_behind and not client.worn:
                return connection
        return None

    def use(self, key: Hashable, connection: RelayConnection) -> None:
        """Note that a connection has one more message to carry."""
        in_use = self._in_use.setdefault(key, {})
        in_use[connection] = in_use.get(connection, 0) + 1

    def let_alone(self, key: Hashable) -> None:
        """Have messages to a server follow each other closely no more, for a while."""
        self._alone.pop(key, None)
        self._alone[key] = self._reactor.seconds() + ALONE
        if len(self._alone) > KNOWN:
            del self._alone[next(iter(self._alone))]

    def _is_alone(self, key: Hashable) -> bool:
        until = self._alone.get(key)
        return until is not None and bool(self._reactor.seconds() < until)

    def give(self, key: Hashable, connection: RelayConnection) -> None:
        """Note that a connection has one message less.

        If it was the last one it waits for another, if it can, or ends.
        """
        in_use = self._in_use[key]
        messages = in_use.pop(connection) - 1
        if messages:
            in_use[connection] = messages  # as the one used last
            return
        if not in_use:
            del self._in_use[key]
        self._keep(key, connection)

    def _keep(self, key: Hashable, connection: RelayConnection) -> None:
        """Let a connection wait, if it can be used again; end it otherwise."""
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
        """End those that wait.

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
        """Have a connection wait no more; calling again is nothing."""
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
