"""The job that stores new messages.

Mostly that is a matter of memory and of the journal: the message gets its UID
and its name, and :mod:`.filing` writes the file and the row behind. What is too
large for the journal has its file already, flushed, and gets its name and
its row here; so does what needs more of the index than a UID.

Source: https://cr.yp.to/proto/maildir.html; DESIGN.md section 5.
"""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mailframe.model.flag import SYSTEM_FLAGS, FlagSet, intern_flags
from mailframe.model.summary import Summary
from mailframe.storage.maildir import records
from mailframe.storage.maildir.filing import Unfiled, set_date, write_file
from mailframe.storage.maildir.index import Index, MailboxRow, snapshot
from mailframe.storage.maildir.names import new_base
from mailframe.storage.maildir.store import AccountStore, Delta
from mailframe.storage.maildir.summary_rows import digest, enter_headers, keep
from mailframe.storage.writer import Batch

JOURNAL_MAX = 1_048_576
"""Octets of the largest message whose octets go through the journal."""

_SYSTEM = frozenset(SYSTEM_FLAGS)


@dataclass(slots=True)
class Draft:
    """A message ready to be stored.

    Attributes:
        flags: To begin with.
        date: Internal date, or ``None`` for now.
        size: Octets, with CRLF line ends.
        octets: All of them, unless they are in a file.
        path: The flushed file in ``tmp/`` that has them, to be renamed.
        digest: Summary (``None`` for later) and header, where they are worked
            out already.
    """

    flags: FlagSet
    date: int | None
    size: int
    octets: bytes | None = None
    path: str = ""
    digest: tuple[Summary | None, bytes] | None = None


def append(
    store: AccountStore, batch: Batch, mailbox_id: str, drafts: Sequence[Draft]
) -> tuple[list[int], Delta]:
    """Store messages, all or none.

    Returns:
        Their UIDs, and what happened to the mailbox.

    Raises:
        OverQuota: They do not fit.
    """
    octets = sum([draft.size for draft in drafts])
    try:
        row = _row_at_hand(store, mailbox_id, drafts, octets)
        if row is not None:
            return _append_behind(store, batch, row, drafts, octets)
    except (OSError, sqlite3.Error) as error:
        raise store.refused(error) from error
    with store.step(batch) as index:
        row = store.mailbox(mailbox_id)
        store.usage.make_room(index, octets, len(drafts))
        delta = Delta(row, [], [])
        files: list[records.File] = []
        now = int(time.time())
        modseq = store.tick(row)
        with store.own_change(row):
            for uid, draft in zip(
                store.take_uids(row, len(drafts)), drafts, strict=True
            ):
                flags, keywords = store.spelt(row, draft.flags)
                if keywords is not None:
                    delta.keywords = keywords
                file = _place(store, batch, row, uid, flags, draft, now)
                add_message(store, index, row, file, flags, modseq)
                summary, header = draft.digest or digest(draft.octets or b"")
                number = row.span()[0] + uid
                if summary is None:
                    enter_headers(index, [(number, header)])
                else:
                    keep(index, number, summary, header)
                files.append(file)
                delta.added.append((uid, flags, file.date, file.size))
        _flush_large(store, row, files, drafts)
        index.update_mailbox(row)
        store.usage.came(row, octets, len(drafts))
        batch.record(
            records.ARRIVED,
            records.pack(store.address, row.mailbox_id, modseq=modseq, files=files),
            *[draft.octets for draft in drafts if draft.octets],
        )
        first, last = files[0].uid, files[-1].uid
        batch.undo(lambda: store.compensate(lambda ix: forget(ix, row, first, last)))
        delta.row = snapshot(row)
        return [file.uid for file in files], delta


def _row_at_hand(
    store: AccountStore, mailbox_id: str, drafts: Sequence[Draft], octets: int
) -> MailboxRow | None:
    """Return the mailbox if all that messages need of the index is known."""
    filing = store.filing
    if store.ready() or store.index.in_transaction or not filing.may_wait(octets):
        return None
    for draft in drafts:
        if draft.octets is None or not draft.flags <= _SYSTEM:
            return None
    row = filing.row(mailbox_id)
    if row is None or row.uid_next + len(drafts) > row.uid_reserved:
        return None
    return row


def _append_behind(
    store: AccountStore,
    batch: Batch,
    row: MailboxRow,
    drafts: Sequence[Draft],
    octets: int,
) -> tuple[list[int], Delta]:
    """Give messages UIDs and names; file and row follow when they may."""
    store.usage.make_room(store.index, octets, len(drafts))
    modseq = store.tick(row)
    letters = store.letters(row)
    now = int(time.time())
    delta = Delta(row, [], [], unfiled=True)
    unfiled: list[Unfiled] = []
    for uid, draft in zip(store.take_uids(row, len(drafts)), drafts, strict=True):
        assert draft.octets is not None
        flags = intern_flags(draft.flags)
        file = records.File(
            uid,
            new_base(uid, draft.size),
            letters.letters(flags) if flags else None,
            tuple(flags),
            now if draft.date is None else draft.date,
            draft.size,
            held=True,
        )
        unfiled.append(
            Unfiled(row.mailbox_id, file, flags, modseq, draft.octets, draft.date)
        )
        delta.added.append((uid, flags, file.date, file.size))
    files = [one.file for one in unfiled]
    batch.record(
        records.ARRIVED,
        records.pack(store.address, row.mailbox_id, modseq=modseq, files=files),
        *[one.octets for one in unfiled],
    )
    store.usage.came(row, octets, len(drafts))
    store.filing.add(unfiled)
    batch.undo(lambda: _take_back(store, row, unfiled))
    batch.later(store.root, store.filing.behind, octets)
    delta.row = snapshot(row)
    return [file.uid for file in files], delta


def _take_back(store: AccountStore, row: MailboxRow, unfiled: list[Unfiled]) -> None:
    """Forget messages that are not in the journal, filed or not."""
    store.usage.forget()
    if not store.filing.drop(unfiled):
        first, last = unfiled[0].file.uid, unfiled[-1].file.uid
        store.compensate(lambda index: forget(index, row, first, last))
    for one in unfiled:
        if one.placed:
            store.os_layer.unlink(store.path(row, one.file.name, one.file.disk))


def _place(
    store: AccountStore,
    batch: Batch,
    row: MailboxRow,
    uid: int,
    flags: FlagSet,
    draft: Draft,
    now: int,
) -> records.File:
    """Bring one message's octets to their place."""
    letters = store.letters(row)
    disk = letters.letters(flags) if flags else None
    base = new_base(uid, draft.size)
    path = store.path(row, base, disk)
    date = now if draft.date is None else draft.date
    if draft.octets is None:
        set_date(draft.path, date)
        store.os_layer.rename(draft.path, path)
    else:
        write_file(
            store.os_layer,
            f"{store.directory(row)}/tmp/{base}",
            path,
            draft.octets,
            None if draft.date is None else date,
        )
    batch.undo(lambda: store.os_layer.unlink(path))
    return records.File(
        uid,
        base,
        disk,
        tuple(flags),
        date,
        draft.size,
        held=draft.octets is not None,
    )


def add_message(
    store: AccountStore,
    index: Index,
    row: MailboxRow,
    file: records.File,
    flags: FlagSet,
    modseq: int,
) -> None:
    """Enter a message into the index."""
    letters = store.letters(row)
    owed = bool(flags) and not letters.full and bool(letters.missing(flags))
    index.execute(
        "INSERT INTO messages VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            row.span()[0] + file.uid,
            file.name,
            file.disk,
            owed,
            index.flag_number(flags),
            modseq,
            modseq,
            file.date,
            file.size,
            file.lf,
        ),
    )


def forget(index: Index, row: MailboxRow, first: int, last: int) -> None:
    """Take messages out of the index that nobody was told of."""
    base = row.span()[0]
    for table in ("messages", "summaries", "headers"):
        index.execute(
            f"DELETE FROM {table} WHERE id BETWEEN ? AND ?",  # noqa: S608
            (base + first, base + last),
        )


def _flush_large(
    store: AccountStore,
    row: MailboxRow,
    files: Sequence[records.File],
    drafts: Sequence[Draft],
) -> None:
    """See that files which are not in the journal keep their names."""
    places = {
        "new" if file.disk is None else "cur"
        for file, draft in zip(files, drafts, strict=True)
        if draft.octets is None
    }
    for place in places:
        store.os_layer.fsync_dir(f"{store.directory(row)}/{place}")
