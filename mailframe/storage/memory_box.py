"""One mailbox of an account in memory: its messages and its clock."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mailframe.errors import LimitExceeded
from mailframe.limits import IMAPLimits
from mailframe.model.access import NO_LIST
from mailframe.model.flag import FlagSet, intern_flags
from mailframe.model.mailbox import Listing
from mailframe.model.summary import Summary

KEYWORDS_MAX = IMAPLimits().keywords
"""Keywords of one mailbox."""


@dataclass(slots=True)
class Message:
    """One message, what is known of it, and the mod-sequences it has had."""

    content: bytes
    flags: FlagSet
    date: int
    modseq: int
    arrived: int
    saved: int
    summary: Summary | None = None


class MemoryBox:
    """One mailbox's messages and clock; sessions hold a MemoryMailbox on it."""

    def __init__(
        self, uid_validity: int, mailbox_id: str, now: Callable[[], float]
    ) -> None:
        """Begin empty; ``now`` is a clock."""
        self._now = now
        self.uid_validity = uid_validity
        self.mailbox_id = mailbox_id
        self.special_use: frozenset[str] = frozenset()
        self.notes: dict[str, bytes] = {}
        self.access = NO_LIST
        self.messages: dict[int, Message] = {}
        self.uid_next = 1
        self.modseq = 1
        self.first_recent = 1
        self.vanished: list[tuple[int, int]] = []
        self.keywords: dict[str, str] = {}
        self.watchers: dict[object, Callable[[], Any]] = {}
        self.deleted = False
        self._listing: Listing | None = None

    def listing(self) -> Listing:
        """Return the columns, made anew only when something happened."""
        if self._listing is None or self._listing.highest_modseq != self.modseq:
            messages = self.messages.values()
            self._listing = Listing(
                highest_modseq=self.modseq,
                uid_next=self.uid_next,
                uids=list(self.messages),
                flags=[message.flags for message in messages],
                modseqs=[message.modseq for message in messages],
                dates=[message.date for message in messages],
                sizes=[len(message.content) for message in messages],
                saved=[message.saved for message in messages],
            )
        return self._listing

    def add(self, content: bytes, flags: FlagSet, date: int) -> int:
        """Store one message under the modseq already taken; return its UID."""
        uid = self.uid_next
        self.uid_next += 1
        self.messages[uid] = Message(
            content, flags, date, self.modseq, self.modseq, int(self._now())
        )
        return uid

    def remove(self, uids: Iterable[int]) -> None:
        """Take messages away under the modseq already taken."""
        for uid in uids:
            del self.messages[uid]
            self.vanished.append((self.modseq, uid))

    def spelt(self, flags: FlagSet) -> FlagSet:
        """Return the flags with keywords as this mailbox first saw them."""
        words = [flag for flag in flags if not flag.startswith("\\")]
        known = {flag.casefold(): flag for flag in words} | self.keywords
        if len(known) > max(KEYWORDS_MAX, len(self.keywords)):
            raise LimitExceeded("too many keywords in this mailbox")
        self.keywords = known
        return intern_flags(
            flags.difference(words) | {known[flag.casefold()] for flag in words}
        )
