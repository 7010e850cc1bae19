"""The process that files messages, see :mod:`.filer`.

Source: docs/decisions/0009-a-process-that-files.rst.
"""

import marshal
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from mailframe.errors import TemporaryFailure
from mailframe.model.flag import intern_flags
from mailframe.storage.maildir import records
from mailframe.storage.maildir.filer import Filed
from mailframe.storage.maildir.filing import Unfiled
from mailframe.storage.maildir.index import INDEX_FILE, MailboxRow
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.side_process import serve

STORES_MAX = 128
"""Accounts whose index the process keeps open."""


class _Desk:
    """What the process does with requests."""

    def __init__(self) -> None:
        """Begin without accounts."""
        self._stores: OrderedDict[str, tuple[AccountStore, int]] = OrderedDict()

    def answer(self, request: bytes) -> bytes:
        """File messages; say where they are now, or that it cannot be done."""
        root, address, messages = marshal.loads(request)  # noqa: S302 - our parent
        try:
            filed = self._file(self._store(root, address), messages)
        except Exception:
            # Its messages wait for another try, which is not this process's.
            self._forget(root)
            filed = None
        return marshal.dumps(filed)

    def _file(self, store: AccountStore, messages: Any) -> Filed:
        found: list[tuple[str, int, int, int]] = []

        def tell(filed: Mapping[str, int], rows: Sequence[MailboxRow]) -> None:
            for row in rows:
                modseq = filed[row.mailbox_id]
                found.append((row.mailbox_id, modseq, row.new_mtime, row.cur_mtime))

        store.filing.tell = tell
        store.filing.add(
            [
                Unfiled(
                    mailbox_id,
                    (file := records.File(*facts)),
                    intern_flags(frozenset(file.flags)),
                    modseq,
                    octets,
                    date,
                )
                for mailbox_id, facts, modseq, octets, date in messages
            ]
        )
        store.filing.behind()
        return found

    def _store(self, root: str, address: str) -> AccountStore:
        """Return an account, its index opened again if that is another one now."""
        try:
            now = os.stat(f"{root}/{INDEX_FILE}").st_ino
        except FileNotFoundError:
            raise TemporaryFailure(f"{root} has no index") from None
        store, inode = self._stores.get(root, (None, 0))
        if store is None or inode != now:
            self._forget(root)
            store = AccountStore(root, address)
        self._stores[root] = store, now
        self._stores.move_to_end(root)
        if len(self._stores) > STORES_MAX:
            self._forget(next(iter(self._stores)))
        if store.opened:
            # Numbers of flag sets are no promise beyond a transaction.
            store.index.forget_flag_sets()
        return store

    def _forget(self, root: str) -> None:
        store, _ = self._stores.pop(root, (None, 0))
        if store is not None:
            store.close()


def main() -> None:
    """File what is asked for on the standard input."""
    serve(_Desk().answer)
