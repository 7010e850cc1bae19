"""Jobs on whole mailboxes: which there are, making, deleting, renaming.

The directories are the truth; the index follows them. A mailbox is known by
the ID in its own file, so that one another program renamed is still itself.

Source: RFC 9051 sections 6.3.4 to 6.3.6.
"""

import os
import time
from collections.abc import Iterable
from functools import partial

from mailframe.errors import BadMailboxName, MailboxExists
from mailframe.model.mailbox import INBOX, MailboxName, levels_above
from mailframe.storage.maildir import access
from mailframe.storage.maildir.identity import (
    Identity,
    new_identity,
    read_identity,
    read_uidlist,
)
from mailframe.storage.maildir.index import Index, MailboxRow, snapshot
from mailframe.storage.maildir.names import (
    NAME_MAX,
    directory_name,
    mailbox_of,
    unique,
)
from mailframe.storage.maildir.store import AccountStore, settled
from mailframe.storage.writer import Batch

GONE = "mailframe-gone."
"""What the directory of a deleted mailbox is called until its files are gone."""


def survey(store: AccountStore, batch: Batch) -> tuple[list[MailboxRow], int]:
    """Bring the index in step with the directories there are.

    Returns:
        All mailboxes, and when the account's directory last changed in
        nanoseconds, 0 if that was just now.
    """
    with store.step(batch) as index:
        changed = os.stat(store.root).st_mtime_ns
        known = {row.directory: row for row in index.mailboxes()}
        by_id = {row.mailbox_id: row for row in known.values()}
        found: dict[str, MailboxName] = {"": INBOX}
        with os.scandir(store.root) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                name = mailbox_of(entry.name)
                if (
                    name is not None
                    and name not in found.values()
                    and os.path.isdir(f"{entry.path}/cur")
                ):
                    found[entry.name] = name
        seen: set[str] = set()
        missing: list[tuple[str, MailboxName, Identity | None]] = []
        for directory, name in found.items():
            identity = read_identity(os.path.join(store.root, directory))
            row = known.get(directory)
            if row and (identity is None or identity.mailbox_id == row.mailbox_id):
                if identity is None:
                    # Only INBOX's directory cannot have been made again.
                    if directory:
                        missing.append((directory, name, None))
                        continue
                    row.uid_reserved = 0
                    store.reserve(row)
                elif identity.uid_reserved > row.uid_reserved:
                    _catch_up(store, index, row, identity)
                seen.add(row.mailbox_id)
            else:
                missing.append((directory, name, identity))
        for directory, name, identity in missing:
            moved = by_id.get(identity.mailbox_id) if identity else None
            if moved and moved.mailbox_id not in seen and moved.directory not in found:
                moved.name, moved.directory = name, directory
                index.update_mailbox(moved)
                seen.add(moved.mailbox_id)
                continue
            stale = known.get(directory)
            if stale and stale.mailbox_id not in seen:
                index.remove_mailbox(stale)
            if identity and identity.mailbox_id in seen:
                identity = None
            row = _register(store, index, directory, name, identity)
            seen.add(row.mailbox_id)
        for row in index.mailboxes():
            if row.mailbox_id not in seen:
                index.remove_mailbox(row)
        mtime = changed if settled(changed) else 0
        return [snapshot(row) for row in index.mailboxes()], mtime


def _catch_up(
    store: AccountStore, index: Index, row: MailboxRow, identity: Identity
) -> None:
    """Believe the mailbox's file where it knows of more UIDs than the index.

    The index is older than the directory then, from a backup or a disk that
    lied about a flush; the names of the files say what it lost.
    """
    row.uid_next = max(row.uid_next, identity.uid_reserved)
    store.reserve(row)
    row.scanned = row.new_mtime = row.cur_mtime = 0
    index.execute(
        "UPDATE mailboxes SET known_since=? WHERE id=?", (store.tick(row), row.id)
    )
    index.update_mailbox(row)


def _register(
    store: AccountStore,
    index: Index,
    directory: str,
    name: MailboxName,
    identity: Identity | None,
    special_use: frozenset[str] = frozenset(),
) -> MailboxRow:
    """Take a mailbox directory into the index."""
    path = os.path.join(store.root, directory) if directory else store.root
    store.make_directories(directory)
    uid_next = identity.uid_reserved if identity else 1
    if identity is None:
        listed = read_uidlist(path)
        uid_next = listed.uid_next
        identity = new_identity(
            index.highest_uid_validity(), special_use, listed.uid_validity
        )
    modseq = time.time_ns() // 1_000_000
    row = MailboxRow(
        0,
        name,
        directory,
        identity.mailbox_id,
        identity.uid_validity,
        uid_next,
        identity.uid_reserved,
        modseq,
        1,
        modseq,
        0,
        0,
        0,
        " ".join(sorted(identity.special_use)),
    )
    if uid_next > row.uid_reserved or read_identity(path) != identity:
        row.uid_reserved = 0
        store.reserve(row)
    index.add_mailbox(row)
    return row


def create(
    store: AccountStore,
    batch: Batch,
    name: MailboxName,
    special_use: frozenset[str],
) -> MailboxRow:
    """Make a mailbox, durably.

    Raises:
        MailboxExists: There is a directory for it.
        BadMailboxName: The file system cannot hold the name.
    """
    directory = _directory_for(name)
    with store.step(batch) as index:
        path = os.path.join(store.root, directory)
        if os.path.isdir(f"{path}/cur") or _named(index, name):
            raise MailboxExists(name)
        batch.undo(lambda: _take_away(store, directory))
        row = _register(store, index, directory, name, None, special_use)
        rows = {one.name: one for one in index.mailboxes()}
        for above in levels_above(name, rows):
            access.inherit(store, store.directory(rows[above]), path)
            break
        return snapshot(row)


def delete(store: AccountStore, batch: Batch, mailbox_id: str) -> str:
    """Remove a mailbox.

    Returns:
        The directory its files are in now, for somebody to remove.
    """
    with store.step(batch) as index:
        row = store.mailbox(mailbox_id)
        gone = os.path.join(store.root, GONE + unique())
        path = store.directory(row)
        store.os_layer.rename(path, gone)
        batch.undo(lambda: store.os_layer.rename(gone, path))
        index.remove_mailbox(row)
        store.os_layer.fsync_dir(store.root)
        return gone


def rename(
    store: AccountStore, batch: Batch, names: Iterable[tuple[str, MailboxName]]
) -> list[MailboxRow]:
    """Give mailboxes other names, all or none.

    Args:
        store: The account.
        batch: The job's.
        names: New name by mailbox ID, superior ones first.

    Raises:
        MailboxExists: One of the names is taken.
        BadMailboxName: The file system cannot hold one of them.
    """
    renamed = []
    with store.step(batch) as index:
        for mailbox_id, name in names:
            row = store.mailbox(mailbox_id)
            old, directory = store.directory(row), _directory_for(name)
            new = os.path.join(store.root, directory)
            if os.path.exists(new) or _named(index, name):
                raise MailboxExists(name)
            store.os_layer.rename(old, new)
            batch.undo(partial(store.os_layer.rename, new, old))
            row.name, row.directory = name, directory
            index.update_mailbox(row)
            renamed.append(snapshot(row))
        store.os_layer.fsync_dir(store.root)
    return renamed


def leftovers(root: str) -> list[str]:
    """Return directories of deleted mailboxes that a crash left behind."""
    return [
        os.path.join(root, name) for name in os.listdir(root) if name.startswith(GONE)
    ]


def _directory_for(name: MailboxName) -> str:
    directory = directory_name(name)
    if len(directory) > NAME_MAX:
        raise BadMailboxName("too long for a directory name")
    return directory


def _named(index: Index, name: MailboxName) -> bool:
    return any(row.name == name for row in index.mailboxes())


def _take_away(store: AccountStore, directory: str) -> None:
    """Remove the directory of a mailbox that could not be made after all."""
    path = os.path.join(store.root, directory)
    if os.path.isdir(path):
        store.os_layer.rename(path, os.path.join(store.root, GONE + unique()))
