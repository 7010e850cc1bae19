"""Connections that wait for work; for several threads at a time."""

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Connection(Protocol):
    """What is kept."""

    def close(self) -> None:
        """Close it; never fails."""


C = TypeVar("C", bound=Connection)


class IdleConnections(Generic[C]):
    """Those to one server. No more than there are threads: each gives back one."""

    def __init__(self, keep: float, seconds: Callable[[], float]) -> None:
        """Begin with none.

        Args:
            keep: Seconds an unused connection is kept.
            seconds: A clock.
        """
        self._keep = keep
        self._seconds = seconds
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, C]] = []

    def take(self) -> C | None:
        """Return the connection used last, and close those too old; it may block."""
        oldest = self._seconds() - self._keep
        with self._lock:
            old = [one for used, one in self._waiting if used < oldest]
            self._waiting = [pair for pair in self._waiting if pair[0] >= oldest]
            taken = self._waiting.pop()[1] if self._waiting else None
        for connection in old:
            connection.close()
        return taken

    def give(self, connection: C) -> None:
        """Keep a connection that was used."""
        with self._lock:
            self._waiting.append((self._seconds(), connection))

    def close(self) -> None:
        """Close all; it may block."""
        with self._lock:
            gone, self._waiting = self._waiting, []
        for _, connection in gone:
            connection.close()
