"""The jobs that change flags and remove messages: index first, names later.

Source: RFC 9051 sections 6.4.3 and 6.4.6, RFC 7162 section 3.1.3.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from mailframe.model.flag import DELETED, FlagChange, FlagSet, intern_flags
from mailframe.model.mailbox import Stored
from mailframe.model.uid_set import UID_MAX, UIDSet
from mailframe.storage.maildir import records
from mailframe.storage.maildir.index import Index, MailboxRow, snapshot
from mailframe.storage.maildir.store import AccountStore, Delta
from mailframe.storage.writer import Batch


def store_flags(
    store: AccountStore,
    batch: Batch,
    mailbox_id: str,
    uids: UIDSet,
    change: FlagChange,
    flags: FlagSet,
    unchanged_since: int | None,
) -> tuple[Stored, Delta]:
    """Change flags of messages in one step.

    Messages are taken together by the flags they have, so that all of a large
    mailbox is changed by a few statements.
    """
    with store.step(batch) as index:
        row = store.mailbox(mailbox_id)
        delta = Delta(row, [], [])
        spelt, delta.keywords = store.spelt(
            row, flags, learn=change is not FlagChange.REMOVE
        )
        by_flags: dict[int, list[int]] = defaultdict(list)
        modified: list[int] = []
        latest = UID_MAX << 31 if unchanged_since is None else unchanged_since
        for span in row.spans(uids):
            for number, had, modseq in index.execute(
                "SELECT id & 4294967295, flags, modseq FROM messages"
                " WHERE id BETWEEN ? AND ?",
                span,
            ):
                if modseq > latest:
                    modified.append(number)
                else:
                    by_flags[had].append(number)
        done = UIDSet.of(uid for found in by_flags.values() for uid in found)
        wanted: dict[FlagSet, list[int]] = defaultdict(list)
        for number, found in by_flags.items():
            had = index.flag_set(number)
            if (new := _changed(had, change, spelt)) != had:
                wanted[intern_flags(new)] += found
        if wanted:
            modseq = store.tick(row)
            for new, found in wanted.items():
                changed = UIDSet.of(found)
                set_flags(index, row, changed, new, modseq)
                delta.changed.append((changed, new))
            index.update_mailbox(row)
        delta.row = snapshot(row)
        return Stored(done, UIDSet.of(modified)), delta


def _changed(had: FlagSet, change: FlagChange, flags: FlagSet) -> FlagSet:
    if change is FlagChange.ADD:
        return had | flags
    if change is FlagChange.REMOVE:
        return had - flags
    return flags


def set_flags(
    index: Index, row: MailboxRow, uids: UIDSet, flags: FlagSet, modseq: int
) -> None:
    """Give messages these flags; their names are owed."""
    number = index.flag_number(flags)
    index.executemany(
        "UPDATE messages SET flags=?, modseq=?, owed=1 WHERE id BETWEEN ? AND ?",
        [(number, modseq, *span) for span in row.spans(uids)],
    )


def expunge(
    store: AccountStore,
    batch: Batch,
    mailbox_id: str,
    uids: UIDSet | None,
    *,
    marked: bool = True,
) -> tuple[UIDSet, Delta]:
    """Remove messages in one step; their files go later.

    Args:
        store: The account.
        batch: The job's.
        mailbox_id: Of the mailbox.
        uids: Only these, or ``None`` for all.
        marked: Only those that have ``\\Deleted``.
    """
    with store.step(batch) as index:
        row = store.mailbox(mailbox_id)
        delta = Delta(row, [], [])
        condition = ""
        if marked:
            numbers = ",".join(map(str, index.flag_numbers_with(DELETED)))
            condition = f" AND flags IN ({numbers})"
        gone: list[tuple[int, str, str | None]] = []
        for span in row.spans(UIDSet(((1, UID_MAX),)) if uids is None else uids):
            gone += index.execute(
                "SELECT id & 4294967295, file, disk FROM messages"  # noqa: S608
                f" WHERE id BETWEEN ? AND ?{condition}",
                span,
            )
        if gone:
            delta.removed = remove(store, batch, index, row, gone)
            index.update_mailbox(row)
        delta.row = snapshot(row)
        return delta.removed, delta


def remove(
    store: AccountStore,
    batch: Batch,
    index: Index,
    row: MailboxRow,
    gone: Sequence[tuple[int, str, str | None]],
) -> UIDSet:
    """Take messages out of a mailbox; ``row`` is the caller's to write.

    Args:
        store: The account.
        batch: The job's.
        index: The account's.
        row: The mailbox.
        gone: UID, base name and letters on disk of each.
    """
    removed = UIDSet.of(uid for uid, _, _ in gone)
    rows = [
        found
        for span in row.spans(removed)
        for found in index.execute(
            "SELECT * FROM messages WHERE id BETWEEN ? AND ?", span
        )
    ]
    modseq = store.tick(row)
    vanish(index, row, removed, modseq)
    files = [(row.id, file, disk) for _, file, disk in gone]
    index.executemany("INSERT OR IGNORE INTO removals VALUES (?,?,?)", files)
    batch.undo(
        lambda: store.compensate(
            lambda index: _take_back(index, row.id, rows, modseq, files)
        )
    )
    batch.record(
        records.EXPUNGED,
        records.pack(
            store.address,
            row.mailbox_id,
            uids=removed.ranges,
            names=[file for _, file, _ in gone],
        ),
    )
    return removed


def _take_back(
    index: Index,
    mailbox: int,
    rows: Sequence[tuple[Any, ...]],
    modseq: int,
    files: Sequence[tuple[int, str, str | None]],
) -> None:
    """Have messages again that were not removed; their files are there yet."""
    index.executemany(
        f"INSERT OR IGNORE INTO messages VALUES (?{',?' * 9})",  # noqa: S608
        rows,
    )
    index.execute(
        "DELETE FROM vanished WHERE mailbox=? AND modseq=?", (mailbox, modseq)
    )
    index.executemany(
        "DELETE FROM removals WHERE mailbox=? AND file=?",
        [(mailbox, file) for _, file, _ in files],
    )


def vanish(index: Index, row: MailboxRow, uids: UIDSet, modseq: int) -> None:
    """Delete messages from the index and note that they were there."""
    spans = list(row.spans(uids))
    for table in ("messages", "summaries", "headers"):
        index.executemany(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", spans)  # noqa: S608
    _note_vanished(index, row, uids.ranges, modseq)


def _note_vanished(
    index: Index, row: MailboxRow, ranges: Iterable[tuple[int, int]], modseq: int
) -> None:
    index.executemany(
        "INSERT OR REPLACE INTO vanished VALUES (?,?,?,?)",
        [(row.id, modseq, low, high) for low, high in ranges],
    )


def come_back(index: Index, row: MailboxRow, uid: int) -> None:
    """Note that a message is there which, says the index, has vanished."""
    log = index.execute(
        "SELECT modseq, low, high FROM vanished WHERE mailbox=? AND low<=? AND high>=?",
        (row.id, uid, uid),
    ).fetchall()
    for modseq, low, high in log:
        index.execute(
            "DELETE FROM vanished WHERE mailbox=? AND modseq=? AND low=?",
            (row.id, modseq, low),
        )
        left = UIDSet(((low, high),)) - UIDSet.of([uid])
        _note_vanished(index, row, left.ranges, modseq)
    if log:
        # They have it no more, or not in its place.
        index.execute("DELETE FROM columns WHERE mailbox=?", (row.id,))


def claim_recent(
    store: AccountStore, batch: Batch, mailbox_id: str
) -> tuple[UIDSet, Delta]:
    """Give the recent messages to the one who asks; their files leave ``new/``."""
    with store.step(batch) as index:
        row = store.mailbox(mailbox_id)
        low, high = row.span()[0] + row.first_recent, row.span()[1]
        found = UIDSet.of(
            uid
            for (uid,) in index.execute(
                "SELECT id & 4294967295 FROM messages WHERE id BETWEEN ? AND ?",
                (low, high),
            )
        )
        index.execute(
            "UPDATE messages SET owed=1 WHERE id BETWEEN ? AND ? AND disk IS NULL",
            (low, high),
        )
        row.first_recent = row.uid_next
        index.update_mailbox(row)
        return found, Delta(snapshot(row), [], [])
