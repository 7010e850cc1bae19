"""Carry records of the journal over to the Maildirs after a crash.

What is there already is left as it is; what a crash of the machine took away
is made again, with the same name and UID. A message the index says vanished
does not come back, if a record says so too, or its file was to go: else a move
was not answered, and what that made of it may not be on the disk.

Source: DESIGN.md section 5 (replay is idempotent).
"""

import os
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from twisted.logger import Logger

from mailframe.errors import NoSuchMailbox
from mailframe.model.uid_set import UID_MAX, UIDSet
from mailframe.storage.maildir import folders, records
from mailframe.storage.maildir.arrival import JOURNAL_MAX, add_message
from mailframe.storage.maildir.filing import write_file
from mailframe.storage.maildir.flagging import come_back, vanish
from mailframe.storage.maildir.index import Index, MailboxRow
from mailframe.storage.maildir.names import has_uid, with_uid, without_uid
from mailframe.storage.maildir.store import AccountStore, find_file
from mailframe.storage.maildir.summary_rows import digest, keep
from mailframe.storage.maildir.tidy import tidy
from mailframe.storage.maildir.transfer import link_or_copy
from mailframe.storage.records import Record
from mailframe.storage.writer import Batch

T = TypeVar("T")


class Replay:
    """Takes records one after another, oldest first."""

    _log = Logger()

    def __init__(self, store_of: Callable[[str], AccountStore]) -> None:
        """Begin.

        Args:
            store_of: Returns the store of an address, the same each time.
        """
        self._store_of = store_of
        self._skipped: dict[tuple[str, str], bytes] = {}
        self._moved_to: dict[tuple[str, int], tuple[str, records.File]] = {}
        self._left: dict[str, UIDSet] = {}
        self.stores: dict[str, AccountStore] = {}

    def foresee(self, record: Record) -> None:
        """Learn which messages left later; to be called for all records first.

        A disk may remember the second of two changes and not the first.
        """
        if record.kind not in (records.MOVED, records.EXPUNGED):
            return
        with suppress(ValueError):
            facts, _ = records.unpack(record.payload)
            if record.kind == records.EXPUNGED:
                mailbox, uids = facts["mailbox"], _ranges(facts["uids"])
            else:
                mailbox = facts["source"]
                uids = UIDSet.of(file.origin[0] for file in facts["files"])
                for file in facts["files"]:
                    place = mailbox, file.origin[0]
                    self._moved_to[place] = facts["mailbox"], file
            self._left[mailbox] = self._left.get(mailbox, UIDSet.EMPTY) | uids

    def apply(self, record: Record) -> None:
        """Carry over one record.

        A record that cannot be read, and one of a mailbox that is not there
        any more, is logged and passed over.

        Raises:
            TemporaryFailure: The disk refuses; the journal has to stay.
        """
        work = {
            records.ARRIVED: self._arrived,
            records.LINKED: self._linked,
            records.MOVED: self._moved,
            records.EXPUNGED: self._expunged,
            records.TAKEN: self._taken,
        }.get(record.kind)
        if work is None:
            self._log.error("a record of kind {kind}", kind=record.kind)
            return
        try:
            facts, octets = records.unpack(record.payload)
            store = self._store(facts["account"])
        except ValueError as error:
            self._log.error("a record is passed over: {error}", error=error)
            return

        def job(batch: Batch) -> None:
            with store.step(batch) as index:
                row = store.mailbox(facts["mailbox"])
                row.highest_modseq = max(
                    row.highest_modseq, int(facts.get("modseq", 0))
                )
                work(store, index, row, facts, octets)
                index.update_mailbox(row)

        try:
            _run(job)
        except NoSuchMailbox as error:
            self._log.warn("no mailbox for a record: {error}", error=error)

    def finish(self) -> None:
        """Remove what was expunged and close the accounts.

        Raises:
            TemporaryFailure: The disk refuses; the journal has to stay.
        """
        for store in self.stores.values():
            while _run(partial(tidy, store))[0]:
                pass
            store.close()

    def _store(self, address: str) -> AccountStore:
        if address not in self.stores:
            store = self._store_of(address)
            _run(partial(folders.survey, store))
            self.stores[address] = store
        return self.stores[address]

    def _arrived(
        self,
        store: AccountStore,
        index: Index,
        row: MailboxRow,
        facts: dict[str, Any],
        octets: memoryview,
    ) -> None:
        place = 0
        for file in facts["files"]:
            content = None
            if file.held:
                content = bytes(octets[place : place + file.size])
                place += file.size
            if self._wanted(index, row, file):
                self._restore(store, index, row, file, content)
            elif content is not None:
                self._skipped[row.mailbox_id, file.name] = content

    def _wanted(self, index: Index, row: MailboxRow, file: records.File) -> bool:
        """Tell whether a message ought to be there."""
        number = row.span()[0] + file.uid
        if index.execute("SELECT 1 FROM messages WHERE id=?", (number,)).fetchone():
            return True
        if index.execute(
            "SELECT 1 FROM removals WHERE mailbox=? AND file=?", (row.id, file.name)
        ).fetchone():
            return False
        if file.uid not in self._left.get(row.mailbox_id, UIDSet.EMPTY):
            return True
        vanished = index.execute(
            "SELECT 1 FROM vanished WHERE mailbox=? AND low<=? AND high>=?",
            (row.id, file.uid, file.uid),
        ).fetchone()
        return vanished is None

    def _restore(
        self,
        store: AccountStore,
        index: Index,
        row: MailboxRow,
        file: records.File,
        content: bytes | None,
    ) -> None:
        """See that a message has its file and its row."""
        there = self._there(store, index, row, file)
        if there is None:
            if content is None:
                self._log.warn("{name} is lost", name=file.name)
                return
            there = store.path(row, file.name, file.disk)
            self._write(store, row, file, there, content)
        elif content is not None and not _has(there, content):
            self._write(store, row, file, there, content)
        entered = self._enter(store, index, row, file)
        if entered and content is not None and not file.lf:
            keep(index, row.span()[0] + file.uid, *digest(content))

    def _there(
        self, store: AccountStore, index: Index, row: MailboxRow, file: records.File
    ) -> str | None:
        """Return the path of a message's file, whatever its flags are now."""
        path = store.path(row, file.name, file.disk)
        if os.path.exists(path):
            return path
        found = index.execute(
            "SELECT file, disk FROM messages WHERE id=?", (row.span()[0] + file.uid,)
        ).fetchone()
        if found is not None:
            path = store.path(row, *found)
            if os.path.exists(path):
                return path
        elsewhere = find_file(store.directory(row), file.name)
        return elsewhere[0] if elsewhere else None

    def _write(
        self,
        store: AccountStore,
        row: MailboxRow,
        file: records.File,
        path: str,
        content: bytes,
    ) -> None:
        draft = f"{store.directory(row)}/tmp/{file.name}"
        with suppress(FileNotFoundError):
            store.os_layer.unlink(draft)
        write_file(store.os_layer, draft, path, content, file.date)
        # Names changed in a way the index must look at once more.
        row.new_mtime = row.cur_mtime = 0

    def _enter(
        self, store: AccountStore, index: Index, row: MailboxRow, file: records.File
    ) -> bool:
        """See that a message is in the index; say whether it was not."""
        if file.uid >= row.uid_next:
            row.uid_next = min(file.uid + 1, UID_MAX)
            store.reserve(row)
        if index.execute(
            "SELECT 1 FROM messages WHERE id=?", (row.span()[0] + file.uid,)
        ).fetchone():
            return False
        come_back(index, row, file.uid)
        flags, _ = store.spelt(row, frozenset(file.flags))
        add_message(store, index, row, file, flags, store.tick(row))
        row.new_mtime = row.cur_mtime = 0
        return True

    def _linked(
        self,
        store: AccountStore,
        index: Index,
        row: MailboxRow,
        facts: dict[str, Any],
        octets: memoryview,
    ) -> None:
        self._transferred(store, index, row, facts, moving=False)

    def _moved(
        self,
        store: AccountStore,
        index: Index,
        row: MailboxRow,
        facts: dict[str, Any],
        octets: memoryview,
    ) -> None:
        self._transferred(store, index, row, facts, moving=True)

    def _transferred(
        self,
        store: AccountStore,
        index: Index,
        row: MailboxRow,
        facts: dict[str, Any],
        *,
        moving: bool,
    ) -> None:
        source_store, source_index = store, index
        if "owner" in facts:
            source_store = self._store(facts["owner"])
            source_store.ready()
            source_index = source_store.index
        source = source_index.mailbox(facts["source"])
        if source is not None and store is source_store and source.id == row.id:
            source = row
        for file in facts["files"]:
            origin = None
            if source is not None:
                origin = _find(
                    source_store.directory(source), file.origin[1], file.origin[0]
                )
            if origin is None and not moving:
                origin = self._moved_on(
                    source_store, source_index, facts["source"], file.origin[0]
                )
            # What arrived and left again has no file, but its octets are here.
            content = self._skipped.get((facts["source"], file.origin[1]))
            if content is None and origin is not None:
                content = _small(origin)
            wanted = self._wanted(index, row, file)
            if (
                content is None
                and origin is not None
                and self._there(store, index, row, file) is None
            ):
                draft = f"{store.directory(row)}/tmp/{file.name}"
                path = store.path(row, file.name, file.disk)
                link_or_copy(store, origin, draft, path)
            if wanted:
                self._restore(store, index, row, file, content)
            elif content is not None:
                self._skipped[row.mailbox_id, file.name] = content
            if moving and source is not None:
                if origin is not None:
                    store.os_layer.unlink(origin)
                self._leave(store, index, source, UIDSet.of([file.origin[0]]))
        if source is not None and source is not row:
            index.update_mailbox(source)

    def _moved_on(
        self, store: AccountStore, index: Index, mailbox_id: str, uid: int
    ) -> str | None:
        """Look for a file where later records say it went."""
        while (place := self._moved_to.get((mailbox_id, uid))) is not None:
            mailbox_id, uid = place[0], place[1].uid
            row = index.mailbox(mailbox_id)
            found = find_file(store.directory(row), place[1].name) if row else None
            if found is not None:
                return found[0]
        return None

    def _leave(
        self, store: AccountStore, index: Index, row: MailboxRow, uids: UIDSet
    ) -> None:
        """See that messages are not in the index."""
        present = [
            uid
            for low, high in row.spans(uids)
            for (uid,) in index.execute(
                "SELECT id & 4294967295 FROM messages WHERE id BETWEEN ? AND ?",
                (low, high),
            )
        ]
        if present:
            vanish(index, row, UIDSet.of(present), store.tick(row))
        row.new_mtime = row.cur_mtime = 0

    def _expunged(
        self,
        store: AccountStore,
        index: Index,
        row: MailboxRow,
        facts: dict[str, Any],
        octets: memoryview,
    ) -> None:
        uids = _ranges(facts["uids"])
        self._leave(store, index, row, uids)
        # Its name may have been given its UID since, or be given it by this replay.
        names = {
            name if has_uid(name) else with_uid(name, uid)
            for uid, name in zip(uids, facts["names"], strict=True)
        }
        index.executemany(
            "INSERT OR IGNORE INTO removals VALUES (?,?,NULL)",
            [(row.id, name) for name in names.union(facts["names"])],
        )

    def _taken(
        self,
        store: AccountStore,
        index: Index,
        row: MailboxRow,
        facts: dict[str, Any],
        octets: memoryview,
    ) -> None:
        if facts["uid_next"] > row.uid_next:
            row.uid_next = min(int(facts["uid_next"]), UID_MAX)
            store.reserve(row)
        for file in facts["files"]:
            # One that left later has its name, too: the record of that knows it by it.
            if self._there(store, index, row, file) is None:
                found = _find(store.directory(row), file.name, file.uid)
                if found is None and file.origin is not None:
                    before = find_file(store.directory(row), file.origin[1])
                    found = before[0] if before else None
                if found is None:
                    continue
                path = store.path(row, file.name, file.disk)
                store.os_layer.rename(found, path)
            if self._wanted(index, row, file):
                self._enter(store, index, row, file)


def _run(job: Callable[[Batch], T]) -> T:
    """Run a job by itself, as there is no writer yet."""
    before: dict[Hashable, Callable[[], None]] = {}
    try:
        return job(Batch(before))
    finally:
        for call in before.values():
            call()


def _find(directory: str, base: str, uid: int) -> str | None:
    """Look for a file, also under the name it has before or after it is given its UID.

    A file of the same name with another UID is another message.
    """
    for name in (base, with_uid(base, uid), without_uid(base)):
        found = find_file(directory, name)
        if found is not None:
            return found[0]
    return None


def _ranges(pairs: Sequence[Sequence[int]]) -> UIDSet:
    return UIDSet((low, high) for low, high in pairs)


def _small(path: str) -> bytes | None:
    """Return what is in a file unless that is more than a record holds."""
    with open(path, "rb") as file:
        octets = file.read(JOURNAL_MAX + 1)
    return octets if len(octets) <= JOURNAL_MAX else None


def _has(path: str, content: bytes) -> bool:
    with open(path, "rb") as file:
        return file.read(len(content) + 1) == content
