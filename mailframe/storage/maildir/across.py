"""The job that copies messages into a mailbox of another account.

A copy is one more link to the same file, as within an account. The copies' names
are on the disk before the journal says that they are there, so that the originals
may go as soon as the copying is answered.

Source: RFC 9051 section 6.4.7, RFC 4314 section 4 (COPY).
"""

from collections.abc import Callable, Sequence

from mailframe.model.flag import FlagSet
from mailframe.model.mailbox import Copied
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir import records
from mailframe.storage.maildir.arrival import add_message
from mailframe.storage.maildir.index import MailboxRow, snapshot
from mailframe.storage.maildir.store import AccountStore, Delta
from mailframe.storage.maildir.summary_rows import carry_rows
from mailframe.storage.maildir.transfer import originals, place, take_back
from mailframe.storage.writer import Batch


def copy(
    store: AccountStore,
    batch: Batch,
    source_store: AccountStore,
    source_id: str,
    uids: UIDSet,
    target_id: str,
    flags: Callable[[FlagSet], FlagSet],
) -> tuple[Copied, list[Delta]]:
    """Append copies, all or none.

    Args:
        store: The account they go to.
        batch: The job's.
        source_store: The account they come from.
        source_id: Of the mailbox there.
        uids: The messages.
        target_id: Of the mailbox they go to.
        flags: Given a message's flags, returns its copy's.

    Raises:
        NoSuchMailbox: One of the mailboxes was deleted.
        OverQuota: They do not fit.
    """
    with store.step(batch) as index, source_store.step(batch) as source_index:
        target, source = store.mailbox(target_id), source_store.mailbox(source_id)
        found = originals(source_store, source_index, source, uids)
        arrival = Delta(target, [], [])
        if not found:
            return Copied(target.uid_validity), []
        store.usage.make_room(index, sum(one.size for one in found), len(found))
        modseq = store.tick(target)
        files: list[records.File] = []
        with store.own_change(target):
            taken = store.take_uids(target, len(found))
            for uid, original in zip(taken, found, strict=True):
                spelt, keywords = store.spelt(target, flags(original.flags))
                if keywords is not None:
                    arrival.keywords = keywords
                file = place(store, batch, target, uid, spelt, original, moving=False)
                add_message(store, index, target, file, spelt, modseq)
                files.append(file)
                arrival.added.append((uid, spelt, file.date, file.size))
        for name in {"new" if file.disk is None else "cur" for file in files}:
            store.os_layer.fsync_dir(f"{store.directory(target)}/{name}")
        carry_rows(
            index,
            source_index,
            [
                (target.span()[0] + uid, source.span()[0] + one.uid)
                for uid, one in zip(taken, found, strict=True)
            ],
        )
        index.update_mailbox(target)
        arrival.row = snapshot(target)
        _record(store, batch, source_store, source, target, files, modseq)
        batch.undo(
            lambda: store.compensate(
                lambda index: take_back(index, target, taken[0], taken[-1])
            )
        )
        made = {one.uid: uid for uid, one in zip(taken, found, strict=True)}
        return Copied(target.uid_validity, made), [arrival]


def _record(
    store: AccountStore,
    batch: Batch,
    source_store: AccountStore,
    source: MailboxRow,
    target: MailboxRow,
    files: Sequence[records.File],
    modseq: int,
) -> None:
    batch.record(
        records.LINKED,
        records.pack(
            store.address,
            target.mailbox_id,
            owner=source_store.address,
            source=source.mailbox_id,
            modseq=modseq,
            files=files,
        ),
    )
