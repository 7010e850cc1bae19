"""What greylisting remembers, in SQLite: a file, or memory alone.

All of it runs in a thread, one call at a time. Loss of the last second costs a
few senders another wait, so nothing is synced for it.
"""

import sqlite3
from dataclasses import dataclass

_SCHEMA = """
CREATE TABLE IF NOT EXISTS triplets (
    key TEXT PRIMARY KEY, first REAL NOT NULL, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS triplets_expires ON triplets (expires);
CREATE TABLE IF NOT EXISTS clients (
    client TEXT PRIMARY KEY, passed INTEGER NOT NULL, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS clients_expires ON clients (expires);
"""

# Those that would expire first go first when there are too many.
_SWEEPS = (
    (
        "DELETE FROM triplets WHERE expires <= ?",
        "SELECT count(*) FROM triplets",
        "DELETE FROM triplets WHERE key IN"
        " (SELECT key FROM triplets ORDER BY expires LIMIT ?)",
    ),
    (
        "DELETE FROM clients WHERE expires <= ?",
        "SELECT count(*) FROM clients",
        "DELETE FROM clients WHERE client IN"
        " (SELECT client FROM clients ORDER BY expires LIMIT ?)",
    ),
)

_SWEEP = 1000
"""Questions between two sweeps of what has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GreylistTimes:
    """How long things take, in seconds.

    Attributes:
        delay: Before a sender who comes again is let in.
        retry: In which it has to come again.
        keep: For how long one who came again is remembered.
        known: How often a client has to have come again before it is let in
            with any sender; 0 for never.
    """

    delay: float = 300.0
    retry: float = 172_800.0
    keep: float = 3_024_000.0
    known: int = 5


class GreylistStore:
    """Triplets and clients, and when they came."""

    def __init__(self, path: str, times: GreylistTimes, most: int) -> None:
        """Prepare; the file is opened with the first question.

        Args:
            path: Of the database, or ``:memory:``.
            times: How long things take.
            most: Rows of each table.
        """
        self._path = path
        self._times = times
        self._most = most
        self._database: sqlite3.Connection | None = None
        self._questions = 0

    def wait(self, client: str, key: str, now: float) -> float:
        """Return for how many seconds a sender has to wait, 0 for no longer.

        Args:
            client: The network it is in.
            key: Client, sender and recipient as one text.
            now: Seconds since 1970.

        Raises:
            sqlite3.Error: The database is broken or the disk is full.
        """
        database = self._open()
        with database:
            self._sweep(database, now)
            if self._is_known(database, client, now):
                return 0.0
            row = database.execute(
                "SELECT first FROM triplets WHERE key = ? AND expires > ?", (key, now)
            ).fetchone()
            times = self._times
            if row is None:
                database.execute(
                    "INSERT OR REPLACE INTO triplets VALUES (?, ?, ?)",
                    (key, now, now + times.retry),
                )
                return times.delay
            left: float = row[0] + times.delay - now
            if left > 0:
                return left
            database.execute(
                "UPDATE triplets SET expires = ? WHERE key = ?", (now + times.keep, key)
            )
            database.execute(
                "INSERT INTO clients VALUES (?, 1, ?) ON CONFLICT (client)"
                " DO UPDATE SET passed = passed + 1, expires = excluded.expires",
                (client, now + times.keep),
            )
        return 0.0

    def close(self) -> None:
        """Close the database."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _is_known(self, database: sqlite3.Connection, client: str, now: float) -> bool:
        known = self._times.known
        if not known:
            return False
        changed = database.execute(
            "UPDATE clients SET expires = ?"
            " WHERE client = ? AND passed >= ? AND expires > ?",
            (now + self._times.keep, client, known, now),
        )
        return changed.rowcount > 0

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            # Any thread of the pool may ask, but only one at a time.
            database = sqlite3.connect(self._path, check_same_thread=False)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=OFF")
            database.executescript(_SCHEMA)
            self._database = database
        return self._database

    def _sweep(self, database: sqlite3.Connection, now: float) -> None:
        """Take out what has expired, and what is too much."""
        self._questions += 1
        if self._questions % min(_SWEEP, self._most):
            return
        for expire, count, shorten in _SWEEPS:
            database.execute(expire, (now,))
            (rows,) = database.execute(count).fetchone()
            if rows > self._most:
                database.execute(shorten, (rows - self._most,))
