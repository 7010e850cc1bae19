"""Everything that reads an account, in the reading threads.

The index is asked through a connection of its own, one question at a time;
files are read without holding it. A file another name was given meanwhile is
looked up once more, then searched for. What needs no disk is also read in the
reactor's thread (``load_warm``). It is long because all questions share the one
connection and its lock.

Source: DESIGN.md section 5 (nothing that waits for a disk blocks the reactor).
"""

import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any, NamedTuple

from mailframe.errors import MessageGone, NoSuchMailbox
from mailframe.interfaces.mailbox import SummaryField
from mailframe.mime.lines import to_crlf
from mailframe.mime.summary import wire_answers
from mailframe.model.flag import DELETED, SEEN
from mailframe.model.mailbox import Listing, MailboxStatus
from mailframe.model.summary import Summary
from mailframe.model.uid_set import UID_MAX, UIDSet
from mailframe.storage.maildir import kept_columns, scan
from mailframe.storage.maildir.columns import Loaded, Seconds
from mailframe.storage.maildir.content import OpenFile
from mailframe.storage.maildir.filing import DIGESTED_MAX
from mailframe.storage.maildir.index import INDEX_FILE, Index, MailboxRow
from mailframe.storage.maildir.store import (
    AccountStore,
    directory_mtimes,
    find_file,
    message_path,
)
from mailframe.storage.maildir.summary_rows import (
    HEADER_KEPT,
    digest,
    header_of,
    pick,
    read_columns,
)
from mailframe.storage.maildir.warm import WARM_FILES, thread_warm_files

_SPOOLED = 262_144
_COMPARED = 32
"""Octets of a text that headers are looked through for."""
_LIKE_SPECIAL = re.compile("[%_!]")
_WIRE = frozenset(("envelope", "body_structure", "body"))
MANY = 200
"""Messages of which so many have no summary are given the rest of it later."""
Digests = list[tuple[int, Summary, bytes]]


class _File(NamedTuple):
    number: int
    name: str
    disk: str | None
    size: int
    lf: int


_Placed = tuple[int, str, str | None, int, int, str]
"""As :class:`_File`, and the directory of its mailbox below the account's."""

_PLACED = (
    "SELECT messages.id, file, disk, size, lf, directory FROM mailboxes, messages"
    " WHERE mailbox_id=? AND messages.id BETWEEN"
    " (mailboxes.id<<32|?) AND (mailboxes.id<<32|?) ORDER BY messages.id"
)


class AccountReader:
    """The reading threads' hold on one account."""

    def __init__(self, store: AccountStore) -> None:
        """Read what ``store`` writes."""
        self._store = store
        self._root = store.root
        self._lock = threading.Lock()
        self._index: Index | None = None

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None

    @contextmanager
    def _asking(self) -> Iterator[Index]:
        """Hold the connection inside one transaction, so that all fits together.

        Raises:
            TemporaryFailure: What the disk or SQLite says.
        """
        try:
            with self._lock:
                if self._index is None:
                    self._index = Index(
                        os.path.join(self._root, INDEX_FILE), reading=True
                    )
                self._index.execute("BEGIN")
                try:
                    yield self._index
                finally:
                    self._index.rollback()
        except (OSError, sqlite3.Error) as error:
            raise self._store.refused(error) from error

    def _row(self, index: Index, mailbox_id: str) -> MailboxRow:
        row = index.mailbox(mailbox_id)
        if row is None:
            raise NoSuchMailbox(mailbox_id)
        return row

    def _directory(self, row: MailboxRow) -> str:
        return f"{self._root}/{row.directory}" if row.directory else self._root

    def load_columns(self, mailbox_id: str) -> Loaded:
        """Return all messages of a mailbox."""
        with self._asking() as index:
            row = self._row(index, mailbox_id)
            keywords = index.keywords(row)
            columns, to_keep = kept_columns.read(index, row)
            flags = index.flag_sets(columns.flags)
        listing = Listing(
            row.highest_modseq,
            row.uid_next,
            columns.uids,
            flags,
            columns.modseqs,
            columns.dates,
            columns.sizes,
            Seconds(columns.arrived),
        )
        uids = kept_columns.uid_set(columns.uids)
        return Loaded(row, listing, columns.arrived, keywords, uids, to_keep)

    def status(self, mailbox_id: str) -> MailboxStatus:
        """Count a mailbox's messages."""
        with self._asking() as index:
            row = self._row(index, mailbox_id)
            groups = index.execute(
                "SELECT flags, count(*), sum(size) FROM messages"
                " WHERE id BETWEEN ? AND ? GROUP BY flags",
                row.span(),
            ).fetchall()
            (recent,) = index.execute(
                "SELECT count(*) FROM messages WHERE id BETWEEN ? AND ?",
                (row.span()[0] + row.first_recent, row.span()[1]),
            ).fetchone()
            sets = [index.flag_set(number) for number, _, _ in groups]
        counted = list(zip(sets, groups, strict=True))
        return MailboxStatus(
            messages=sum(count for _, count, _ in groups),
            recent=recent,
            unseen=sum(count for flags, (_, count, _) in counted if SEEN not in flags),
            deleted=sum(count for flags, (_, count, _) in counted if DELETED in flags),
            size=sum(size for _, _, size in groups),
            uid_next=row.uid_next,
            uid_validity=row.uid_validity,
            highest_modseq=row.highest_modseq,
            mailbox_id=row.mailbox_id,
            deleted_size=sum(
                size for flags, (_, _, size) in counted if DELETED in flags
            ),
        )

    def usage(self) -> tuple[int, int]:
        """Return the octets and the number of all messages of the account."""
        with self._asking() as index:
            octets, messages = index.execute(
                "SELECT coalesce(sum(size), 0), count(*) FROM messages"
            ).fetchone()
        return int(octets), int(messages)

    def vanished(self, mailbox_id: str, since: int) -> UIDSet:
        """Return what vanished after a mod-sequence, or all that may have."""
        with self._asking() as index:
            row = self._row(index, mailbox_id)
            if since < row.known_since:
                return UIDSet(((1, row.uid_next - 1),) if row.uid_next > 1 else ())
            return index.vanished_since(row, since)

    def compare(self, mailbox_id: str) -> scan.Differences:
        """Find what other programs did to a mailbox."""
        with self._asking() as index:
            row = self._row(index, mailbox_id)
        directory = self._directory(row)
        try:
            mtimes = directory_mtimes(directory)
            listed = scan.listing(directory)
            with self._asking() as index:
                known = scan.known(index, self._row(index, mailbox_id))
            return scan.compare(directory, mtimes, listed, known)
        except OSError as error:
            raise self._store.refused(error) from error

    def further(self, mailbox_id: str, before: scan.Differences) -> scan.Differences:
        """Return the next of what :meth:`compare` has found."""
        with self._asking() as index:
            row = self._row(index, mailbox_id)
        try:
            return scan.further(before, self._directory(row))
        except OSError as error:
            raise self._store.refused(error) from error

    def load_warm(
        self, mailbox_id: str, uids: UIDSet, left: int
    ) -> Mapping[int, bytes] | None:
        """Return the same as :meth:`load`, in the reactor thread.

        Returns:
            ``None`` if something would have to be waited for: ask a thread.
        """
        if self._index is None or not self._lock.acquire(blocking=False):
            return None
        wanted: list[_Placed] = []
        found: _Placed | None = None
        try:
            for found in _placed(self._index, mailbox_id, uids):
                left -= found[3]
                if left < 0:
                    break
                wanted.append(found)
        except sqlite3.Error:
            return None
        finally:
            self._lock.release()
        if found is None:
            # None of them is there, or not the mailbox: a thread tells which.
            return None
        directory = f"{self._root}/{found[5]}" if found[5] else self._root
        loaded: dict[int, bytes] = {}
        read = WARM_FILES.read
        for number, name, disk, size, lf, _ in wanted:
            octets = read(message_path(directory, name, disk), None if lf else size)
            if octets is None:
                return None
            loaded[number & 0xFFFFFFFF] = to_crlf(octets) if lf else octets
        return loaded

    def load(self, mailbox_id: str, uids: UIDSet, left: int) -> Mapping[int, bytes]:
        """Return whole messages from the lowest UID on, while they fit."""
        wanted: list[_File] = []
        with self._asking() as index:
            row = self._row(index, mailbox_id)
            for file in self._files(index, row, uids):
                left -= file.size
                if left < 0:
                    break
                wanted.append(file)
        return {
            file.number & 0xFFFFFFFF: octets
            for file in wanted
            if (octets := self._octets(row, file)) is not None
        }

    def open(self, mailbox_id: str, uid: int) -> bytes | OpenFile:
        """Open one message.

        Returns:
            Its octets when they are few, else a file that has them.

        Raises:
            MessageGone: There is no such message.
        """
        with self._asking() as index:
            row = self._row(index, mailbox_id)
            found = list(self._files(index, row, UIDSet(((uid, uid),))))
        fd = self._open(row, found[0]) if found else None
        if fd is None:
            raise MessageGone(str(uid))
        try:
            size = os.fstat(fd).st_size
            if size <= _SPOOLED:
                small = _read_all(fd, size)
                os.close(fd)
                return to_crlf(small)
            if found[0].lf:
                spooled = _spooled(fd, f"{self._root}/tmp")
                os.close(fd)
                return OpenFile(spooled, os.fstat(spooled).st_size)
        except OSError as error:
            os.close(fd)
            raise self._store.refused(error) from error
        return OpenFile(fd, size)

    def summaries(
        self, mailbox_id: str, uids: UIDSet, fields: Sequence[SummaryField]
    ) -> tuple[tuple[Sequence[Any], ...], Digests, int]:
        """Return kept answers by column, and those that had to be worked out.

        Where very many are missing only the answers asked for are worked out.

        Returns:
            The columns; what may be kept; the number of the first message of which
            nothing can be kept yet, 0 for none.
        """
        with self._asking() as index:
            row = self._row(index, mailbox_id)
            numbers, *columns = read_columns(index, row.spans(uids), fields)
            if len(numbers) == self._count(index, row, uids):
                # All are kept, as nearly always: the files need not be known.
                found = tuple([number & 0xFFFFFFFF for number in numbers])
                return (found, *columns), [], 0
            files = list(self._files(index, row, uids))
        rest = zip(*columns, strict=True) if fields else repeat(())
        kept: dict[int, tuple[Any, ...]] = dict(zip(numbers, rest, strict=False))
        quick = len(files) - len(kept) >= MANY and _WIRE.issuperset(fields)
        made: Digests = []
        first = 0
        rows: list[tuple[Any, ...]] = []
        for file in files:
            values = kept.get(file.number)
            if values is None:
                octets = self._octets(row, file)
                if octets is None:
                    continue
                if quick and file.size <= DIGESTED_MAX:
                    first = first or file.number
                    answers = wire_answers(octets)
                    values = tuple([answers[field] for field in fields])
                else:
                    summary, header = digest(octets)
                    made.append((file.number, summary, header))
                    values = pick(summary, fields)
            rows.append((file.number & 0xFFFFFFFF, *values))
        if not rows:
            return tuple([] for _ in range(len(fields) + 1)), made, 0
        return tuple(zip(*rows, strict=True)), made, first

    def headers(
        self, mailbox_id: str, uids: UIDSet
    ) -> tuple[tuple[Sequence[int], Sequence[bytes]], list[tuple[int, bytes]]]:
        """Return the header of each message, and those that had to be read."""
        rows: list[tuple[int, bytes]] = []
        with self._asking() as index:
            row = self._row(index, mailbox_id)
            for span in row.spans(uids):
                rows += index.execute(
                    "SELECT id, header FROM headers WHERE id BETWEEN ? AND ?", span
                ).fetchall()
            if len(rows) == self._count(index, row, uids):
                # All are kept, as nearly always: the files need not be known.
                return (
                    [number & 0xFFFFFFFF for number, _ in rows],
                    [header for _, header in rows],
                ), []
            files = list(self._files(index, row, uids))
        kept = dict(rows)
        found: list[int] = []
        headers: list[bytes] = []
        made: list[tuple[int, bytes]] = []
        for file in files:
            header = kept.get(file.number)
            if header is None:
                octets = self._octets(row, file)
                if octets is None:
                    continue
                header = header_of(octets)
                if len(header) <= HEADER_KEPT:
                    made.append((file.number, header))
            found.append(file.number & 0xFFFFFFFF)
            headers.append(header)
        return (found, headers), made

    def headers_with(
        self, mailbox_id: str, uids: UIDSet, octets: bytes
    ) -> Sequence[int]:
        """Return the messages whose header may have a text."""
        wanted = _LIKE_SPECIAL.sub(r"!\g<0>", octets[:_COMPARED].decode("ascii"))
        found: list[int] = []
        with self._asking() as index:
            row = self._row(index, mailbox_id)
            for span in row.spans(uids):
                numbers = index.execute(
                    "SELECT id FROM headers WHERE id BETWEEN ? AND ? AND"
                    " (NOT plain OR CAST(header AS TEXT) LIKE ? ESCAPE '!')",
                    (*span, f"%{wanted}%"),
                ).fetchall()
                (kept,), (there,) = (
                    index.execute(
                        f"SELECT count(*) FROM {table} WHERE id BETWEEN ? AND ?",  # noqa: S608
                        span,
                    ).fetchone()
                    for table in ("headers", "messages")
                )
                if kept != there:
                    # Of some the header is too long to be kept, or not yet read.
                    numbers += index.execute(
                        "SELECT id FROM messages AS m WHERE id BETWEEN ? AND ? AND"
                        " NOT EXISTS (SELECT 1 FROM headers WHERE id=m.id)",
                        span,
                    ).fetchall()
                    numbers.sort()
                found += [number & 0xFFFFFFFF for (number,) in numbers]
        return found

    def _count(self, index: Index, row: MailboxRow, uids: UIDSet) -> int:
        """Return how many messages exist; what is kept of others goes with them."""
        return sum(
            index.execute(
                "SELECT count(*) FROM messages WHERE id BETWEEN ? AND ?", span
            ).fetchone()[0]
            for span in row.spans(uids)
        )

    def _files(self, index: Index, row: MailboxRow, uids: UIDSet) -> Iterator[_File]:
        for span in row.spans(uids):
            for values in index.execute(
                "SELECT id, file, disk, size, lf FROM messages"
                " WHERE id BETWEEN ? AND ? ORDER BY id",
                span,
            ):
                yield _File(*values)

    def _octets(self, row: MailboxRow, file: _File) -> bytes | None:
        """Return a message in CRLF form, ``None`` if its file is gone."""
        size = None if file.lf else file.size
        warm = thread_warm_files().read(self._path(row, file), size)
        if warm is not None:
            return to_crlf(warm) if file.lf else warm
        try:
            fd = os.open(self._path(row, file), os.O_RDONLY)
        except OSError:
            # Its name is another one by now, or it says itself what is wrong.
            found = self._open(row, file)
            if found is None:
                return None
            fd = found
        try:
            # One octet more than there should be tells the end.
            octets = os.read(fd, file.size + 1)
            if len(octets) != file.size:
                octets += _read_all(fd, os.fstat(fd).st_size - len(octets))
        except OSError as error:
            raise self._store.refused(error) from error
        finally:
            os.close(fd)
        return to_crlf(octets) if file.lf else octets

    def _path(self, row: MailboxRow, file: _File) -> str:
        return message_path(self._directory(row), file.name, file.disk)

    def _open(self, row: MailboxRow, file: _File) -> int | None:
        """Open a message file, whatever name it has by now."""
        attempts: tuple[Callable[[], str | None], ...] = (
            lambda: self._path(row, file),
            lambda: self._path_now(file),
            lambda: self._path_found(row, file),
        )
        for attempt in attempts:
            path = attempt()
            if path is None:
                return None
            try:
                return os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._store.refused(error) from error
        return None

    def _path_now(self, file: _File) -> str | None:
        with self._asking() as index:
            found = index.execute(
                "SELECT file, disk, directory FROM messages, mailboxes"
                " WHERE messages.id=? AND mailboxes.id=messages.id>>32",
                (file.number,),
            ).fetchone()
        if found is None:
            return None
        name, disk, directory = found
        root = f"{self._root}/{directory}" if directory else self._root
        return message_path(root, name, disk)

    def _path_found(self, row: MailboxRow, file: _File) -> str | None:
        directory = self._directory(row)
        try:
            found = find_file(directory, file.name)
        except OSError as error:
            raise self._store.refused(error) from error
        return found[0] if found else None


def _placed(index: Index, mailbox_id: str, uids: UIDSet) -> Iterator[_Placed]:
    """Return messages by one question a range, which is all that is read."""
    return chain.from_iterable(
        index.execute(_PLACED, (mailbox_id, low, min(high, UID_MAX)))
        for low, high in uids.ranges
    )


def _read_all(fd: int, size: int) -> bytes:
    """Read up to ``size`` octets, fewer if the file ends before."""
    octets = b""
    while len(octets) < size and (piece := os.read(fd, size - len(octets))):
        octets += piece
    return octets


def _spooled(fd: int, directory: str) -> int:
    """Put a file with CRLF line ends into one without a name; needs no memory."""
    with tempfile.TemporaryFile(dir=directory) as file:
        held = b""
        while piece := os.read(fd, _SPOOLED):
            piece = held + piece
            # A CR at the end may be half of a CRLF.
            held = piece[-1:] if piece.endswith(b"\r") else b""
            file.write(to_crlf(piece[: len(piece) - len(held)]))
        file.write(held)
        file.flush()
        return os.dup(file.fileno())
