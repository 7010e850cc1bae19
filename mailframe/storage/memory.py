"""Mail kept in memory: the reference for every other store, and the demo.

The shortest correct code for each contract. Nothing here waits, so a session
over it can be driven without a reactor; watchers are called through the
``soon`` callable handed in.

Source: the contracts of :mod:`mailframe.interfaces.mailbox`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zope.interface import implementer

from mailframe.errors import (
    BadMailboxName,
    MailboxExists,
    MailboxHasChildren,
    MessageGone,
    NoSuchMailbox,
    NotPermitted,
)
from mailframe.interfaces.access import IListedMailbox
from mailframe.interfaces.mailbox import (
    IHeaderIndex,
    IMailAccount,
    IMailbox,
    IReplacer,
    ISaveDates,
    ISharedMailbox,
    ISpecialUseKeeper,
    IWatchedAccount,
    NewMessage,
    SummaryField,
)
from mailframe.interfaces.maildrop import IRemover
from mailframe.mime.lines import to_crlf
from mailframe.mime.summary import summarise
from mailframe.model.access import NO_LIST, AccessList
from mailframe.model.flag import (
    DELETED,
    SEEN,
    SYSTEM_FLAGS,
    FlagChange,
    FlagSet,
    intern_flags,
)
from mailframe.model.mailbox import (
    DELIMITER,
    INBOX,
    Appended,
    Changes,
    Copied,
    MailboxInfo,
    MailboxName,
    MailboxStatus,
    Stored,
    levels_above,
    mailbox_name,
)
from mailframe.model.uid_set import UIDSet
from mailframe.storage.content import MemoryContent, whole
from mailframe.storage.memory_access import MemoryAccess
from mailframe.storage.memory_access_keys import MemoryAccessKeys
from mailframe.storage.memory_annotations import MemoryAnnotations
from mailframe.storage.memory_box import KEYWORDS_MAX, MemoryBox
from mailframe.storage.memory_quota import MemoryQuota
from mailframe.storage.watchers import Watched, Watchers

Soon = Callable[[Callable[[], Any]], Any]


@implementer(IMailAccount, ISpecialUseKeeper, IReplacer, ISaveDates, IWatchedAccount)
class MemoryAccount(
    MemoryQuota, MemoryAnnotations, MemoryAccess, MemoryAccessKeys, Watched
):
    """One user's mail, as long as the object lives."""

    def __init__(
        self,
        address: str,
        *,
        now: Callable[[], float] = lambda: 0.0,
        soon: Soon = lambda call: call(),
        uid_validity: int = 1,
        ids: str = "M",
        relisted: Callable[[], Any] = lambda: None,
    ) -> None:
        """Begin with an empty INBOX.

        Args:
            address: Whose it is.
            now: Seconds since 1970, for internal dates.
            soon: Calls a watcher later; ``reactor.callLater(0, ...)`` in a
                running program.
            uid_validity: Of INBOX; each further mailbox gets the next one.
            ids: What mailbox IDs begin with, other than those of accounts that
                share mailboxes with this one.
            relisted: Called when an access list has changed.
        """
        self.address = address
        self._ids = ids
        self._relisted = relisted
        self._now = now
        self._soon = soon
        MemoryAccessKeys.__init__(self, soon)
        self.watchers = Watchers(soon)
        self._next_validity = uid_validity
        self._subscribed: set[MailboxName] = set()
        self._notes: dict[str, bytes] = {}
        self._boxes: dict[MailboxName, MemoryBox] = {INBOX: self._new_box()}

    def _new_box(self) -> MemoryBox:
        number = self._next_validity
        self._next_validity += 1
        return MemoryBox(number, f"{self._ids}{number}", self._now)

    async def list_mailboxes(self) -> Sequence[MailboxInfo]:
        """Return the mailboxes, sorted."""
        return [
            MailboxInfo(name, True, box.special_use, box.mailbox_id)
            for name, box in sorted(self._boxes.items())
        ]

    async def subscriptions(self) -> frozenset[MailboxName]:
        """Return the subscribed names."""
        return frozenset(self._subscribed)

    async def subscribe(self, name: MailboxName, subscribed: bool) -> None:
        """Add or drop one."""
        (self._subscribed.add if subscribed else self._subscribed.discard)(name)
        self.watchers.subscriptions()

    async def create(
        self, name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> None:
        """Make a mailbox."""
        if name in self._boxes:
            raise MailboxExists(name)
        box = self._new_box()
        box.special_use = special_use
        box.access = next(
            (self._boxes[level].access for level in levels_above(name, self._boxes)),
            NO_LIST,
        )
        self._boxes[name] = box
        self.watchers.names()

    async def delete(self, name: MailboxName) -> None:
        """Remove a mailbox."""
        if name == INBOX:
            raise NotPermitted("INBOX stays")
        box = self._boxes.pop(name, None)
        if box is None:
            if self._inferiors(name):
                raise MailboxHasChildren(name)
            raise NoSuchMailbox(name)
        box.deleted = True
        self._changed(box)
        self.watchers.names()

    async def rename(self, name: MailboxName, to: MailboxName) -> None:
        """Move a mailbox and its inferiors, or the messages of INBOX."""
        inferiors = [] if name == INBOX else self._inferiors(name)
        if name not in self._boxes and not inferiors:
            raise NoSuchMailbox(name)
        if name != INBOX and to.startswith(name + DELIMITER):
            raise BadMailboxName("below itself")
        moving = [name, *inferiors] if name in self._boxes else inferiors
        renamed = {old: mailbox_name(to + old[len(name) :]) for old in moving}
        if any(new in self._boxes for new in renamed.values()):
            raise MailboxExists(to)
        if name == INBOX:
            self._boxes[to] = self._new_box()
            self._boxes[to].notes = dict(self._boxes[INBOX].notes)
            self._boxes[to].access = self._boxes[INBOX].access
            inbox = await self.open(INBOX)
            await inbox.move(UIDSet(((1, 2**32 - 1),)), to)
        else:
            for old, new in renamed.items():
                self._boxes[new] = self._boxes.pop(old)
        self.watchers.names()

    async def status(self, name: MailboxName) -> MailboxStatus:
        """Count."""
        box = self._box(name)
        flags = [message.flags for message in box.messages.values()]
        return MailboxStatus(
            messages=len(flags),
            recent=sum(uid >= box.first_recent for uid in box.messages),
            unseen=sum(SEEN not in those for those in flags),
            deleted=sum(DELETED in those for those in flags),
            size=sum(len(message.content) for message in box.messages.values()),
            uid_next=box.uid_next,
            uid_validity=box.uid_validity,
            highest_modseq=box.modseq,
            mailbox_id=box.mailbox_id,
            deleted_size=sum(
                len(message.content)
                for message in box.messages.values()
                if DELETED in message.flags
            ),
        )

    async def open(self, name: MailboxName) -> "MemoryMailbox":
        """Open a mailbox."""
        return MemoryMailbox(self, name, self._box(name))

    async def append(
        self, name: MailboxName, messages: Sequence[NewMessage]
    ) -> Appended:
        """Store messages."""
        self._box(name)
        octets = [
            to_crlf(message.header + await whole(message.content))
            for message in messages
        ]
        box = self._box(name)
        self.make_room([len(one) for one in octets])
        flags = [box.spelt(message.flags) for message in messages]
        box.modseq += 1
        uids = [
            box.add(
                content,
                flags_of_one,
                int(self._now()) if message.date is None else message.date,
            )
            for content, flags_of_one, message in zip(
                octets, flags, messages, strict=True
            )
        ]
        self._changed(box)
        return Appended(box.uid_validity, uids)

    async def replace(
        self, mailbox_id: str, uid: int, name: MailboxName, message: NewMessage
    ) -> Appended:
        """Store one, remove another."""
        content = to_crlf(message.header + await whole(message.content))
        target = self._box(name)
        box = next(
            (one for one in self._boxes.values() if one.mailbox_id == mailbox_id), None
        )
        if box is None:
            raise NoSuchMailbox(mailbox_id)
        if uid not in box.messages:
            raise MessageGone(str(uid))
        self.make_room([len(content)], less=[len(box.messages[uid].content)])
        flags = target.spelt(message.flags)
        target.modseq += 1
        date = int(self._now()) if message.date is None else message.date
        uids = [target.add(content, flags, date)]
        box.modseq += 1
        box.remove([uid])
        self._changed(box)
        if target is not box:
            self._changed(target)
        return Appended(target.uid_validity, uids)

    async def watch_mailbox(
        self, name: MailboxName, callback: Callable[[], Any]
    ) -> Callable[[], None]:
        """Register a callback."""
        return (await self.open(name)).watch(callback)

    async def set_special_use(self, name: MailboxName, uses: frozenset[str]) -> None:
        """Change special uses."""
        self._box(name).special_use = uses
        self.watchers.names()

    def access_of(self, name: MailboxName) -> AccessList:
        """Return the list of a mailbox."""
        return self._box(name).access

    def set_access(self, name: MailboxName, access: AccessList) -> None:
        """Put another list in its place."""
        self._box(name).access = access
        self._changed(self._box(name))
        self.watchers.names()
        self._relisted()

    def shared_with(self) -> frozenset[str]:
        """Return whom any list names."""
        lists = [box.access.identifiers() for box in self._boxes.values()]
        return frozenset().union(*lists)

    def notes(self, name: MailboxName | None) -> dict[str, bytes]:
        """Return the notes on a mailbox, or on the account."""
        return self._notes if name is None else self._box(name).notes

    def noted(self, name: MailboxName | None) -> None:
        """Give a mailbox whose notes have changed a new mod-sequence."""
        if name is not None:
            self._box(name).modseq += 1

    def sizes(self) -> list[int]:
        """Return the octets of every message."""
        return [
            len(message.content)
            for box in self._boxes.values()
            for message in box.messages.values()
        ]

    def _inferiors(self, name: MailboxName) -> list[MailboxName]:
        return [other for other in self._boxes if other.startswith(name + DELIMITER)]

    def _box(self, name: MailboxName) -> MemoryBox:
        try:
            return self._boxes[name]
        except KeyError:
            raise NoSuchMailbox(name) from None

    def _changed(self, box: MemoryBox) -> None:
        for callback in list(box.watchers.values()):
            self._soon(callback)


@implementer(IMailbox, IHeaderIndex, IRemover, ISharedMailbox, IListedMailbox)
class MemoryMailbox:
    """One session's hold on a mailbox of a :class:`MemoryAccount`."""

    read_only = False

    def __init__(
        self, account: MemoryAccount, name: MailboxName, box: MemoryBox
    ) -> None:
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
            self._account._changed(box)
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
            self._account._changed(box)
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
        account: "MemoryAccount",
        name: MailboxName,
        flags_of: Callable[[FlagSet], FlagSet],
    ) -> Copied:
        box = account._box(name)
        source = [(uid, self._box.messages[uid]) for uid in self._present(uids)]
        flags = [box.spelt(flags_of(row.flags)) for _, row in source]
        copied = {}
        if source:
            box.modseq += 1
            for (uid, row), flags_of_one in zip(source, flags, strict=True):
                copied[uid] = box.add(row.content, flags_of_one, row.date)
            account._changed(box)
        return Copied(box.uid_validity, copied)

    async def move(self, uids: UIDSet, destination: MailboxName) -> Copied:
        """Append copies and remove the originals."""
        moved = self._append_copies(uids, self._account, destination, _as_they_are)
        if moved.uids:
            self._box.modseq += 1
            self._box.remove(moved.uids)
            self._account._changed(self._box)
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
        return present, [_header(self._box.messages[uid].content) for uid in present]

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


def _header(content: bytes) -> bytes:
    """Return the header of a message, its empty line included."""
    if content.startswith(b"\r\n"):
        return b"\r\n"
    end = content.find(b"\r\n\r\n")
    return content if end < 0 else content[: end + 4]
