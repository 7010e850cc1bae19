"""Mail kept in memory: the reference for every other store, and the demo.

The shortest correct code for each contract. Nothing here waits, so a session
over it can be driven without a reactor; watchers are called through the
``soon`` callable handed in.

Source: the contracts of :mod:`mailframe.interfaces.mailbox`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from zope.interface import implementer

from mailframe.errors import (
    MailboxExists,
    MailboxHasChildren,
    MessageGone,
    NoSuchMailbox,
    NotPermitted,
)
from mailframe.interfaces.mailbox import (
    IMailAccount,
    IReplacer,
    ISaveDates,
    ISpecialUseKeeper,
    IWatchedAccount,
    NewMessage,
)
from mailframe.mime.lines import to_crlf
from mailframe.model.access import NO_LIST, AccessList
from mailframe.model.flag import DELETED, SEEN
from mailframe.model.mailbox import (
    INBOX,
    Appended,
    MailboxInfo,
    MailboxName,
    MailboxStatus,
    levels_above,
)
from mailframe.model.uid_set import UIDSet
from mailframe.storage.content import whole
from mailframe.storage.inferiors import inferiors, renamed
from mailframe.storage.memory_access import MemoryAccess
from mailframe.storage.memory_access_keys import MemoryAccessKeys
from mailframe.storage.memory_annotations import MemoryAnnotations
from mailframe.storage.memory_box import MemoryBox
from mailframe.storage.memory_mailbox import MemoryMailbox
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
            if inferiors(self._boxes, name):
                raise MailboxHasChildren(name)
            raise NoSuchMailbox(name)
        box.deleted = True
        self.changed(box)
        self.watchers.names()

    async def rename(self, name: MailboxName, to: MailboxName) -> None:
        """Move a mailbox and its inferiors, or the messages of INBOX."""
        names = renamed(self._boxes, name, to)
        if name == INBOX:
            self._boxes[to] = self._new_box()
            self._boxes[to].notes = dict(self._boxes[INBOX].notes)
            self._boxes[to].access = self._boxes[INBOX].access
            inbox = await self.open(INBOX)
            await inbox.move(UIDSet(((1, 2**32 - 1),)), to)
        else:
            for old, new in names.items():
                self._boxes[new] = self._boxes.pop(old)
        self.watchers.names()

    async def status(self, name: MailboxName) -> MailboxStatus:
        """Count."""
        box = self.box(name)
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

    async def open(self, name: MailboxName) -> MemoryMailbox:
        """Open a mailbox."""
        return MemoryMailbox(self, name, self.box(name))

    async def append(
        self, name: MailboxName, messages: Sequence[NewMessage]
    ) -> Appended:
        """Store messages."""
        self.box(name)
        octets = [
            to_crlf(message.header + await whole(message.content))
            for message in messages
        ]
        box = self.box(name)
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
        self.changed(box)
        return Appended(box.uid_validity, uids)

    async def replace(
        self, mailbox_id: str, uid: int, name: MailboxName, message: NewMessage
    ) -> Appended:
        """Store one, remove another."""
        content = to_crlf(message.header + await whole(message.content))
        target = self.box(name)
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
        self.changed(box)
        if target is not box:
            self.changed(target)
        return Appended(target.uid_validity, uids)

    async def watch_mailbox(
        self, name: MailboxName, callback: Callable[[], Any]
    ) -> Callable[[], None]:
        """Register a callback."""
        return (await self.open(name)).watch(callback)

    async def set_special_use(self, name: MailboxName, uses: frozenset[str]) -> None:
        """Change special uses."""
        self.box(name).special_use = uses
        self.watchers.names()

    def access_of(self, name: MailboxName) -> AccessList:
        """Return the list of a mailbox."""
        return self.box(name).access

    def set_access(self, name: MailboxName, access: AccessList) -> None:
        """Put another list in its place."""
        self.box(name).access = access
        self.changed(self.box(name))
        self.watchers.names()
        self._relisted()

    def shared_with(self) -> frozenset[str]:
        """Return whom any list names."""
        lists = [box.access.identifiers() for box in self._boxes.values()]
        return frozenset().union(*lists)

    def notes(self, name: MailboxName | None) -> dict[str, bytes]:
        """Return the notes on a mailbox, or on the account."""
        return self._notes if name is None else self.box(name).notes

    def noted(self, name: MailboxName | None) -> None:
        """Give a mailbox whose notes have changed a new mod-sequence."""
        if name is not None:
            self.box(name).modseq += 1

    def sizes(self) -> list[int]:
        """Return the octets of every message."""
        return [
            len(message.content)
            for box in self._boxes.values()
            for message in box.messages.values()
        ]

    def box(self, name: MailboxName) -> MemoryBox:
        """Return what is in a mailbox.

        Raises:
            NoSuchMailbox: It is not there.
        """
        try:
            return self._boxes[name]
        except KeyError:
            raise NoSuchMailbox(name) from None

    def changed(self, box: MemoryBox) -> None:
        """Tell who watches a mailbox."""
        for callback in list(box.watchers.values()):
            self._soon(callback)
