"""What other programs did to a mailbox: found by a reader, taken over by a job.

:func:`compare` looks at the directories beside a snapshot of the index, in a
reading thread, however long that takes. :func:`adopt` is the job that checks
each difference once more and takes it over: new files get UIDs and their place
in ``cur/``, changed letters change flags, missing files vanish.

Source: https://cr.yp.to/proto/maildir.html; DESIGN.md section 4.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from mailframe.model.flag import NO_FLAGS, FlagSet
from mailframe.model.uid_set import UID_MAX, UIDSet
from mailframe.storage.maildir import records
from mailframe.storage.maildir.arrival import add_message
from mailframe.storage.maildir.flagging import vanish
from mailframe.storage.maildir.identity import read_uidlist
from mailframe.storage.maildir.index import Index, MailboxRow
from mailframe.storage.maildir.names import (
    FileName,
    file_name,
    unique,
    usable,
    with_uid,
)
from mailframe.storage.maildir.store import (
    AccountStore,
    Delta,
    settled,
    snapshot,
)
from mailframe.storage.writer import Batch

SLICE = 1000
"""New files taken over at once."""

_PIECE = 1_048_576

Listed = dict[str, list[str]]
"""Place and name of message files by their base name."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file nobody gave a UID yet.

    Attributes:
        place: ``new/`` or ``cur/`` and its name there.
        uid: The one it brings along, from a lost index or from Dovecot.
        size: Octets once its lines end in CRLF.
        disk_size: Octets it has.
        date: When it arrived, seconds since 1970.
    """

    place: str
    uid: int | None
    size: int
    disk_size: int
    date: int


@dataclass(slots=True)
class Differences:
    """Where directories and index differ.

    Attributes:
        mtimes: Of ``new/`` and ``cur/`` before they were read.
        found: Files to take over, in the order of their UIDs.
        more: Whether there are more of them, for another time.
        missing: UIDs whose files are nowhere.
        renamed: UID, and place and name now, of files whose name changed.
    """

    mtimes: tuple[int, int]
    found: list[Found] = field(default_factory=list)
    more: bool = False
    missing: list[int] = field(default_factory=list)
    renamed: list[tuple[int, str]] = field(default_factory=list)

    def any(self) -> bool:
        """Tell whether there is any difference."""
        return bool(self.found or self.missing or self.renamed)


@dataclass(frozen=True, slots=True)
class Known:
    """What the index has of a mailbox's files: UID, base name and letters."""

    row: MailboxRow
    files: Sequence[tuple[int, str, str | None]]
    expunged: frozenset[str]


def known(index: Index, row: MailboxRow) -> Known:
    """Read what the index knows of a mailbox's files."""
    return Known(
        row,
        index.execute(
            "SELECT id & 4294967295, file, disk FROM messages WHERE id BETWEEN ? AND ?",
            row.span(),
        ).fetchall(),
        frozenset(
            file
            for (file,) in index.execute(
                "SELECT file FROM removals WHERE mailbox=?", (row.id,)
            )
        ),
    )


def compare(
    directory: str, mtimes: tuple[int, int], listed: Listed, there: Known
) -> Differences:
    """Find out how a mailbox's directories differ from the index.

    Args:
        directory: The mailbox's.
        mtimes: Of ``new/`` and ``cur/``, taken before they were read.
        listed: What was in them; it is used up.
        there: What the index knew after they were read.

    Raises:
        OSError: A file cannot be read.
    """
    differences = Differences(mtimes)
    lost = []
    for uid, file, disk in there.files:
        places = listed.pop(file, None)
        expected = _relative(file, disk)
        if places is None:
            lost.append((uid, file))
            continue
        if expected in places:
            places.remove(expected)
        else:
            differences.renamed.append((uid, places.pop()))
        if places:
            listed[file] = places
    if lost:
        # A name that changes while a directory is read may be passed over.
        again = listing(directory)
        differences.missing = [uid for uid, file in lost if file not in again]
    _look_for_new(differences, there, directory, listed)
    return differences


def _relative(file: str, disk: str | None) -> str:
    return f"new/{file}" if disk is None else f"cur/{file}:2,{disk}"


def listing(directory: str) -> Listed:
    """Return place and name of each message file by its base name."""
    listed: Listed = {}
    for place in ("new", "cur"):
        for name in os.listdir(f"{directory}/{place}"):
            if not name.startswith("."):
                base = name.partition(":")[0]
                listed.setdefault(base, []).append(f"{place}/{name}")
    return listed


def _look_for_new(
    differences: Differences,
    there: Known,
    directory: str,
    listed: Listed,
) -> None:
    """Note the files nobody gave a UID: those that bring one along come first."""
    row = there.row
    uids = {} if row.scanned else read_uidlist(directory).uids
    names = []
    for base, places in listed.items():
        if base in there.expunged:
            continue
        parts = file_name(base)
        uid = None if row.scanned else uids.get(base, parts.uid)
        if uid is not None and uid >= row.uid_next:
            uid = None
        for place in places:
            names.append((uid or 2**32, parts.arrived or 0, place, uid))
    names.sort(key=lambda one: one[:3])
    differences.more = len(names) > SLICE
    for _, arrived, place, uid in names[:SLICE]:
        with suppress(FileNotFoundError, IsADirectoryError):
            differences.found.append(_look_at(directory, place, uid, arrived))


def _look_at(directory: str, place: str, uid: int | None, arrived: int) -> Found:
    """Return what has to be known of a new file before it is taken over."""
    path = f"{directory}/{place}"
    status = os.stat(path)
    sizes = file_name(place).sizes
    if sizes and sizes[0] == status.st_size:
        size = sizes[1]
    else:
        size = status.st_size + _bare_line_ends(path)
    return Found(place, uid, size, status.st_size, int(status.st_mtime) or arrived)


def _bare_line_ends(path: str) -> int:
    """Count the LFs of a file that have no CR before them."""
    count, last = 0, b""
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            count += piece.count(b"\n") - piece.count(b"\r\n")
            if last == b"\r" and piece.startswith(b"\n"):
                count -= 1
            last = piece[-1:]
    return count


def adopt(
    store: AccountStore, batch: Batch, mailbox_id: str, differences: Differences
) -> Delta:
    """Take over what :func:`compare` found, as far as it is still so."""
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


_NOWHERE = "/"


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
    for one in found:
        parts = file_name(one.place[4:])
        if _is_ours(index, row, parts):
            continue
        uid = one.uid
        if uid is None or _taken(index, row, uid):
            (uid,) = store.take_uids(row, 1)
        base = with_uid(parts.base if usable(parts.base) else unique(), uid)
        disk = "".join(sorted(set(parts.letters)))
        try:
            store.os_layer.rename(
                f"{directory}/{one.place}", store.path(row, base, disk)
            )
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
        delta.added.append((uid, flags, file.date, file.size))
    delta.added.sort(key=lambda one: one[0])
    if found:
        # A UID once told must not name another message after a crash.
        batch.record(
            records.TAKEN,
            records.pack(store.address, row.mailbox_id, uid_next=row.uid_next),
        )


def _is_ours(index: Index, row: MailboxRow, parts: FileName) -> bool:
    """Tell whether a file is known by now, or expunged and about to go."""
    return (
        parts.uid is not None
        and index.execute(
            "SELECT 1 FROM messages WHERE id=? AND file=?",
            (row.span()[0] + parts.uid, parts.base),
        ).fetchone()
        is not None
    ) or index.execute(
        "SELECT 1 FROM removals WHERE mailbox=? AND file=?", (row.id, parts.base)
    ).fetchone() is not None


def _taken(index: Index, row: MailboxRow, uid: int) -> bool:
    return (
        not 0 < uid < min(row.uid_next, UID_MAX)
        or index.execute(
            "SELECT 1 FROM messages WHERE id=?", (row.span()[0] + uid,)
        ).fetchone()
        is not None
    )
