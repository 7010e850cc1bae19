"""Mailboxes of an account in memory, as sessions have them open.

Source: the contracts of :mod:`mailframe.interfaces.mailbox`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from zope.interface import implementer

from mailframe.errors import MessageGone, NoSuchMailbox
from mailframe.interfaces.access import IListedMailbox
from mailframe.interfaces.mailbox import (
    IHeaderIndex,
    IMailbox,
    ISharedMailbox,
    SummaryField,
)
from mailframe.interfaces.maildrop import IRemover
from mailframe.memory_content import MemoryContent
from mailframe.mime.header import split
from mailframe.mime.summary import summarise
from mailframe.model.access import AccessList
from mailframe.model.flag import (
    DELETED,
    SYSTEM_FLAGS,
    FlagChange,
    FlagSet,
    intern_flags,
)
from mailframe.model.mailbox import Changes, Copied, MailboxName, Stored
from mailframe.model.uid_set import UIDSet
from mailframe.storage.memory_box import KEYWORDS_MAX, MemoryBox


class Account(Protocol):
    """What a mailbox needs of its account."""

    def box(self, name: MailboxName) -> MemoryBox:
        """Return what is in a mailbox."""

    def changed(self, box: MemoryBox) -> None:
        """Tell who watches a mailbox."""


@implementer(IMailbox, IHeaderIndex, IRemover, ISharedMailbox, IListedMailbox)
class MemoryMailbox:
    """One session's hold on a mailbox of an account in memory."""

    read_only = False

    def __init__(self, account: Account, name: MailboxName, box: MemoryBox) -> None:
        """Hold a mailbox open."""
        self.name = name
        self.uid_validity = box.uid_validity
        self.mailbox_id = box.mailbox_id
        self.shared = box
        self._account = account
        self._held = box

    @property
    def _box(self) -> MemoryBox:
        if self._held.deleted:
            raise NoSuchMailbox(self.name)
        return self._held

    async def access_list(self) -> AccessList:
        """Return the list."""
        return self._box.access

    def permanent_flags(self) -> tuple[FlagSet, bool]:
        """Return the system flags and the keywords in use."""
        keywords = self._held.keywords
        return (
            frozenset(SYSTEM_FLAGS) | frozenset(keywords.values()),
            len(keywords) < KEYWORDS_MAX,
        )

    async def changes(self, since: int) -> Changes:
        """Compare mod-sequences."""
        box = self._box
        listing = box.listing()
        if since >= listing.highest_modseq:
            return Changes(listing)
        rows = box.messages.items()
        return Changes(
            listing,
            new=UIDSet.of(uid for uid, row in rows if row.arrived > since),
            changed=UIDSet.of(
                uid for uid, row in rows if row.modseq > since >= row.arrived
            ),
            vanished=UIDSet.of(uid for when, uid in box.vanished if when > since),
        )

    def watch(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Register a callback."""
        key = object()
        watchers = self._held.watchers
        watchers[key] = callback
        return lambda: watchers.pop(key, None) and None

    async def recent(self, claim: bool) -> UIDSet:
        """Return what came since the last claim."""
        box = self._box
        found = UIDSet.of(uid for uid in box.messages if uid >= box.first_recent)
        if claim:
            box.first_recent = box.uid_next
        return found

    async def store(
        self,
        uids: UIDSet,
        change: FlagChange,
        flags: FlagSet,
        unchanged_since: int | None = None,
    ) -> Stored:
        """Change flags."""
        box = self._box
        flags = box.spelt(flags)
        present = self._present(uids)
        modified = [
            uid
            for uid in present
            if unchanged_since is not None
            and box.messages[uid].modseq > unchanged_since
        ]
        done = UIDSet.of(present) - UIDSet.of(modified)
        wanted = {}
        for uid in done:
            had = box.messages[uid].flags
            if change is FlagChange.ADD:
                new = had | flags
            elif change is FlagChange.REMOVE:
                new = had - flags
            else:
                new = flags
            if new != had:
                wanted[uid] = intern_flags(new)
        if wanted:
            box.modseq += 1
            for uid, new in wanted.items():
                box.messages[uid].flags = new
                box.messages[uid].modseq = box.modseq
            self._account.changed(box)
        return Stored(done, UIDSet.of(modified))

    async def expunge(self, uids: UIDSet | None = None) -> UIDSet:
        """Remove what is marked."""
        rows = self._box.messages.items()
        marked = UIDSet.of(uid for uid, row in rows if DELETED in row.flags)
        return await self.remove(marked if uids is None else marked & uids)

    async def remove(self, uids: UIDSet) -> UIDSet:
        """Remove messages, marked or not."""
        box, gone = self._box, UIDSet.of(self._present(uids))
        if gone:
            box.modseq += 1
            box.remove(gone)
            self._account.changed(box)
        return gone

    async def copy(self, uids: UIDSet, destination: MailboxName) -> Copied:
        """Append copies."""
        return await self.copy_into(uids, self._account, destination, _as_they_are)

    async def copy_into(
        self,
        uids: UIDSet,
        account: Any,
        name: MailboxName,
        flags: Callable[[FlagSet], FlagSet],
    ) -> Copied:
        """Append copies to a mailbox of any account."""
        messages = self._box.messages
        account.make_room([len(messages[uid].content) for uid in self._present(uids)])
        return self._append_copies(uids, account, name, flags)

    def _append_copies(
        self,
        uids: UIDSet,
        account: Account,
        name: MailboxName,
        flags_of: Callable[[FlagSet], FlagSet],
    ) -> Copied:
        box = account.box(name)
        source = [(uid, self._box.messages[uid]) for uid in self._present(uids)]
        flags = [box.spelt(flags_of(row.flags)) for _, row in source]
        copied = {}
        if source:
            box.modseq += 1
            for (uid, row), flags_of_one in zip(source, flags, strict=True):
                copied[uid] = box.add(row.content, flags_of_one, row.date)
            account.changed(box)
        return Copied(box.uid_validity, copied)

    async def move(self, uids: UIDSet, destination: MailboxName) -> Copied:
        """Append copies and remove the originals."""
        moved = self._append_copies(uids, self._account, destination, _as_they_are)
        if moved.uids:
            self._box.modseq += 1
            self._box.remove(moved.uids)
            self._account.changed(self._box)
        return moved

    async def summaries(
        self, uids: UIDSet, fields: Sequence[SummaryField]
    ) -> tuple[Sequence[Any], ...]:
        """Compute on first need."""
        present = self._present(uids)
        rows = [self._box.messages[uid] for uid in present]
        for row in rows:
            if row.summary is None:
                row.summary = summarise(row.content)
        return (
            present,
            *([getattr(row.summary, field) for row in rows] for field in fields),
        )

    async def headers(self, uids: UIDSet) -> tuple[Sequence[int], Sequence[bytes]]:
        """Cut the contents at their empty lines."""
        present = self._present(uids)
        return present, [split(self._box.messages[uid].content)[0] for uid in present]

    async def headers_with(self, uids: UIDSet, octets: bytes) -> Sequence[int]:
        """Look at each header."""
        found, headers = await self.headers(uids)
        return [
            uid
            for uid, header in zip(found, headers, strict=True)
            if octets in header.lower() or b"=?" in header or not header.isascii()
        ]

    async def load(self, uids: UIDSet, max_octets: int) -> Mapping[int, bytes]:
        """Return contents."""
        loaded: dict[int, bytes] = {}
        for uid in self._present(uids):
            content = self._box.messages[uid].content
            max_octets -= len(content)
            if max_octets < 0:
                break
            loaded[uid] = content
        return loaded

    async def open_content(self, uid: int) -> MemoryContent:
        """Return one content."""
        try:
            return MemoryContent(self._box.messages[uid].content)
        except KeyError:
            raise MessageGone(str(uid)) from None

    def close(self) -> None:
        """Nothing is held."""

    def _present(self, uids: UIDSet) -> list[int]:
        """Return the UIDs of ``uids`` that are there, ascending."""
        column = self._box.listing().uids
        found: list[int] = []
        for start, stop in uids.slices(column):
            found += column[start:stop]
        return found


def _as_they_are(flags: FlagSet) -> FlagSet:
    return flags
