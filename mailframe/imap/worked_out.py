"""What was worked out about mailboxes, kept while there is room.

A message never changes but for its flags, so the order of some messages by
their headers, and their threads, hold as long as the messages are there.

Source: RFC 5267 section 4.5 (a server may keep results).
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any
from weakref import ref

from mailframe.interfaces.mailbox import IMailbox
from mailframe.model.uid_set import UIDSet

_MOST = 2_000_000
"""Numbers kept in all, of every session; a message is one in an order."""


@dataclass(frozen=True, slots=True)
class _Entry:
    mailbox: "ref[Any]"
    uids: UIDSet
    value: Any
    size: int


class WorkedOut:
    """Answers by mailbox and question; the ones used longest ago go first."""

    def __init__(self, most: int = _MOST) -> None:
        """Keep nothing yet.

        Args:
            most: How many numbers to keep at most.
        """
        self._most = most
        self._held = 0
        self._entries: OrderedDict[tuple[int, Hashable], _Entry] = OrderedDict()

    def get(self, mailbox: IMailbox, question: Hashable) -> tuple[UIDSet, Any] | None:
        """Return for which messages a question was answered last, and the answer.

        Args:
            mailbox: One session's hold on a mailbox.
            question: What was asked.
        """
        key = id(mailbox), question
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.mailbox() is not mailbox:
            # Another had this place in memory.
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.uids, entry.value

    def put(
        self,
        mailbox: IMailbox,
        question: Hashable,
        uids: UIDSet,
        value: Any,
    ) -> None:
        """Keep an answer about some messages, in place of the one before.

        Args:
            mailbox: One session's hold on a mailbox.
            question: What was asked.
            uids: About which messages.
            value: The answer.
        """
        key = id(mailbox), question
        if key in self._entries:
            self._drop(key)
        size = len(uids) + 1
        if size > self._most // 2:
            return
        self._entries[key] = _Entry(ref(mailbox), uids, value, size)
        self._held += size
        while self._held > self._most:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: tuple[int, Hashable]) -> None:
        self._held -= self._entries.pop(key).size


WORKED_OUT = WorkedOut()
"""What SORT and THREAD keep, of all sessions of this process."""
