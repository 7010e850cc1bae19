"""Users in a file of SQLite, opened for reading.

Everything here blocks, and runs in a thread.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import quote

from mailframe.auth.sql.connections import Row, Unanswered
from mailframe.auth.sql.queries import Query

_STEPS = 10_000
"""Instructions of SQLite's between two looks at the clock; about a millisecond."""


class SQLiteDatabase:
    """One file; it need not be there yet."""

    def __init__(
        self, path: str, limit: float, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Read ``path`` later.

        Args:
            path: The file.
            limit: Seconds to wait for somebody who writes.
            seconds: A clock.
        """
        self.name = path
        self._limit = limit
        self._seconds = seconds

    def connect(self, deadline: float) -> "SQLiteConnection":
        """Open the file.

        Raises:
            Unanswered: It cannot be opened.
        """
        left = min(self._limit, deadline - self._seconds())
        return SQLiteConnection(self.name, max(0.0, left), self._seconds)


class SQLiteConnection:
    """The file, open."""

    def __init__(self, path: str, limit: float, seconds: Callable[[], float]) -> None:
        """Open ``path``; see :meth:`SQLiteDatabase.connect`."""
        self._path = path
        self._seconds = seconds
        try:
            # Before opening: if another file takes its place now, we look again.
            self._version = self._identity()
            self._connection = sqlite3.connect(
                f"file:{quote(path)}?mode=ro",
                uri=True,
                timeout=limit,
                isolation_level=None,
                # One thread at a time has it, not always the same one.
                check_same_thread=False,
            )
        except OSError as error:
            raise Unanswered(error.strerror) from None
        except sqlite3.Error as error:
            raise Unanswered(str(error)) from None

    def rows(
        self, query: Query, values: Mapping[str, str], most: int, deadline: float
    ) -> list[Row]:
        """Return the first ``most`` rows.

        Raises:
            Unanswered: It did not work, or not before ``deadline``.
        """
        self._connection.set_progress_handler(
            lambda: self._seconds() > deadline, _STEPS
        )
        try:
            cursor = self._connection.execute(query.text, dict(values))
            names = [column[0].lower() for column in cursor.description or ()]
            found = cursor.fetchmany(most)
            # The rest is not wanted; a query left open would hold up writers.
            cursor.close()
        except sqlite3.Error as error:
            raise Unanswered(str(error)) from None
        return [dict(zip(names, row, strict=True)) for row in found]

    def is_stale(self) -> bool:
        """Tell whether another file has taken this one's place."""
        try:
            return self._identity() != self._version
        except OSError:
            return True

    def close(self) -> None:
        """Close it; never fails."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _identity(self) -> tuple[int, int]:
        status = os.stat(self._path)
        return status.st_dev, status.st_ino
