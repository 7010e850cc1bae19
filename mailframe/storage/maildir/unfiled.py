"""Which mailboxes have messages in the journal only, for the reactor thread.

The writer thread files them and tells of it a moment later (:mod:`.filing`).
The mod-sequences of a mailbox say what is meant: they only grow.

Source: DESIGN.md section 5.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mailframe.storage.maildir.index import MailboxRow


class UnfiledMailboxes:
    """Those of one account."""

    def __init__(self) -> None:
        """Begin with none."""
        self._unfiled: dict[str, int] = {}
        self._filed: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._unfiled)

    def __contains__(self, mailbox_id: str) -> bool:
        """Whether this one is among them."""
        return mailbox_id in self._unfiled

    def came(self, row: MailboxRow) -> None:
        """Note that messages came to a mailbox, which made it what it is."""
        if row.highest_modseq > self._filed.get(row.mailbox_id, 0):
            self._unfiled[row.mailbox_id] = row.highest_modseq

    def filed(self, modseqs: Mapping[str, int]) -> None:
        """Note that all that came to mailboxes up to these states is filed."""
        self._filed.update(modseqs)
        for mailbox_id, modseq in modseqs.items():
            if self._unfiled.get(mailbox_id, 0) <= modseq:
                self._unfiled.pop(mailbox_id, None)

    def teller(
        self, reactor: Any, take: Callable[[Sequence[MailboxRow]], None]
    ) -> Callable[[Mapping[str, int], Sequence[MailboxRow]], None]:
        """Return what the writer thread calls when messages are filed.

        Args:
            reactor: Provides IReactorFromThreads.
            take: A method, called with the mailboxes in the reactor thread as
                long as its object is there.
        """
        method = weakref.WeakMethod(take)

        def filed(modseqs: Mapping[str, int], rows: Sequence[MailboxRow]) -> None:
            self.filed(modseqs)
            found = method()
            if found is not None:
                found(rows)

        return lambda modseqs, rows: reactor.callFromThread(filed, modseqs, rows)
