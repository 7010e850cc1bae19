"""One account on disk as the writer thread sees it: directories and index.

Every change of an account is a job in the store's one writer thread. The jobs
are functions over an :class:`AccountStore` (``arrival``, ``flagging``,
``transfer``, ``folders``, ``adoption``, ``tidy``); this module gives each of them
its share of the account's transaction, and turns what the disk says into what
a user may know. Nothing here runs in the reactor thread.

Source: DESIGN.md sections 4 and 5.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from twisted.logger import Logger

from mailframe.errors import (
    InsufficientStorage,
    LimitExceeded,
    MailError,
    NoSuchMailbox,
    TemporaryFailure,
)
from mailframe.limits import IMAPLimits
from mailframe.model.flag import FlagSet, intern_flags
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir.filer import Filer
from mailframe.storage.maildir.filing import Filing
from mailframe.storage.maildir.identity import (
    IDENTITY_FILE,
    UID_RESERVE,
    Identity,
    write_identity,
)
from mailframe.storage.maildir.index import (
    INDEX_FILE,
    Index,
    MailboxRow,
    remove_index,
)
from mailframe.storage.maildir.letters import Letters, read_letters
from mailframe.storage.maildir.quota import Usage
from mailframe.storage.maildir.room import Room
from mailframe.storage.os_layer import REAL, OSLayer, refusal
from mailframe.storage.writer import Batch

_log = Logger()
_DAMAGED = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
_KEYWORDS_MAX = IMAPLimits().keywords

Added = tuple[int, FlagSet, int, int]
"""UID, flags, internal date and size of a message that came."""


class IndexDamaged(TemporaryFailure):
    """The index cannot be read; it will be made again from the directories."""


@dataclass(slots=True)
class Delta:
    """What one job did to one mailbox, for the reactor thread to take over.

    Attributes:
        row: The mailbox afterwards.
        added: Messages that came, ascending by UID.
        changed: Messages that have these flags now.
        removed: Messages that went.
        keywords: All keywords by folded name, or ``None`` if none is new.
        unfiled: Whether ``added`` is in the journal and not in the index yet.
        named: Whether the names of ``added`` say what the index says.
    """

    row: MailboxRow
    added: list[Added]
    changed: list[tuple[UIDSet, FlagSet]]
    removed: UIDSet = UIDSet.EMPTY
    keywords: dict[str, str] | None = None
    unfiled: bool = False
    named: bool = False

    def owes_names(self) -> bool:
        """Tell whether names of files may have to follow."""
        if self.changed or self.removed:
            return True
        if self.unfiled or self.named:
            return False
        return any(flags for _, flags, _, _ in self.added)


class AccountStore:
    """The writer thread's hold on one account.

    Attributes:
        root: The account's directory, that of INBOX too.
        address: Whose it is.
        os_layer: How to change files.
        suspect_since: What arrived from this second on may be incomplete,
            since there was a crash; ``None`` if there was none.
        index: The writing connection; there while :meth:`ready` was called.
        usage: Keeps the account to its bounds.
        filing: The messages that are in the journal only.
    """

    def __init__(
        self,
        root: str,
        address: str,
        os_layer: OSLayer = REAL,
        suspect_since: int | None = None,
        owing: dict[str, Filing] | None = None,
        filer: Filer | None = None,
        room: Room | None = None,
    ) -> None:
        """Say where; nothing is touched yet.

        Args:
            root: The account's directory.
            address: Whose it is.
            os_layer: How to change files.
            suspect_since: See above.
            owing: Shared by all accounts of a writer, see :class:`.filing.Filing`.
            filer: The same.
            room: The same, see :class:`.room.Room`.
        """
        self.root = root
        self.address = address
        self.os_layer = os_layer
        self.suspect_since = suspect_since
        self.index: Index
        self._opened = False
        self._device = 0
        self._room = room or Room()
        self._letters: dict[int, Letters] = {}
        self._keywords: dict[int, dict[str, str]] = {}
        self.filing = Filing(self, {} if owing is None else owing, filer)
        self.usage = Usage(root, self.filing)

    @property
    def opened(self) -> bool:
        """Whether the index is open."""
        return self._opened

    def ready(self) -> bool:
        """Open the index if it is not; say whether it had to be made anew.

        Raises:
            TemporaryFailure: It cannot be opened.
        """
        if self._opened:
            return False
        self.filing.opened()
        path = os.path.join(self.root, INDEX_FILE)
        fresh = not os.path.exists(path)
        try:
            self.make_directories("")
            try:
                self.index = Index(path)
            except sqlite3.DatabaseError as error:
                if not _is_damaged(error):
                    raise
                _log.warn("{path} is made again: {error}", path=path, error=error)
                fresh = True
                remove_index(path)
                self.index = Index(path)
            self._device = os.stat(self.root).st_dev
        except (OSError, sqlite3.Error) as error:
            raise self.refused(error) from error
        self._opened = True
        return fresh

    def has_room(self, octets: int) -> bool:
        """Tell whether messages of so many octets may wait for their files.

        Raises:
            OSError: It cannot be told.
        """
        return self._room.is_there(self._device, self.root, octets)

    def close(self) -> None:
        """Close the index; the next job opens it again."""
        self.filing.settle()
        if self._opened:
            self._opened = False
            self.filing.closed()
            self.index.close()

    def discard_index(self) -> None:
        """Throw a damaged index away; :meth:`ready` makes a new one."""
        self.close()
        self.usage.forget()
        remove_index(os.path.join(self.root, INDEX_FILE))

    @contextmanager
    def step(self, batch: Batch) -> Iterator[Index]:
        """Do one job inside the account's transaction: all of it or nothing.

        The transaction is shared by the jobs of a batch and committed before
        the journal is synced.

        Raises:
            InsufficientStorage: The disk is full.
            TemporaryFailure: Anything else the disk or SQLite says.
        """
        self.ready()
        self.filing.settle()
        index = self.index
        batch.before_sync(self, self._commit)
        try:
            if not index.in_transaction:
                index.execute("BEGIN IMMEDIATE")
            self.filing.enter()
            index.execute("SAVEPOINT job")
            yield index
            index.execute("RELEASE job")
        except BaseException as error:
            self._forget_cached()
            with suppress(sqlite3.Error):
                index.rollback("job")
            if isinstance(error, OSError | sqlite3.Error):
                raise self.refused(error) from error
            raise

    def _commit(self) -> None:
        if not self._opened or not self.index.in_transaction:
            return
        try:
            self.index.execute("COMMIT")
        except sqlite3.Error as error:
            self._forget_cached()
            self.index.rollback()
            self.filing.rolled_back()
            raise self.refused(error) from error
        self.filing.committed()

    def file(self, batch: Batch) -> None:
        """Have the index know of all messages; a job that does nothing more."""
        with self.step(batch):
            pass

    @contextmanager
    def alone(self) -> Iterator[Index]:
        """Work in a transaction that is no job's; between batches.

        Raises:
            TemporaryFailure: What the disk or SQLite says.
        """
        self.ready()
        self.filing.settle()
        try:
            self.index.execute("BEGIN IMMEDIATE")
            yield self.index
        except BaseException as error:
            with suppress(sqlite3.Error):
                self.index.rollback()
            self.filing.rolled_back()
            if isinstance(error, OSError | sqlite3.Error):
                raise self.refused(error) from error
            raise
        self._commit()

    def compensate(self, change: Callable[[Index], None]) -> None:
        """Take back in the index what was committed, but not synced.

        For a ``Batch.undo``: a job that failed by itself has nothing committed.
        """
        if not self._opened or self.index.in_transaction:
            return
        self.usage.forget()
        self.filing.settle()
        self.filing.rows = {}
        self.index.execute("BEGIN IMMEDIATE")
        try:
            change(self.index)
            self.index.execute("COMMIT")
        except BaseException:
            self.index.rollback()
            raise

    def refused(self, error: OSError | sqlite3.Error) -> MailError:
        """Return what a user may know of an error, and log the rest."""
        _log.error("{root}: {error!r}", root=self.root, error=error)
        if isinstance(error, OSError):
            return refusal(error)
        if _is_damaged(error):
            return IndexDamaged(str(error))
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return InsufficientStorage(str(error))
        return TemporaryFailure(str(error))

    def _forget_cached(self) -> None:
        self._letters.clear()
        self._keywords.clear()
        self.usage.forget()

    def mailbox(self, mailbox_id: str) -> MailboxRow:
        """Return a mailbox.

        Raises:
            NoSuchMailbox: It was deleted.
        """
        row = self.index.mailbox(mailbox_id)
        if row is None:
            raise NoSuchMailbox(mailbox_id)
        return row

    def tick(self, row: MailboxRow) -> int:
        """Take the next mod-sequence of a mailbox and return it.

        Milliseconds since 1970 when that is more than one further: should a
        crash of the machine take back the last commits, what comes after it is
        still newer than all that any client was told before.

        Source: RFC 7162 section 3.1.2.2.
        """
        row.highest_modseq = max(row.highest_modseq + 1, time.time_ns() // 1_000_000)
        return row.highest_modseq

    def take_uids(self, row: MailboxRow, count: int, more: int = 0) -> range:
        """Take the next UIDs of a mailbox.

        Args:
            row: The mailbox.
            count: How many.
            more: How many will be taken soon.

        Raises:
            LimitExceeded: There are no more (RFC 9051 section 2.3.1.1).
        """
        taken = range(row.uid_next, row.uid_next + count)
        if taken.stop > 2**32 - 1:
            raise LimitExceeded("no UID is left in this mailbox")
        row.uid_next = taken.stop
        self.reserve(row, more)
        return taken

    def reserve(self, row: MailboxRow, more: int = 0) -> None:
        """See that the mailbox's own file knows of all UIDs given out."""
        if row.uid_next > row.uid_reserved:
            row.uid_reserved = min(row.uid_next + more + UID_RESERVE, 2**32 - 1)
            write_identity(
                self.directory(row),
                Identity(
                    row.uid_validity,
                    row.uid_reserved,
                    row.mailbox_id,
                    frozenset(row.special_use.split()),
                ),
                self.os_layer,
            )

    def directory(self, row: MailboxRow) -> str:
        """Return the path of a mailbox."""
        return f"{self.root}/{row.directory}" if row.directory else self.root

    def path(self, row: MailboxRow, file: str, disk: str | None) -> str:
        """Return the path of a message file.

        Args:
            row: Its mailbox.
            file: The base name.
            disk: The letters in the name; ``None`` for a file in ``new/``.
        """
        return message_path(self.directory(row), file, disk)

    def mtimes(self, row: MailboxRow) -> tuple[int, int]:
        """Return when ``new/`` and ``cur/`` last changed, in nanoseconds."""
        return directory_mtimes(self.directory(row))

    @contextmanager
    def own_change(self, row: MailboxRow) -> Iterator[None]:
        """Change names in a mailbox without taking that for a foreign change.

        What another program does at the very same moment is found by the next
        full look at the mailbox.
        """
        before = self.mtimes(row)
        yield
        after = self.mtimes(row)
        if before[0] == row.new_mtime:
            row.new_mtime = after[0]
        if before[1] == row.cur_mtime:
            row.cur_mtime = after[1]

    def letters(self, row: MailboxRow, *, fresh: bool = False) -> Letters:
        """Return what the letters in a mailbox mean."""
        if fresh or row.id not in self._letters:
            self._letters[row.id] = read_letters(self.directory(row))
        return self._letters[row.id]

    def set_letters(self, row: MailboxRow, letters: Letters) -> None:
        """Remember what the letters mean now."""
        self._letters[row.id] = letters

    def spelt(
        self, row: MailboxRow, flags: FlagSet, *, learn: bool = True
    ) -> tuple[FlagSet, dict[str, str] | None]:
        """Return flags with keywords as this mailbox first saw them.

        Args:
            row: The mailbox.
            flags: Canonical system flags and keywords.
            learn: Whether keywords it never saw are kept; else they are left
                out.

        Returns:
            The flags, and all keywords if there are new ones.

        Raises:
            LimitExceeded: More keywords than a mailbox may have.
        """
        if all(flag.startswith("\\") for flag in flags):
            return intern_flags(flags), None
        if row.id not in self._keywords:
            self._keywords[row.id] = self.index.keywords(row)
        known = self._keywords[row.id]
        found, news = set(), {}
        for flag in flags:
            folded = flag.casefold()
            if flag.startswith("\\"):
                found.add(flag)
            elif folded in known:
                found.add(known[folded])
            elif learn:
                news[folded] = flag
                found.add(flag)
        if not news:
            return intern_flags(frozenset(found)), None
        if len(known) + len(news) > _KEYWORDS_MAX:
            raise LimitExceeded("too many keywords in this mailbox")
        self.index.executemany(
            "INSERT INTO keywords VALUES (?,?,?)",
            [(row.id, folded, keyword) for folded, keyword in news.items()],
        )
        known.update(news)
        return intern_flags(frozenset(found)), dict(known)

    def make_directories(self, directory: str) -> None:
        """Make what a mailbox directory needs, as far as it is missing."""
        base = os.path.join(self.root, directory) if directory else self.root
        make_directories(base, self.os_layer)
        made = False
        for name in ("tmp", "new", "cur"):
            if not os.path.isdir(f"{base}/{name}"):
                self.os_layer.mkdir(f"{base}/{name}")
                made = True
        if directory and not os.path.exists(f"{base}/maildirfolder"):
            self.os_layer.close(
                self.os_layer.open(
                    f"{base}/maildirfolder", os.O_WRONLY | os.O_CREAT, 0o600
                )
            )
            made = True
        # A mailbox without that file gets it next, and its directory is synced then.
        if made and os.path.exists(f"{base}/{IDENTITY_FILE}"):
            self.os_layer.fsync_dir(base)


def make_directories(path: str, os_layer: OSLayer) -> None:
    """Make a directory and those above it, durably, as far as they are missing.

    Raises:
        OSError: One cannot be made.
    """
    path = os.path.abspath(path)
    if os.path.isdir(path):
        return
    make_directories(os.path.dirname(path), os_layer)
    os_layer.mkdir(path)
    os_layer.fsync_dir(os.path.dirname(path))


def message_path(directory: str, file: str, disk: str | None) -> str:
    """Return the path of a message file in a mailbox directory."""
    if disk is None:
        return f"{directory}/new/{file}"
    return f"{directory}/cur/{file}:2,{disk}"


def directory_mtimes(directory: str) -> tuple[int, int]:
    """Return when ``new/`` and ``cur/`` last changed, in nanoseconds.

    Raises:
        NoSuchMailbox: The directory is gone.
    """
    try:
        return (
            os.stat(f"{directory}/new").st_mtime_ns,
            os.stat(f"{directory}/cur").st_mtime_ns,
        )
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise NoSuchMailbox(directory) from None
        raise


def settled(mtime: int) -> bool:
    """Tell whether a change from now on would give a directory another mtime.

    File systems keep times in ticks: some milliseconds where they keep parts of
    a second at all, else one or two seconds.
    """
    tick = 20_000_000 if mtime % 1_000_000_000 else 2_000_000_000
    return abs(time.time_ns() - mtime) > tick


def find_file(directory: str, base: str) -> tuple[str, str | None] | None:
    """Look for a message file that another program renamed.

    Returns:
        Its path and the letters in its name, or ``None``.
    """
    for place in ("cur", "new"):
        with suppress(FileNotFoundError), os.scandir(f"{directory}/{place}") as found:
            for entry in found:
                if entry.name.startswith(base) and (
                    len(entry.name) == len(base) or entry.name[len(base)] == ":"
                ):
                    _, _, info = entry.name.partition(":2,")
                    return entry.path, info if place == "cur" else None
    return None


def _is_damaged(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return isinstance(error, sqlite3.DatabaseError) and "version" in str(error)
    return (code & 0xFF) in _DAMAGED
