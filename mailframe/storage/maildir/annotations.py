"""Notes on mailboxes, in a file of the mailbox's directory.

``mailframe.metadata`` is a JSON object: the octets in base 64 by entry. The
notes on the account are in ``mailframe.account-metadata`` beside that of INBOX.
A file goes with its directory when a mailbox is renamed or deleted.

Source: RFC 5464 section 4.1.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping

from mailframe.storage.annotations import annotated
from mailframe.storage.maildir.dotlock import change_file, read_small
from mailframe.storage.maildir.index import snapshot
from mailframe.storage.maildir.store import AccountStore, Delta
from mailframe.storage.writer import Batch

_FILE = "mailframe.metadata"
_ACCOUNT_FILE = "mailframe.account-metadata"


def read(store: AccountStore, mailbox_id: str | None) -> dict[str, bytes]:
    """Return the notes on a mailbox, or on the account for ``None``.

    Raises:
        NoSuchMailbox: It was deleted.
        TemporaryFailure: They cannot be read.
    """
    try:
        return _parsed(read_small(_path(store, mailbox_id)))
    except OSError as error:
        raise store.refused(error) from error


def change(
    store: AccountStore,
    batch: Batch,
    mailbox_id: str | None,
    values: Mapping[str, bytes | None],
) -> tuple[None, list[Delta]]:
    """Set notes or take them away, durably.

    A mailbox whose notes change has a new mod-sequence.

    Raises:
        NoSuchMailbox: It was deleted.
        LimitExceeded: There would be too many.
        TemporaryFailure: The disk failed.

    Source: RFC 7162 section 3.2.
    """
    if mailbox_id is None:
        _write(store, None, values)
        return None, []
    with store.step(batch) as index:
        row = store.mailbox(mailbox_id)
        if not _write(store, mailbox_id, values):
            return None, []
        store.tick(row)
        index.update_mailbox(row)
        return None, [Delta(snapshot(row), [], [])]


def _write(
    store: AccountStore, mailbox_id: str | None, values: Mapping[str, bytes | None]
) -> bool:
    """Change the file; tell whether anything is different now."""
    path = _path(store, mailbox_id)
    differs = []

    def changed(octets: bytes) -> bytes:
        had = _parsed(octets)
        notes = annotated(had, values)
        differs.append(notes != had)
        kept = {entry: b64encode(value).decode() for entry, value in notes.items()}
        return json.dumps(kept, indent=1, sort_keys=True).encode() + b"\n"

    try:
        change_file(path, changed, store.os_layer)
    except OSError as error:
        raise store.refused(error) from error
    return any(differs)


def _path(store: AccountStore, mailbox_id: str | None) -> str:
    store.ready()
    if mailbox_id is None:
        return os.path.join(store.root, _ACCOUNT_FILE)
    return os.path.join(store.directory(store.mailbox(mailbox_id)), _FILE)


def _parsed(octets: bytes) -> dict[str, bytes]:
    """Return what a file says; nothing when it is damaged."""
    try:
        found = json.loads(octets) if octets else {}
        return {entry: b64decode(value) for entry, value in found.items()}
    except (ValueError, AttributeError, TypeError):
        return {}
