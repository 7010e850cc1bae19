"""The job that gives a mailbox other special uses.

They are in the mailbox's own file, so that a new index knows them again.

Source: RFC 6154 section 4.
"""

from mailframe.storage.maildir.identity import Identity, write_identity
from mailframe.storage.maildir.index import Index, MailboxRow
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.writer import Batch


def set_special_use(
    store: AccountStore, batch: Batch, mailbox_id: str, uses: frozenset[str]
) -> str:
    """Change the special uses of a mailbox, durably.

    Returns:
        What the row of the mailbox has now.

    Raises:
        NoSuchMailbox: It was deleted.
        TemporaryFailure: The disk failed.
    """
    with store.step(batch) as index:
        row = store.mailbox(mailbox_id)
        before, row.special_use = row.special_use, " ".join(sorted(uses))

        def take_back() -> None:
            row.special_use = before
            _write(store, row)
            store.compensate(lambda again: _enter(again, row))

        _write(store, row)
        batch.undo(take_back)
        _enter(index, row)
        return row.special_use


def _write(store: AccountStore, row: MailboxRow) -> None:
    identity = Identity(
        row.uid_validity,
        row.uid_reserved,
        row.mailbox_id,
        frozenset(row.special_use.split()),
    )
    write_identity(store.directory(row), identity, store.os_layer)


def _enter(index: Index, row: MailboxRow) -> None:
    index.execute(
        "UPDATE mailboxes SET special_use=? WHERE id=?", (row.special_use, row.id)
    )
