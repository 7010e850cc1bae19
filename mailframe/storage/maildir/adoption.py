"""The job that takes over what other programs did to a mailbox.

Each difference :mod:`mailframe.storage.maildir.scan` found is checked once more:
new files get UIDs, changed letters change flags, messages whose files are missing
vanish. Index and journal have a UID at once; where there are many, the names of the
files follow with the other names that are owed (``tidy.py``).

Source: https://cr.yp.to/proto/maildir.html; DESIGN.md section 4.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from operator import itemgetter

from mailframe.model.flag import NO_FLAGS, FlagSet
from mailframe.model.uid_set import UID_MAX, UIDSet
from mailframe.storage.maildir import records
from mailframe.storage.maildir.flagging import vanish
from mailframe.storage.maildir.index import Index, MailboxRow, snapshot
from mailframe.storage.maildir.names import (
    FileName,
    file_name,
    has_uid,
    unique,
    usable,
    with_uid,
)
from mailframe.storage.maildir.recovery import remove, unfinished
from mailframe.storage.maildir.scan import Differences, Found
from mailframe.storage.maildir.store import AccountStore, Delta, settled
from mailframe.storage.writer import Batch

_NOWHERE = "/"


def adopt(
    store: AccountStore, batch: Batch, mailbox_id: str, differences: Differences
) -> Delta:
    """Take over what :func:`~.scan.compare` found, as far as it is still so."""
    with store.step(batch) as index:
        row = store.mailbox(mailbox_id)
        delta = Delta(row, [], [], named=True)
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
            _take_files(store, batch, index, row, differences, delta)
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
            (now, wanted != (now or "") or not has_uid(file), base + uid),
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
    differences: Differences,
    delta: Delta,
) -> None:
    """Give new files UIDs; those whose names cannot wait get them at once."""
    letters = store.letters(row)
    new = _still_new(store, index, row, differences.found)
    uids = _uids(store, index, row, new, len(differences.rest))
    base_id, modseq = row.span()[0], row.highest_modseq
    files: list[records.File] = []
    rows = []
    known: dict[str, tuple[FlagSet, int]] = {}
    for one, uid in zip(new, uids, strict=True):
        parts = one.name
        disk = "".join(sorted(set(parts.letters)))
        own = parts.base if usable(parts.base) else ""
        base = with_uid(own or unique(), uid)
        named: tuple[str, str | None] = base, disk
        if differences.many and own and one.alone and _may_wait(one.place, own, disk):
            named = own, None if one.place.startswith("new/") else disk
        elif not _rename(store, row, one.place, base, disk):
            continue
        if disk not in known:
            flags = letters.flags(disk) if disk else NO_FLAGS
            flags, keywords = store.spelt(row, flags)
            if keywords is not None:
                delta.keywords = keywords
            known[disk] = flags, index.flag_number(flags)
        flags, number = known[disk]
        lf = int(one.size != one.disk_size)
        # A name that had another UID is not found by what the new one says.
        origin = None if own and not has_uid(own) else (0, parts.base)
        facts = uid, base, disk, tuple(flags), one.date, one.size, lf
        files.append(records.File(*facts, origin=origin))
        owed = named[0] is not base
        times = (modseq, modseq, one.date)
        rows.append((base_id + uid, *named, owed, number, *times, one.size, lf))
        delta.added.append((uid, flags, one.date, one.size))
    index.executemany("INSERT INTO messages VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
    delta.added.sort(key=itemgetter(0))
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


def _still_new(
    store: AccountStore, index: Index, row: MailboxRow, found: Sequence[Found]
) -> list[Found]:
    """Return the files nobody has taken over or begun to remove meanwhile."""
    expunged = frozenset(
        file
        for (file,) in index.execute(
            "SELECT file FROM removals WHERE mailbox=?", (row.id,)
        )
    )
    new = []
    for one in found:
        parts = one.name
        if parts.base in expunged or _is_ours(store, index, row, one.place, parts):
            continue
        if unfinished(store, parts, one.disk_size):
            remove(store, f"{store.directory(row)}/{one.place}")
            continue
        new.append(one)
    return new


def _uids(
    store: AccountStore, index: Index, row: MailboxRow, new: Sequence[Found], rest: int
) -> list[int]:
    """Return the UIDs of new files: those they bring along, or the next ones.

    Args:
        store: The account.
        index: The account's.
        row: The mailbox.
        new: The files.
        rest: How many more there are, to be taken over soon.
    """
    kept: set[int] = set()
    uids: list[int | None] = []
    for one in new:
        uid = one.uid
        if uid is not None and (uid in kept or _taken(index, row, uid)):
            uid = None
        elif uid is not None:
            kept.add(uid)
        uids.append(uid)
    fresh = iter(store.take_uids(row, uids.count(None), rest))
    return [next(fresh) if uid is None else uid for uid in uids]


def _may_wait(place: str, base: str, disk: str) -> bool:
    """Tell whether the index can have a file by the name it has."""
    return not has_uid(base) and place in (f"cur/{base}:2,{disk}", f"new/{base}")


def _rename(
    store: AccountStore, row: MailboxRow, place: str, base: str, disk: str
) -> bool:
    """Give a file its name; False if it is not there any more."""
    path, there = store.path(row, base, disk), f"{store.directory(row)}/{place}"
    if path != there:
        try:
            store.os_layer.rename(there, path)
        except FileNotFoundError:
            return False
    return True


def _is_ours(
    store: AccountStore, index: Index, row: MailboxRow, place: str, parts: FileName
) -> bool:
    """Tell whether a file is known by now."""
    uid = parts.uid
    if uid is None or not usable(parts.base):
        return False
    message = index.execute(
        "SELECT file, disk FROM messages WHERE id=?", (row.span()[0] + uid,)
    ).fetchone()
    if message is None or message[0] != parts.base:
        return False
    path, there = store.path(row, *message), f"{store.directory(row)}/{place}"
    if path == there or not os.path.exists(path):
        return True
    # A second file of the same name is another message; a second name of the same
    # file is what a rename left that a crash did by half.
    with suppress(FileNotFoundError):
        if not os.path.samefile(path, there):
            return False
        store.os_layer.unlink(there)
    return True


def _taken(index: Index, row: MailboxRow, uid: int) -> bool:
    return (
        not 0 < uid < min(row.uid_next, UID_MAX)
        or index.execute(
            "SELECT 1 FROM messages WHERE id=?", (row.span()[0] + uid,)
        ).fetchone()
        is not None
    )
