"""The job that takes over what other programs did to a mailbox.

Each difference :mod:`mailframe.storage.maildir.scan` found is checked once more:
new files get UIDs and their place in ``cur/``, changed letters change flags,
messages whose files are missing vanish.

Source: https://cr.yp.to/proto/maildir.html; DESIGN.md section 4.
"""

import os
from collections.abc import Sequence

from mailframe.model.flag import NO_FLAGS, FlagSet
from mailframe.model.uid_set import UID_MAX, UIDSet
from mailframe.storage.maildir import records
from mailframe.storage.maildir.arrival import add_message
from mailframe.storage.maildir.flagging import vanish
from mailframe.storage.maildir.index import Index, MailboxRow
from mailframe.storage.maildir.names import file_name, unique, usable, with_uid
from mailframe.storage.maildir.recovery import remove, unfinished
from mailframe.storage.maildir.scan import Differences, Found
from mailframe.storage.maildir.store import AccountStore, Delta, settled, snapshot
from mailframe.storage.writer import Batch

_NOWHERE = "/"


def adopt(
    store: AccountStore, batch: Batch, mailbox_id: str, differences: Differences
) -> Delta:
    """Take over what :func:`~.scan.compare` found, as far as it is still so."""
    with store.step(batch) as index:
        row = store.mailbox(mailbox_id)
        delta = Delta(row, [], [])
        store.letters(row, fresh=True)
        row.new_mtime, row.cur_mtime = (
            mtime if settled(mtime) and not differences.more else 0
            for mtime in differences.mtimes
        )
        if differences.renamed or differences.missing or differences.found:
            store.tick(row)
        with store.own_change(row):
            _take_names(store, index, row, differences.renamed, delta)
            _take_missing(store, batch, index, row, differences.missing, delta)
            _take_files(store, batch, index, row, differences.found, delta)
        if not differences.more:
            row.scanned = 1
        index.update_mailbox(row)
        delta.row = snapshot(row)
        return delta


def _take_names(
    store: AccountStore,
    index: Index,
    row: MailboxRow,
    renamed: Sequence[tuple[int, str]],
    delta: Delta,
) -> None:
    """Join changed letters with the flags in the index.

    What another program added or took away since the name was last ours is
    added or taken away here; what changed here meanwhile stays.
    """
    letters = store.letters(row)
    base = row.span()[0]
    changed: dict[FlagSet, list[int]] = {}
    for uid, place in renamed:
        message = index.execute(
            "SELECT file, disk, flags FROM messages WHERE id=?", (base + uid,)
        ).fetchone()
        if message is None:
            continue
        file, disk, number = message
        if file_name(place[4:]).base != file or os.path.exists(
            store.path(row, file, disk)
        ):
            continue
        now = _settle_name(store, row, place, file)
        if now is _NOWHERE:
            continue
        had = index.flag_set(number)
        before, after = letters.flags(disk or ""), letters.flags(now or "")
        flags, keywords = store.spelt(row, (had | (after - before)) - (before - after))
        if keywords is not None:
            delta.keywords = keywords
        wanted = letters.letters(flags, letters.unknown(now or ""))
        index.execute(
            "UPDATE messages SET disk=?, owed=? WHERE id=?",
            (now, wanted != (now or ""), base + uid),
        )
        if flags != had:
            changed.setdefault(flags, []).append(uid)
    for flags, found in changed.items():
        uids = UIDSet.of(found)
        number = index.flag_number(flags)
        index.executemany(
            "UPDATE messages SET flags=?, modseq=? WHERE id BETWEEN ? AND ?",
            [(number, row.highest_modseq, *span) for span in row.spans(uids)],
        )
        delta.changed.append((uids, flags))


def _settle_name(
    store: AccountStore, row: MailboxRow, place: str, file: str
) -> str | None:
    """See that a file's name has one of the two forms the index can tell.

    Returns:
        Its letters, ``None`` for a plain name in ``new/``, or ``_NOWHERE``.
    """
    if place == f"new/{file}":
        return None
    letters = "".join(sorted(set(file_name(place).letters)))
    wanted = store.path(row, file, letters)
    there = f"{store.directory(row)}/{place}"
    if there != wanted:
        try:
            store.os_layer.rename(there, wanted)
        except FileNotFoundError:
            return _NOWHERE
    return letters


def _take_missing(
    store: AccountStore,
    batch: Batch,
    index: Index,
    row: MailboxRow,
    missing: Sequence[int],
    delta: Delta,
) -> None:
    """Let the messages vanish whose files are gone."""
    gone: list[tuple[int, str]] = []
    for uid in missing:
        message = index.execute(
            "SELECT file, disk FROM messages WHERE id=?", (row.span()[0] + uid,)
        ).fetchone()
        if message and not os.path.exists(store.path(row, *message)):
            gone.append((uid, message[0]))
    if gone:
        delta.removed = UIDSet.of(uid for uid, _ in gone)
        vanish(index, row, delta.removed, row.highest_modseq)
        batch.record(
            records.EXPUNGED,
            records.pack(
                store.address,
                row.mailbox_id,
                uids=delta.removed.ranges,
                names=[name for _, name in gone],
            ),
        )


def _take_files(
    store: AccountStore,
    batch: Batch,
    index: Index,
    row: MailboxRow,
    found: Sequence[Found],
    delta: Delta,
) -> None:
    """Give new files UIDs and their place in ``cur/``."""
    letters = store.letters(row)
    directory = store.directory(row)
    files: list[records.File] = []
    for one in found:
        parts = file_name(one.place[4:])
        if usable(parts.base) and _is_ours(store, index, row, one.place):
            continue
        if unfinished(store, parts, one.disk_size):
            remove(store, f"{directory}/{one.place}")
            continue
        uid = one.uid
        if uid is None or _taken(index, row, uid):
            (uid,) = store.take_uids(row, 1)
        base = with_uid(parts.base if usable(parts.base) else unique(), uid)
        disk = "".join(sorted(set(parts.letters)))
        path = store.path(row, base, disk)
        if path != f"{directory}/{one.place}":
            try:
                store.os_layer.rename(f"{directory}/{one.place}", path)
            except FileNotFoundError:
                continue
        flags = letters.flags(disk) if disk else NO_FLAGS
        flags, keywords = store.spelt(row, flags)
        if keywords is not None:
            delta.keywords = keywords
        file = records.File(
            uid,
            base,
            disk,
            tuple(flags),
            one.date,
            one.size,
            int(one.size != one.disk_size),
        )
        add_message(store, index, row, file, flags, row.highest_modseq)
        files.append(file)
        delta.added.append((uid, flags, file.date, file.size))
    delta.added.sort(key=lambda one: one[0])
    if files:
        # A UID once told must not name another message after a crash.
        batch.record(
            records.TAKEN,
            records.pack(
                store.address,
                row.mailbox_id,
                modseq=row.highest_modseq,
                uid_next=row.uid_next,
                files=files,
            ),
        )


def _is_ours(store: AccountStore, index: Index, row: MailboxRow, place: str) -> bool:
    """Tell whether a file is known by now, or expunged and about to go."""
    parts = file_name(place[4:])
    message = index.execute(
        "SELECT file, disk FROM messages WHERE id=?",
        (row.span()[0] + (parts.uid or 0),),
    ).fetchone()
    if message is not None and message[0] == parts.base:
        path = store.path(row, *message)
        # A second file of the same name is another message.
        return path == f"{store.directory(row)}/{place}" or not os.path.exists(path)
    return (
        index.execute(
            "SELECT 1 FROM removals WHERE mailbox=? AND file=?", (row.id, parts.base)
        ).fetchone()
        is not None
    )


def _taken(index: Index, row: MailboxRow, uid: int) -> bool:
    return (
        not 0 < uid < min(row.uid_next, UID_MAX)
        or index.execute(
            "SELECT 1 FROM messages WHERE id=?", (row.span()[0] + uid,)
        ).fetchone()
        is not None
    )
