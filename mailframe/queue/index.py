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
from typing import cast

from mailframe.errors import MessageGone
from mailframe.queue.contract import Chosen, Counts, Parcel
from mailframe.queue.envelope_text import unpack_reverse_path
from mailframe.queue.records import (
    Added,
    Change,
    Hastened,
    Held,
    Recorded,
    Removed,
    Renewed,
    queue_id,
)
from mailframe.queue.rows import PARCEL, parcels
from mailframe.queue.taking import Taking
from mailframe.queue.view import sender_of

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

# What envelopes say, as envelope_text.py writes it.
_USER = "json_extract(origin, '$[5]')"
_HOLD_UNTIL = "json_extract(reverse_path, '$.hold_until')"

_HELD_BACK = (
    f"CREATE INDEX IF NOT EXISTS messages_held_back ON messages ({_USER},"
    f" {_HOLD_UNTIL}) WHERE {_HOLD_UNTIL} IS NOT NULL"
)


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
        db.execute("PRAGMA cache_size=-8000")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={_VERSION};COMMIT")
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"an index of version {version}")
        # Older ones of this version do not have it.
        db.execute(_HELD_BACK)
        db.create_function("sender_of", 1, _sender_of, deterministic=True)
        self.taking = Taking(db)

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
        gone: dict[int, None] = {}
        self._db.execute("BEGIN IMMEDIATE")
        try:
            # Results come together, and so go the messages that are settled:
            # a statement for each would cost several times as much.
            for kind, some in groupby(changes, key=_together):
                if kind is Recorded:
                    self._settle(cast("list[Recorded]", list(some)), gone)
                elif kind is Removed:
                    numbers = [change.number for change in cast("list[Removed]", some)]
                    self._remove(numbers)
                    gone.update(dict.fromkeys(numbers))
                else:
                    for change in some:
                        self._apply(change)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self.taking.back_to(min(map(_due, changes), default=float("inf")))
        return list(gone)

    def _apply(self, change: Change) -> None:
        match change:
            case Added():
                self._add(change)
            case Recorded():
                self._record(change)
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

    def _settle(self, changes: Sequence[Recorded], gone: dict[int, None]) -> None:
        """Record attempts that leave nobody waiting at their destinations."""
        left = self._left({one.number for one in changes})
        for change in changes:
            settled = set(change.gone)
            left[change.number] = {
                (destination, place)
                for destination, place in left.get(change.number, ())
                if place not in settled or change.destination not in (None, destination)
            }
        finished = [number for number, recipients in left.items() if not recipients]
        self._remove(finished)
        gone.update(dict.fromkeys(finished))
        for change in changes:
            if left[change.number]:
                self._record(change)

    def _left(self, numbers: Collection[int]) -> dict[int, set[tuple[str, int]]]:
        """Return destination and number of the recipients of some messages."""
        found: dict[int, set[tuple[str, int]]] = {}
        for message, *recipient in self._db.execute(
            "SELECT message, destination, number FROM recipients"
            " WHERE message IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        ).fetchall():
            found.setdefault(message, set()).add((recipient[0], recipient[1]))
        return found

    def _record(self, change: Recorded) -> None:
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

    def _remove(self, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        keys = (json.dumps(numbers),)
        for table, key in (
            ("messages", "number"),
            ("parcels", "message"),
            ("recipients", "message"),
            ("taken", "message"),
        ):
            self._db.execute(
                f"DELETE FROM {table} WHERE {key} IN"  # noqa: S608
                " (SELECT value FROM json_each(?))",
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
        return bool(self.there([number]))

    def there(self, numbers: Collection[int]) -> set[int]:
        """Return those of some messages that there are."""
        found = self._db.execute(
            "SELECT number FROM messages"
            " WHERE number IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        )
        return {number for (number,) in found.fetchall()}

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

    def next_due(self, after: float) -> float | None:
        """Return when the next parcel is due, later than ``after``."""
        times = []
        for group in self.taking.groups():
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
            f"{PARCEL} WHERE p.message=? ORDER BY p.destination", (number,)
        ).fetchall()
        if not rows:
            raise MessageGone(queue_id(number))
        return parcels(self._db, rows)

    def entries(self, after: int, limit: int, chosen: Chosen) -> list[list[Parcel]]:
        """Return chosen messages behind a number, in the order they came."""
        where, values = "number>?", list[object]([after])
        if chosen.held:
            where += " AND held"
        if chosen.destination is not None:
            where += (
                " AND EXISTS (SELECT 1 FROM parcels"
                " WHERE message=number AND destination=?)"
            )
            values.append(chosen.destination)
        if chosen.sender is not None:
            where += " AND sender_of(reverse_path)=?"
            values.append(chosen.sender)
        rows = self._db.execute(
            f"{PARCEL} WHERE p.message IN (SELECT number FROM messages"  # noqa: S608
            f" WHERE {where} ORDER BY number LIMIT ?)"
            " ORDER BY p.message, p.destination",
            (*values, limit),
        ).fetchall()
        found = parcels(self._db, rows)
        return [list(each) for _, each in groupby(found, key=lambda one: one.queue_id)]

    def later(self, number: int | None, destination: str | None, due: float) -> int:
        """Return how many parcels are due later than ``due``."""
        where, values = _meant(number, destination)
        (found,) = self._db.execute(
            f"SELECT count(*) FROM parcels WHERE due > ?{where}",  # noqa: S608
            (due, *values),
        ).fetchone()
        return int(found)

    def held_back(self, user: str, now: float) -> tuple[int, int]:
        """Return how many messages of a user are for later, and their octets."""
        messages, octets = self._db.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM messages"  # noqa: S608
            f" WHERE {_USER}=? AND {_HOLD_UNTIL}>?",
            (user, now),
        ).fetchone()
        return messages, octets

    def counts(self) -> Counts:
        """Return how much is there."""
        messages, held = self._db.execute(
            "SELECT count(*), total(held) FROM messages"
        ).fetchone()
        (parcels,) = self._db.execute("SELECT count(*) FROM parcels").fetchone()
        return Counts(messages, int(held), parcels)


def _meant(number: int | None, destination: str | None) -> tuple[str, list[object]]:
    """Return what picks parcels, as an SQL condition and its values."""
    where = ""
    values: list[object] = []
    for column, value in (("message", number), ("destination", destination)):
        if value is not None:
            where += f" AND {column}=?"
            values.append(value)
    return where, values


def _sender_of(reverse_path: str) -> str:
    return sender_of(unpack_reverse_path(reverse_path))


def _together(change: Change) -> type | None:
    """Return the kind of a change that is made together with others of it."""
    settles = isinstance(change, Recorded) and not change.kept
    return type(change) if settles or isinstance(change, Removed) else None


def _due(change: Change) -> float:
    """Return from when on something may be due that was not before."""
    match change:
        case Held():
            return float("-inf")
        case Renewed():
            return change.now
        case Removed():
            return float("inf")
        case _:
            return change.due
