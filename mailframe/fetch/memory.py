"""What was collected already: one SQLite file, two states of a message.

*begun* is written before a message is given to the local account, *had* after
it. Both are on disk when the call returns, so that after a crash nobody has to
guess which messages may be in the account twice or not at all.

A row goes when the message is no longer there (its name may then be given to
another one), and when the server says that its names mean nothing any more.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    source TEXT NOT NULL,
    epoch TEXT NOT NULL,
    name TEXT NOT NULL,
    token TEXT,
    date INTEGER,
    PRIMARY KEY (source, epoch, name)
) WITHOUT ROWID;
"""

BUSY = 30.0
"""Seconds to wait for another program that reads the file."""


class RunInThread(Protocol):
    """Runs a call in a thread, such as a partial ``deferToThreadPool``."""

    def __call__(self, call: Callable[[], T], /) -> "Deferred[T]":
        """Return what it returned."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A message that was given to the local account, or perhaps not.

    Attributes:
        name: UIDL, or UID.
        token: What its Received field has as ``id``.
        date: Its internal date.
    """

    name: str
    token: str
    date: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of one source in one epoch.

    Attributes:
        had: The names of messages that are ours.
        begun: Those of which it must be found out.
    """

    had: frozenset[str]
    begun: Sequence[Begun]


class FetchMemory:
    """Remembers messages by source, epoch (UIDVALIDITY) and name (UID, UIDL)."""

    def __init__(self, path: Path, run: RunInThread) -> None:
        """Prepare; the file is opened with the first question.

        Args:
            path: Of the database.
            run: Runs a call in a thread.
        """
        self._path = path
        self._run = run
        self._lock = Lock()
        self._database: sqlite3.Connection | None = None
        self._closed = False

    def recall(self, source: str, epoch: str) -> "Deferred[Remembered]":
        """Return what is known; rows of other epochs go."""

        def ask(database: sqlite3.Connection) -> Remembered:
            database.execute(
                "DELETE FROM messages WHERE source = ? AND epoch != ?", (source, epoch)
            )
            rows = database.execute(
                "SELECT name, token, date FROM messages WHERE source = ? AND epoch = ?",
                (source, epoch),
            ).fetchall()
            return Remembered(
                frozenset(name for name, token, _ in rows if token is None),
                [Begun(*row) for row in rows if row[1] is not None],
            )

        return self._do(ask)

    def begin(self, source: str, epoch: str, begun: Begun) -> "Deferred[None]":
        """Say that a message is about to be given to the local account."""

        def put(database: sqlite3.Connection) -> None:
            database.execute(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?)",
                (source, epoch, begun.name, begun.token, begun.date),
            )

        return self._do(put)

    def have(self, source: str, epoch: str, name: str) -> "Deferred[None]":
        """Say that a message is in the local account."""

        def put(database: sqlite3.Connection) -> None:
            database.execute(
                "UPDATE messages SET token = NULL, date = NULL"
                " WHERE source = ? AND epoch = ? AND name = ?",
                (source, epoch, name),
            )

        return self._do(put)

    def forget(self, source: str, epoch: str, names: Iterable[str]) -> "Deferred[None]":
        """Take messages out."""
        rows = [(source, epoch, name) for name in names]

        def take(database: sqlite3.Connection) -> None:
            database.executemany(
                "DELETE FROM messages WHERE source = ? AND epoch = ? AND name = ?", rows
            )

        return self._do(take)

    def close(self) -> None:
        """Close the file; whoever asks later gets an error."""
        with self._lock:
            self._closed = True
            database, self._database = self._database, None
            if database is not None:
                database.close()

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> "Deferred[T]":
        def call() -> T:
            # One transaction at a time: threads share the connection.
            with self._lock:
                if self._closed:
                    raise sqlite3.ProgrammingError("closed")
                database = self._open()
                with database:
                    return work(database)

        return self._run(call)

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            database: Any = sqlite3.connect(
                self._path, timeout=BUSY, check_same_thread=False
            )
            database.execute("PRAGMA journal_mode=WAL")
            # Each commit is on disk before anything depends on it.
            database.execute("PRAGMA synchronous=FULL")
            database.executescript(_SCHEMA)
            self._database = database
        assert self._database is not None
        return self._database
