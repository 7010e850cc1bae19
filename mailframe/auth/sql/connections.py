"""The connections to one database that wait for work, and what a connection is.

Everything here blocks, and runs in several threads at a time.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from twisted.logger import Logger

from mailframe.auth.idle_connections import IdleConnections
from mailframe.auth.server_trouble import ServerTrouble
from mailframe.auth.sql.queries import Query
from mailframe.errors import TemporaryFailure

_log = Logger()
_T = TypeVar("_T")

Row = dict[str, Any]
"""Values by the name of their column, in lower case."""


class Unanswered(Exception):
    """The database gave no answer; the text says why, without secrets."""


class Connection(Protocol):
    """One connection; after an :exc:`Unanswered` it is of no use."""

    def rows(
        self, query: Query, values: Mapping[str, str], most: int, deadline: float
    ) -> list[Row]:
        """Return the first ``most`` rows.

        Raises:
            Unanswered: It did not work, or not before ``deadline``.
        """

    def is_stale(self) -> bool:
        """Tell whether it leads to something that is not there any more."""

    def close(self) -> None:
        """Close it; never fails."""


class Database(Protocol):
    """Where the tables are."""

    name: str
    """For the log; no secrets."""

    def connect(self, deadline: float) -> Connection:
        """Return a new connection.

        Raises:
            Unanswered: That did not work, or not before ``deadline``.
        """


class Connections:
    """Connections of one database; no more than there are threads that ask."""

    def __init__(
        self,
        database: Database,
        limit: float,
        idle: float,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect later.

        Args:
            database: Which one.
            limit: Seconds for an answer.
            idle: Seconds an unused connection is kept.
            seconds: A clock.
        """
        self._database = database
        self._limit = limit
        self._seconds = seconds
        self._idle: IdleConnections[Connection] = IdleConnections(idle, seconds)
        self._trouble = ServerTrouble(_log, database.name)

    def ask(self, question: Callable[[Connection, float], _T]) -> _T:
        """Return the answer; a kept connection that fails is replaced once.

        Args:
            question: Called with a connection and the deadline, perhaps twice.

        Raises:
            TemporaryFailure: There is none.
        """
        deadline = self._seconds() + self._limit
        try:
            kept = self._take()
            if kept is not None:
                try:
                    return self._use(kept, question, deadline)
                except Unanswered:
                    # It may have been closed long ago; so may the others be.
                    self.close()
            answer = self._use(self._database.connect(deadline), question, deadline)
        except Unanswered as error:
            self._trouble.tell(str(error))
            raise TemporaryFailure("the database does not answer") from None
        self._trouble.over()
        return answer

    def close(self) -> None:
        """Close what is not in use."""
        self._idle.close()

    def _take(self) -> Connection | None:
        taken = self._idle.take()
        if taken is not None and taken.is_stale():
            taken.close()
            return None
        return taken

    def _use(
        self,
        connection: Connection,
        question: Callable[[Connection, float], _T],
        deadline: float,
    ) -> _T:
        try:
            answer = question(connection, deadline)
        except BaseException:
            connection.close()
            raise
        self._idle.give(connection)
        return answer
