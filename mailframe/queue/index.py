"""The spool's index: everything about queued messages but their content.

SQLite in WAL mode with ``synchronous=NORMAL``: a commit costs no flush, the
journal is what makes changes durable, and a power loss leaves the state after
some earlier commit. Rows stay in the file; memory holds SQLite's page cache
and the names of what was handed out.

All calls are for one thread, or for one after another.

Source: docs/queue.rst; https://www.sqlite.org/wal.html
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

from mailframe.errors import MessageGone
from mailframe.model.envelope import Envelope
from mailframe.queue.contract import Counts, Parcel, Recipient
from mailframe.queue.envelope_text import (
    unpack_forward_path,
    unpack_origin,
    unpack_reverse_path,
)
from mailframe.queue.records import (
    BUCKETS,
    Added,
    Change,
    Hastened,
    Held,
    Recorded,
    Removed,
    Renewed,
    queue_id,
    unpack_outcome,
)

_VERSION = 1

_SCHEMA = """
CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    reverse_path TEXT NOT NULL,
    origin TEXT NOT NULL,
    arrived REAL NOT NULL,
    size INTEGER NOT NULL,
    held INTEGER NOT NULL
);
CREATE TABLE parcels (
    message INTEGER NOT NULL,
    destination TEXT NOT NULL,
    priority INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    due REAL NOT NULL,
    attempts INTEGER NOT NULL,
    held INTEGER NOT NULL,
    PRIMARY KEY (message, destination)
) WITHOUT ROWID;
CREATE INDEX parcels_due ON parcels (priority, bucket, due, destination)
    WHERE NOT held;
CREATE INDEX parcels_to ON parcels (destination, priority, bucket, due)
    WHERE NOT held;
CREATE TABLE recipients (
    message INTEGER NOT NULL,
    destination TEXT NOT NULL,
    number INTEGER NOT NULL,
    path TEXT NOT NULL,
    tried REAL,
    last TEXT,
    warned INTEGER NOT NULL,
    PRIMARY KEY (message, destination, number)
) WITHOUT ROWID;
"""

_PARCEL = """
SELECT p.message, p.destination, p.due, p.attempts, p.held,
       m.reverse_path, m.origin, m.arrived, m.size
FROM parcels p JOIN messages m ON m.number = p.message
"""
_FREE = """
AND NOT EXISTS (SELECT 1 FROM taken t
                WHERE t.message = p.message AND t.destination = p.destination)
"""


class Index:
    """One connection to the index."""

    def __init__(self, path: str) -> None:
        """Open or make it.

        Raises:
            sqlite3.Error: It cannot be used, or another version made it.
        """
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        db = self._db
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA temp_store=MEMORY")
        db.execute("PRAGMA cache_size=-16000")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={_VERSION};COMMIT")
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"an index of version {version}")
        db.execute(
            "CREATE TEMP TABLE taken (message INTEGER, destination TEXT,"
            " PRIMARY KEY (message, destination)) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def sync(self) -> None:
        """Make all commits durable.

        Raises:
            sqlite3.Error: That cannot be done.
        """
        busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("the index is in use elsewhere")

    # Changes.

    def apply(self, changes: Collection[Change]) -> list[int]:
        """Make changes, all or none.

        Returns:
            Numbers of messages that are no longer there.

        Raises:
            sqlite3.Error: Nothing was changed.
        """
        gone: list[int] = []
        removed = 0
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                if isinstance(change, Recorded) and self._is_last(change):
                    gone.append(change.number)
                    continue
                # Messages go together: that is a quarter of the work.
                self._remove(gone[removed:])
                removed = len(gone)
                self._apply(change, gone)
            self._remove(gone[removed:])
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return gone

    def _apply(self, change: Change, gone: list[int]) -> None:
        match change:
            case Added():
                self._add(change)
            case Recorded():
                self._record(change, gone)
            case Removed():
                gone.append(change.number)
            case Held():
                for table, key in (("messages", "number"), ("parcels", "message")):
                    self._db.execute(
                        f"UPDATE {table} SET held = ? WHERE {key} = ?",  # noqa: S608
                        (change.held, change.number),
                    )
            case Hastened():
                where, values = _meant(change.number, change.destination)
                self._db.execute(
                    f"UPDATE parcels SET due = ? WHERE due > ?{where}",  # noqa: S608
                    (change.due, change.due, *values),
                )
            case Renewed():
                self._renew(change)

    def _add(self, change: Added) -> None:
        number = change.number
        made = self._db.execute(
            "INSERT OR IGNORE INTO messages VALUES (?,?,?,?,?,0)",
            (
                number,
                change.reverse_path,
                change.origin,
                change.arrived,
                change.size,
            ),
        )
        if not made.rowcount:
            return  # a replay of what the index has already
        for destination, recipients in change.parcels:
            self._db.execute(
                "INSERT INTO parcels VALUES (?,?,?,?,?,0,0)",
                (number, destination, change.priority, change.bucket, change.due),
            )
            self._db.executemany(
                "INSERT INTO recipients VALUES (?,?,?,?,NULL,NULL,0)",
                [(number, destination, place, path) for place, path in recipients],
            )

    def _is_last(self, change: Recorded) -> bool:
        """Tell whether a change settles all that is left of a message."""
        return not change.kept and (
            self._db.execute(
                "SELECT 1 FROM recipients WHERE message=? AND (destination<>?"
                " OR number NOT IN (SELECT value FROM json_each(?))) LIMIT 1",
                (change.number, change.destination, json.dumps(change.gone)),
            ).fetchone()
            is None
        )

    def _record(self, change: Recorded, gone: list[int]) -> None:
        db, number, destination = self._db, change.number, change.destination
        where, values = _meant(number, destination)
        key = (number, *values[1:])
        if destination is not None:
            db.execute("DELETE FROM taken WHERE message=? AND destination=?", key)
        db.executemany(
            f"DELETE FROM recipients WHERE number=?{where}",  # noqa: S608
            [(place, *key) for place in change.gone],
        )
        db.executemany(
            f"UPDATE recipients SET tried=?, last=?, warned=? WHERE number=?{where}",  # noqa: S608
            [
                (change.tried, json.dumps(last), warned, place, *key)
                for place, last, warned in change.kept
            ],
        )
        db.execute(
            f"UPDATE parcels SET due=?, attempts=? WHERE 1{where}",  # noqa: S608
            (change.due, change.attempts, *key),
        )
        if change.gone:
            db.execute(
                f"DELETE FROM parcels WHERE 1{where} AND NOT EXISTS"  # noqa: S608
                " (SELECT 1 FROM recipients r WHERE r.message = parcels.message"
                " AND r.destination = parcels.destination)",
                key,
            )
            left = db.execute(
                "SELECT 1 FROM parcels WHERE message=? LIMIT 1", (number,)
            ).fetchone()
            if left is None:
                gone.append(number)

    def _remove(self, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        keys = [(number,) for number in numbers]
        self._db.executemany("DELETE FROM messages WHERE number=?", keys)
        for table in ("parcels", "recipients", "taken"):
            self._db.executemany(
                f"DELETE FROM {table} WHERE message=?",  # noqa: S608
                keys,
            )

    def _renew(self, change: Renewed) -> None:
        number, now = change.number, change.now
        self._db.execute("UPDATE messages SET arrived=? WHERE number=?", (now, number))
        self._db.execute(
            "UPDATE parcels SET due=?, attempts=0 WHERE message=?", (now, number)
        )
        self._db.execute("UPDATE recipients SET warned=0 WHERE message=?", (number,))

    # Questions.

    def has(self, number: int) -> bool:
        """Tell whether there is such a message."""
        return (
            self._db.execute(
                "SELECT 1 FROM messages WHERE number=?", (number,)
            ).fetchone()
            is not None
        )

    def numbers(self) -> Iterator[int]:
        """Return the numbers of all messages, ascending."""
        for (number,) in self._db.execute("SELECT number FROM messages ORDER BY 1"):
            yield number

    def highest(self) -> int:
        """Return the highest number, 0 if there is no message."""
        (found,) = self._db.execute("SELECT max(number) FROM messages").fetchone()
        return found or 0

    def size(self, number: int) -> int:
        """Return the size of a message's content.

        Raises:
            MessageGone: There is no such message.
        """
        found = self._db.execute(
            "SELECT size FROM messages WHERE number=?", (number,)
        ).fetchone()
        if found is None:
            raise MessageGone(queue_id(number))
        return int(found[0])

    def take(self, now: float, limit: int, without: Collection[str]) -> list[Parcel]:
        """Hand out parcels; see :class:`IQueueSpool`."""
        return self._take(
            "SELECT priority, bucket FROM parcels INDEXED BY parcels_due"
            " WHERE NOT held AND (priority, bucket) < (?, ?)"
            " ORDER BY priority DESC, bucket DESC LIMIT 1",
            (),
            f"{_PARCEL} WHERE NOT p.held"  # noqa: S608
            " AND p.priority=? AND p.bucket=? AND p.due<=?"
            " AND p.destination NOT IN (SELECT value FROM json_each(?))"
            f"{_FREE} ORDER BY p.due LIMIT ?",
            (now, json.dumps(list(without))),
            limit,
        )

    def take_for(self, destination: str, now: float, limit: int) -> list[Parcel]:
        """Hand out parcels for one destination; see :class:`IQueueSpool`."""
        return self._take(
            "SELECT priority, bucket FROM parcels INDEXED BY parcels_to"
            " WHERE NOT held AND destination=? AND (priority, bucket) < (?, ?)"
            " ORDER BY priority DESC, bucket DESC LIMIT 1",
            (destination,),
            f"{_PARCEL} WHERE NOT p.held AND p.priority=? AND p.bucket=? AND p.due<=?"
            f" AND p.destination=?{_FREE} ORDER BY p.due LIMIT ?",
            (now, destination),
            limit,
        )

    def _take(
        self,
        next_group: str,
        key: tuple[object, ...],
        query: str,
        values: tuple[object, ...],
        limit: int,
    ) -> list[Parcel]:
        """Walk the groups (priority and senders), a share of each in turn."""
        found: list[Any] = []
        groups = list(self._groups(next_group, key))
        for _, level in groupby(groups, key=lambda group: group[0]):
            buckets = list(level)
            while buckets and len(found) < limit:
                share = max(1, (limit - len(found)) // len(buckets))
                left = []
                for group in buckets:
                    most = min(share, limit - len(found))
                    rows = self._db.execute(query, (*group, *values, most)).fetchall()
                    self._mark(rows)
                    found += rows
                    if len(rows) == most and most:
                        left.append(group)
                buckets = left
        return [self._parcel(row) for row in found]

    def _groups(self, query: str, key: tuple[object, ...]) -> Iterator[tuple[int, int]]:
        last: tuple[int, int] | None = (1000, BUCKETS)
        while last is not None:
            last = self._db.execute(query, (*key, *last)).fetchone()
            if last is not None:
                yield last

    def _mark(self, rows: Sequence[Any]) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO taken VALUES (?,?)", [row[:2] for row in rows]
        )

    def give_back(self, keys: Collection[tuple[int, str]]) -> None:
        """Let parcels be handed out again."""
        self._db.executemany(
            "DELETE FROM taken WHERE message=? AND destination=?", keys
        )

    def next_due(self, after: float) -> float | None:
        """Return when the next parcel is due, later than ``after``."""
        times = []
        for group in self._groups(
            "SELECT priority, bucket FROM parcels INDEXED BY parcels_due"
            " WHERE NOT held AND (priority, bucket) < (?, ?)"
            " ORDER BY priority DESC, bucket DESC LIMIT 1",
            (),
        ):
            (found,) = self._db.execute(
                "SELECT min(due) FROM parcels WHERE NOT held AND priority=?"
                " AND bucket=? AND due>?",
                (*group, after),
            ).fetchone()
            if found is not None:
                times.append(found)
        return min(times, default=None)

    def due(self, before: float, limit: int) -> list[list[Parcel]]:
        """Return messages with a parcel that is due, soonest first."""
        found = self._db.execute(
            "SELECT message, min(due) AS soonest FROM parcels"
            " WHERE NOT held AND due<=? GROUP BY message ORDER BY soonest LIMIT ?",
            (before, limit),
        ).fetchall()
        return [self.parcels(number) for number, _ in found]

    def parcels(self, number: int) -> list[Parcel]:
        """Return all parcels of a message.

        Raises:
            MessageGone: There is no such message.
        """
        rows = self._db.execute(
            f"{_PARCEL} WHERE p.message=? ORDER BY p.destination", (number,)
        ).fetchall()
        if not rows:
            raise MessageGone(queue_id(number))
        return [self._parcel(row) for row in rows]

    def entries(self, after: int, limit: int) -> list[list[Parcel]]:
        """Return messages behind a number, in the order they came."""
        found = self._db.execute(
            "SELECT number FROM messages WHERE number>? ORDER BY number LIMIT ?",
            (after, limit),
        ).fetchall()
        return [self.parcels(number) for (number,) in found]

    def later(self, number: int | None, destination: str | None, due: float) -> int:
        """Return how many parcels are due later than ``due``."""
        where, values = _meant(number, destination)
        (found,) = self._db.execute(
            f"SELECT count(*) FROM parcels WHERE due > ?{where}",  # noqa: S608
            (due, *values),
        ).fetchone()
        return int(found)

    def counts(self) -> Counts:
        """Return how much is there."""
        messages, held = self._db.execute(
            "SELECT count(*), total(held) FROM messages"
        ).fetchone()
        (parcels,) = self._db.execute("SELECT count(*) FROM parcels").fetchone()
        return Counts(messages, int(held), parcels)

    def _parcel(self, row: Any) -> Parcel:
        number, destination, due, attempts, held, sender, origin, arrived, size = row
        recipients = tuple(
            Recipient(
                place,
                unpack_forward_path(path),
                tried,
                None if last is None else unpack_outcome(json.loads(last)),
                bool(warned),
            )
            for place, path, tried, last, warned in self._db.execute(
                "SELECT number, path, tried, last, warned FROM recipients"
                " WHERE message=? AND destination=? ORDER BY number",
                (number, destination),
            )
        )
        envelope = Envelope(
            unpack_reverse_path(sender),
            tuple(one.path for one in recipients),
            unpack_origin(origin),
        )
        return Parcel(
            queue_id(number),
            destination,
            envelope,
            recipients,
            arrived,
            attempts,
            due,
            size,
            bool(held),
        )


def _meant(number: int | None, destination: str | None) -> tuple[str, list[object]]:
    """Return what picks parcels, as an SQL condition and its values."""
    where = ""
    values: list[object] = []
    for column, value in (("message", number), ("destination", destination)):
        if value is not None:
            where += f" AND {column}=?"
            values.append(value)
    return where, values
