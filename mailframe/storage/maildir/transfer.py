"""The jobs that copy and move messages between mailboxes of one account.

A copy is one more link to the same file, a move is a rename; no octet is read.

Source: RFC 9051 section 6.4.7, RFC 6851 section 3.3.
"""

import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from mailframe.model.flag import FlagSet
from mailframe.model.mailbox import Copied
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir import records
from mailframe.storage.maildir.arrival import add_message, forget
from mailframe.storage.maildir.flagging import vanish
from mailframe.storage.maildir.index import Index, MailboxRow, snapshot
from mailframe.storage.maildir.names import new_base
from mailframe.storage.maildir.store import AccountStore, Delta, find_file
from mailframe.storage.maildir.summary_rows import copy_rows, move_rows
from mailframe.storage.writer import Batch

_CANNOT_LINK = frozenset((errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP))


@dataclass(frozen=True, slots=True)
class Original:
    """A message that is to be copied or moved.

    Attributes:
        uid: Its UID.
        name: Base name of its file.
        path: Where that is.
        flags: Its flags.
        date: Internal date.
        size: Octets, with CRLF.
        lf: Whether the file has bare LFs.
    """

    uid: int
    name: str
    path: str
    flags: FlagSet
    date: int
    size: int
    lf: int


def copy(
    store: AccountStore, batch: Batch, source_id: str, uids: UIDSet, target_id: str
) -> tuple[Copied, list[Delta]]:
    """Append copies of messages to a mailbox, all or none."""
    return _transfer(store, batch, source_id, uids, target_id, moving=False)


def move(
    store: AccountStore, batch: Batch, source_id: str, uids: UIDSet, target_id: str
) -> tuple[Copied, list[Delta]]:
    """The same, and the originals are gone."""
    return _transfer(store, batch, source_id, uids, target_id, moving=True)


def _transfer(
    store: AccountStore,
    batch: Batch,
    source_id: str,
    uids: UIDSet,
    target_id: str,
    *,
    moving: bool,
) -> tuple[Copied, list[Delta]]:
    with store.step(batch) as index:
        target = store.mailbox(target_id)
        source = target if source_id == target_id else store.mailbox(source_id)
        found = originals(store, index, source, uids)
        arrival = Delta(target, [], [])
        if not found:
            return Copied(target.uid_validity), []
        if not moving:
            octets = sum(original.size for original in found)
            store.usage.make_room(index, octets, len(found))
        modseq = store.tick(target)
        files: list[records.File] = []
        with store.own_change(target), store.own_change(source):
            for uid, original in zip(
                store.take_uids(target, len(found)), found, strict=True
            ):
                flags, keywords = store.spelt(target, original.flags)
                if keywords is not None:
                    arrival.keywords = keywords
                file = place(store, batch, target, uid, flags, original, moving=moving)
                add_message(store, index, target, file, flags, modseq)
                files.append(file)
                arrival.added.append((uid, flags, file.date, file.size))
        pairs = [
            (target.span()[0] + file.uid, source.span()[0] + original.uid)
            for file, original in zip(files, found, strict=True)
        ]
        (move_rows if moving else copy_rows)(index, pairs)
        deltas = [arrival]
        if moving:
            removed = UIDSet.of(original.uid for original in found)
            if source is target:
                vanish(index, source, removed, modseq)
                arrival.removed = removed
            else:
                vanish(index, source, removed, store.tick(source))
                index.update_mailbox(source)
                deltas.append(Delta(snapshot(source), [], [], removed))
        index.update_mailbox(target)
        arrival.row = snapshot(target)
        _record(store, batch, source, target, files, modseq, moving=moving)
        first, last = files[0].uid, files[-1].uid
        batch.undo(
            lambda: store.compensate(
                lambda ix: take_back(ix, target, first, last, source)
            )
        )
        return (
            Copied(
                target.uid_validity,
                {
                    original.uid: file.uid
                    for original, file in zip(found, files, strict=True)
                },
            ),
            deltas,
        )


def originals(
    store: AccountStore, index: Index, source: MailboxRow, uids: UIDSet
) -> list[Original]:
    """Return the messages there are, those whose file is gone left out."""
    found: list[Original] = []
    for span in source.spans(uids):
        for uid, file, disk, flags, date, size, lf in index.execute(
            "SELECT id & 4294967295, file, disk, flags, date, size, lf"
            " FROM messages WHERE id BETWEEN ? AND ?",
            span,
        ).fetchall():
            path = store.path(source, file, disk)
            if not os.path.exists(path):
                other = find_file(store.directory(source), file)
                if other is None:
                    continue
                path = other[0]
            found.append(
                Original(uid, file, path, index.flag_set(flags), date, size, lf)
            )
    return found


def place(
    store: AccountStore,
    batch: Batch,
    target: MailboxRow,
    uid: int,
    flags: FlagSet,
    original: Original,
    *,
    moving: bool,
) -> records.File:
    """Give a message its file in a mailbox.

    Args:
        store: The account of the mailbox.
        batch: The job's.
        target: The mailbox.
        uid: The message's there.
        flags: The message's there.
        original: Where it comes from.
        moving: Whether the file leaves the place where it was.

    Raises:
        OSError: That cannot be done.
    """
    disk = store.letters(target).letters(flags)
    disk_size = os.stat(original.path).st_size if original.lf else None
    base = new_base(uid, original.size, disk_size)
    path = store.path(target, base, disk)
    if moving:
        store.os_layer.rename(original.path, path)
        batch.undo(lambda: store.os_layer.rename(path, original.path))
    else:
        draft = f"{store.directory(target)}/tmp/{base}"
        link_or_copy(store, original.path, draft, path)
        batch.undo(lambda: store.os_layer.unlink(path))
    return records.File(
        uid,
        base,
        disk,
        tuple(flags),
        original.date,
        original.size,
        original.lf,
        origin=(original.uid, original.name),
    )


def link_or_copy(store: AccountStore, source: str, draft: str, path: str) -> None:
    """Give a file one more name, or copy it where links cannot be."""
    try:
        store.os_layer.link(source, path)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        try:
            shutil.copy2(source, draft)
            fd = store.os_layer.open(draft, os.O_RDONLY)
            try:
                store.os_layer.fsync(fd)
            finally:
                store.os_layer.close(fd)
            store.os_layer.rename(draft, path)
        except BaseException:
            if os.path.exists(draft):
                store.os_layer.unlink(draft)
            raise


def _record(
    store: AccountStore,
    batch: Batch,
    source: MailboxRow,
    target: MailboxRow,
    files: Sequence[records.File],
    modseq: int,
    *,
    moving: bool,
) -> None:
    batch.record(
        records.MOVED if moving else records.LINKED,
        records.pack(
            store.address,
            target.mailbox_id,
            source=source.mailbox_id,
            modseq=modseq,
            files=files,
        ),
    )


def take_back(
    index: Index, target: MailboxRow, first: int, last: int, *others: MailboxRow
) -> None:
    """Forget the copies; a full look at the mailboxes finds what else is true."""
    forget(index, target, first, last)
    for row in (target, *others):
        index.execute(
            "UPDATE mailboxes SET new_mtime=0, cur_mtime=0 WHERE id=?", (row.id,)
        )
