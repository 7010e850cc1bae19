"""The job that stores a message in the place of another.

Source: RFC 8508 section 3.4.
"""

from mailframe.errors import MessageGone
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir import arrival, flagging
from mailframe.storage.maildir.arrival import Draft
from mailframe.storage.maildir.index import snapshot
from mailframe.storage.maildir.store import AccountStore, Delta
from mailframe.storage.writer import Batch


def replace(
    store: AccountStore,
    batch: Batch,
    source_id: str,
    uid: int,
    target_id: str,
    draft: Draft,
) -> tuple[list[int], list[Delta]]:
    """Store a message and remove another, both or none.

    Returns:
        The UID of the new one, and what happened to the mailboxes.

    Raises:
        MessageGone: There is no message to remove.
        OverQuota: It does not fit even without the other.
    """
    with store.step(batch) as index:
        source = store.mailbox(source_id)
        [span] = source.spans(UIDSet.of([uid]))
        gone = index.execute(
            "SELECT id & 4294967295, file, disk FROM messages WHERE id BETWEEN ? AND ?",
            span,
        ).fetchall()
        if not gone:
            raise MessageGone(str(uid))
        # It makes room for the other, so it goes first.
        place = len(batch.records)
        removed = flagging.remove(store, batch, index, source, gone)
        index.update_mailbox(source)
        deltas = [Delta(snapshot(source), [], [], removed)]
        uids, added = arrival.append(store, batch, target_id, [draft])
        # In the journal it goes last: of a torn one too much is left, not too little.
        batch.records.append(batch.records.pop(place))
        return uids, [*deltas, added]
