"""The index of one account: all that would be slow to read from the Maildir.

SQLite in WAL mode with ``synchronous=NORMAL``: a commit costs no flush, the
journal is what makes changes durable. No message body is kept here, and
whatever is kept can be made again from the directories.

One connection belongs to the writer thread, one to whoever holds the
account's reading lock.

Source: DESIGN.md section 4; https://www.sqlite.org/wal.html
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any

from mailframe.model.flag import NO_FLAGS, FlagSet, intern_flags
from mailframe.model.uid_set import UID_MAX, UIDSet

INDEX_FILE = "mailframe.index"
_VERSION = 4
_SHIFT = 32
_FLAG_SETS_MANY = 10_000

_SCHEMA = """
CREATE TABLE mailboxes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    directory TEXT NOT NULL UNIQUE,
    mailbox_id TEXT NOT NULL UNIQUE,
    uid_validity INTEGER NOT NULL,
    uid_next INTEGER NOT NULL,
    uid_reserved INTEGER NOT NULL,
    highest_modseq INTEGER NOT NULL,
    first_recent INTEGER NOT NULL,
    known_since INTEGER NOT NULL,
    new_mtime INTEGER NOT NULL,
    cur_mtime INTEGER NOT NULL,
    scanned INTEGER NOT NULL,
    special_use TEXT NOT NULL
);
CREATE TABLE account (highest_uid_validity INTEGER NOT NULL);
INSERT INTO account VALUES (0);
CREATE TABLE flag_sets (id INTEGER PRIMARY KEY, flags TEXT NOT NULL UNIQUE);
CREATE TABLE keywords (
    mailbox INTEGER NOT NULL,
    folded TEXT NOT NULL,
    keyword TEXT NOT NULL,
    PRIMARY KEY (mailbox, folded)
) WITHOUT ROWID;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    file TEXT NOT NULL,
    disk TEXT,
    owed INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    arrived INTEGER NOT NULL,
    date INTEGER NOT NULL,
    size INTEGER NOT NULL,
    lf INTEGER NOT NULL
);
CREATE INDEX owed ON messages (id) WHERE owed;
CREATE TABLE summaries (
    id INTEGER PRIMARY KEY,
    envelope BLOB NOT NULL,
    body_structure BLOB NOT NULL,
    body BLOB NOT NULL,
    sent INTEGER,
    subject TEXT NOT NULL,
    sort_from TEXT NOT NULL,
    sort_to TEXT NOT NULL,
    sort_cc TEXT NOT NULL,
    message_id TEXT NOT NULL,
    "references" TEXT NOT NULL,
    preview TEXT NOT NULL,
    content_hash TEXT NOT NULL
);
CREATE TABLE headers (
    id INTEGER PRIMARY KEY,
    header BLOB NOT NULL,
    plain INTEGER NOT NULL
);
CREATE TABLE columns (
    mailbox INTEGER PRIMARY KEY,
    modseq INTEGER NOT NULL,
    octets BLOB NOT NULL
);
CREATE TABLE vanished (
    mailbox INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, low)
) WITHOUT ROWID;
CREATE TABLE removals (
    mailbox INTEGER NOT NULL,
    file TEXT NOT NULL,
    disk TEXT,
    PRIMARY KEY (mailbox, file)
) WITHOUT ROWID;
"""
_MAKE = f"BEGIN;{_SCHEMA}PRAGMA user_version={_VERSION};COMMIT;"
# messages.id, summaries.id and headers.id are mailbox << 32 | UID. plain says
# that a text of ASCII stands in the header as it is or not at all. disk is the
# letters in the file's name, NULL while the file is in new/. owed says that the
# name on disk does not say yet what flags says. columns has a copy of some of
# messages, see kept_columns.py.

_MAILBOX_COLUMNS = (
    "id, name, directory, mailbox_id, uid_validity, uid_next, uid_reserved,"
    " highest_modseq, first_recent, known_since, new_mtime, cur_mtime, scanned,"
    " special_use"
)


@dataclass(slots=True)
class MailboxRow:
    """What the index knows of a mailbox.

    Attributes:
        id: Number in the index; no number is used twice.
        name: Its name.
        directory: Below the account's; ``""`` for INBOX.
        mailbox_id: Stays over renames and over a new index.
        uid_validity: 1 to 2**32 - 1.
        uid_next: The UID of the next message.
        uid_reserved: What the mailbox's own file says no UID has reached.
        highest_modseq: Of the last change.
        first_recent: Messages from this UID on were told to no session.
        known_since: The log of vanished messages is whole after this.
        new_mtime: Of ``new/`` in nanoseconds when it was last in step, or 0.
        cur_mtime: The same for ``cur/``.
        scanned: Whether the files were ever all looked at.
        special_use: Attributes of RFC 6154, space between.
    """

    id: int
    name: str
    directory: str
    mailbox_id: str
    uid_validity: int
    uid_next: int
    uid_reserved: int
    highest_modseq: int
    first_recent: int
    known_since: int
    new_mtime: int
    cur_mtime: int
    scanned: int
    special_use: str

    def span(self) -> tuple[int, int]:
        """Return the first and last number its messages can have in the index."""
        return self.id << _SHIFT, self.id << _SHIFT | UID_MAX

    def spans(self, uids: UIDSet) -> Iterator[tuple[int, int]]:
        """Yield the numbers of some messages as ranges, ascending."""
        base = self.id << _SHIFT
        for low, high in uids.ranges:
            yield base + low, base + min(high, UID_MAX)


_fields = attrgetter(*(one.name for one in fields(MailboxRow)))


def snapshot(row: MailboxRow) -> MailboxRow:
    """Return a copy of a row for another thread."""
    return MailboxRow(*_fields(row))


class Index:
    """One connection to the index of an account; for one thread at a time."""

    def __init__(self, path: str, *, reading: bool = False) -> None:
        """Open the index, making its tables when there are none.

        Args:
            path: The file.
            reading: Never write; the file must be there.

        Raises:
            sqlite3.DatabaseError: It is damaged, of another version, or cannot
                be opened.
        """
        self.path = path
        if not reading and not os.path.exists(path):
            _make(path)
        self._connection = sqlite3.connect(
            path, timeout=5.0, isolation_level=None, check_same_thread=False
        )
        self.execute = self._connection.execute
        self.executemany = self._connection.executemany
        self._sets: dict[int, FlagSet] = {}
        self._numbers: dict[FlagSet, int] = {}
        try:
            self._prepare(reading)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, reading: bool) -> None:
        if reading:
            self.execute("PRAGMA query_only=1")
            return
        self.execute("PRAGMA synchronous=NORMAL")
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA journal_size_limit=16777216")
        (version,) = self.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._connection.executescript(_MAKE)
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"index version {version}")
        (sets,) = self.execute("SELECT count(*) FROM flag_sets").fetchone()
        if sets > _FLAG_SETS_MANY:
            self.execute(
                "DELETE FROM flag_sets WHERE id NOT IN (SELECT flags FROM messages)"
            )

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def forget_flag_sets(self) -> None:
        """Read their numbers again: another process may have changed them."""
        self._sets.clear()
        self._numbers.clear()

    def rollback(self, to: str | None = None) -> None:
        """Take back all, or what came after a savepoint, which is released."""
        self.forget_flag_sets()
        if to is None:
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
        elif self._connection.in_transaction:
            self.execute(f"ROLLBACK TO {to}")
            self.execute(f"RELEASE {to}")

    def close(self) -> None:
        """Close the connection; never raises."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def mailboxes(self) -> list[MailboxRow]:
        """Return all mailboxes."""
        rows = self.execute(f"SELECT {_MAILBOX_COLUMNS} FROM mailboxes")  # noqa: S608
        return [MailboxRow(*row) for row in rows]

    def mailbox(self, mailbox_id: str) -> MailboxRow | None:
        """Return one mailbox, or ``None``."""
        row = self.execute(
            f"SELECT {_MAILBOX_COLUMNS} FROM mailboxes WHERE mailbox_id=?",  # noqa: S608
            (mailbox_id,),
        ).fetchone()
        return MailboxRow(*row) if row else None

    def add_mailbox(self, row: MailboxRow) -> None:
        """Add a mailbox; ``row.id`` is filled in."""
        values = _values(row)
        cursor = self.execute(
            f"INSERT INTO mailboxes ({_MAILBOX_COLUMNS})"  # noqa: S608
            f" VALUES (NULL{',?' * (len(values) - 1)})",
            values[1:],
        )
        assert cursor.lastrowid is not None
        row.id = cursor.lastrowid
        self.execute(
            "UPDATE account SET highest_uid_validity=max(highest_uid_validity, ?)",
            (row.uid_validity,),
        )

    def update_mailbox(self, row: MailboxRow) -> None:
        """Write a mailbox's row back."""
        self.execute(
            "UPDATE mailboxes SET name=?, directory=?, uid_next=?, uid_reserved=?,"
            " highest_modseq=?, first_recent=?, new_mtime=?, cur_mtime=?, scanned=?"
            " WHERE id=?",
            (
                row.name,
                row.directory,
                row.uid_next,
                row.uid_reserved,
                row.highest_modseq,
                row.first_recent,
                row.new_mtime,
                row.cur_mtime,
                row.scanned,
                row.id,
            ),
        )

    def remove_mailbox(self, row: MailboxRow) -> None:
        """Forget a mailbox and all that is known of it."""
        span = row.span()
        for table in ("messages", "summaries", "headers"):
            self.execute(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", span)  # noqa: S608
        for table in ("keywords", "columns", "vanished", "removals"):
            self.execute(f"DELETE FROM {table} WHERE mailbox=?", (row.id,))  # noqa: S608
        self.execute("DELETE FROM mailboxes WHERE id=?", (row.id,))

    def highest_uid_validity(self) -> int:
        """Return the highest UIDVALIDITY any mailbox of the account ever had."""
        (highest,) = self.execute("SELECT highest_uid_validity FROM account").fetchone()
        return int(highest)

    def flag_set(self, number: int) -> FlagSet:
        """Return the flags that are kept as ``number``."""
        try:
            return self._sets[number]
        except KeyError:
            self._load_flag_sets()
            return self._sets.get(number, NO_FLAGS)

    def flag_sets(self, numbers: Any) -> list[FlagSet]:
        """Return the flags of a column of numbers."""
        sets = self._sets
        if not sets.keys() >= set(numbers):
            self._load_flag_sets()
        return [sets[number] for number in numbers]

    def flag_numbers_with(self, flag: str) -> list[int]:
        """Return the numbers of all kept flag sets that have a flag in them."""
        self._load_flag_sets()
        return [number for number, flags in self._sets.items() if flag in flags]

    def flag_number(self, flags: FlagSet) -> int:
        """Return the number that stands for these flags, a new one if need be."""
        number = self._numbers.get(flags)
        if number is None:
            self._load_flag_sets()
            number = self._numbers.get(flags)
        if number is None:
            cursor = self.execute(
                "INSERT INTO flag_sets (flags) VALUES (?)", (" ".join(sorted(flags)),)
            )
            assert cursor.lastrowid is not None
            number = cursor.lastrowid
            self._sets[number] = intern_flags(flags)
            self._numbers[flags] = number
        return number

    def _load_flag_sets(self) -> None:
        for number, text in self.execute("SELECT id, flags FROM flag_sets"):
            flags = intern_flags(frozenset(text.split()))
            self._sets[number] = flags
            self._numbers[flags] = number

    def keywords(self, row: MailboxRow) -> dict[str, str]:
        """Return the keywords of a mailbox in their spelling, by folded name."""
        return dict(
            self.execute(
                "SELECT folded, keyword FROM keywords WHERE mailbox=?", (row.id,)
            ).fetchall()
        )

    def vanished_since(self, row: MailboxRow, since: int) -> UIDSet:
        """Return what vanished after a mod-sequence, as far as the log goes."""
        return UIDSet(
            self.execute(
                "SELECT low, high FROM vanished WHERE mailbox=? AND modseq>?",
                (row.id, since),
            ).fetchall()
        )


def _values(row: MailboxRow) -> tuple[Any, ...]:
    return tuple(getattr(row, name.strip()) for name in _MAILBOX_COLUMNS.split(","))


def _make(path: str) -> None:
    """Make an index without mailboxes, where there is none.

    SQLite gives the -wal and -shm files the mode of this one.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with open(fd, "wb") as file:
        file.write(_empty())


@cache
def _empty() -> bytes:
    """Return the octets of an index without mailboxes: SQLite needs longer for it.

    Source: https://www.sqlite.org/fileformat2.html section 1.3.3 (WAL from the
    beginning).
    """
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with closing(connection):
        connection.executescript(_MAKE)
        if not hasattr(connection, "serialize"):
            return b""
        octets = bytearray(connection.serialize())
    octets[18:20] = b"\2\2"
    return bytes(octets)


def remove_index(path: str) -> None:
    """Remove an index that is good for nothing."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(path + suffix)
