"""POP3's view of any account: its INBOX, standing still for one session.

Source: RFC 1939 sections 4 (lock), 6 (UPDATE) and 11 (sizes).
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from zope.interface import implementer

from mailframe.errors import InUse, TemporaryFailure
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import IMailAccount, IMailbox
from mailframe.interfaces.maildrop import (
    IMaildrop,
    IMaildropAhead,
    IMaildropLocker,
    IRemover,
    MaildropMessage,
)
from mailframe.memory_content import MemoryContent
from mailframe.model.flag import DELETED, FlagChange
from mailframe.model.mailbox import INBOX
from mailframe.model.uid_set import UIDSet

AHEAD_OCTETS = 131_072
"""Octets of messages that one session may have loaded ahead."""

AHEAD_MESSAGES = 32
"""And how many messages."""


class Maildrops:
    """Makes maildrops of accounts; knows which are locked."""

    def __init__(self) -> None:
        """Begin with none locked."""
        self._locked: set[str] = set()

    def __call__(self, account: IMailAccount) -> "AccountMaildrop":
        """Return the maildrop of an account, for one session."""
        return AccountMaildrop(account, self._locked)


@implementer(IMaildrop, IMaildropAhead)
class AccountMaildrop:
    """The messages in INBOX at the moment of the lock.

    What arrives later is for the next session; what another session expunges
    meanwhile is answered with MessageGone.
    """

    def __init__(self, account: IMailAccount, locked: set[str]) -> None:
        """Stand before ``account``'s INBOX.

        Args:
            account: Whose mail.
            locked: The addresses whose maildrop is taken, shared by all.
        """
        self.messages: Sequence[MaildropMessage] = ()
        self._account = account
        self._locked = locked
        self._holds = False
        self._release: Callable[[], None] | None = None
        self._mailbox: IMailbox | None = None
        self._uids: Sequence[int] = ()
        self._ahead: dict[int, bytes] = {}
        self._last = -1

    async def lock(self) -> Sequence[MaildropMessage]:
        """Take the lock and the snapshot.

        A unique ID is UID and UIDVALIDITY as Dovecot writes them (its
        ``pop3_uidl_format`` is ``%08Xu%08Xv``): who comes from there with UIDs
        kept fetches nothing twice.

        Raises:
            InUse: Another session has it, here or in another process.
        """
        if self._account.address in self._locked:
            raise InUse("the maildrop is locked")
        self._locked.add(self._account.address)
        self._holds = True
        try:
            if IMaildropLocker.providedBy(self._account):
                locker: Any = self._account
                self._release = await locker.lock_maildrop()
            mailbox = self._mailbox = await self._account.open(INBOX)
            listing = (await mailbox.changes(0)).listing
        except BaseException:
            await self.unlock()
            raise
        validity = f"{mailbox.uid_validity:08x}"
        self._uids = listing.uids
        self.messages = [
            MaildropMessage(size, f"{uid:08x}{validity}")
            for uid, size in zip(listing.uids, listing.sizes, strict=True)
        ]
        return self.messages

    def at_hand(self, index: int) -> bytes | None:
        """Return what was loaded together with a message before it."""
        octets = self._ahead.pop(self._uids[index], None)
        if octets is not None:
            self._last = index
        return octets

    async def open_content(self, index: int) -> IContent:
        """Open one message.

        A client that reads one after another gets the next small ones from
        memory: they are loaded together.
        """
        mailbox, uid = self._open_mailbox(), self._uids[index]
        in_turn = index == self._last + 1
        octets = self.at_hand(index)
        if octets is None and in_turn:
            self._ahead = dict(
                await mailbox.load(
                    UIDSet.of(self._uids[index : index + AHEAD_MESSAGES]),
                    AHEAD_OCTETS,
                )
            )
            octets = self._ahead.pop(uid, None)
        self._last = index
        if octets is not None:
            return MemoryContent(octets)
        return await mailbox.open_content(uid)

    async def commit(self, deleted: Collection[int]) -> None:
        """Remove these messages in one step, if the mailbox can do that."""
        mailbox = self._open_mailbox()
        uids = UIDSet.of(self._uids[index] for index in deleted)
        if IRemover.providedBy(mailbox):
            remover: Any = mailbox
            await remover.remove(uids)
            return
        await mailbox.store(uids, FlagChange.ADD, frozenset({DELETED}))
        await mailbox.expunge(uids)

    async def unlock(self) -> None:
        """Give lock and mailbox back; calling again is nothing."""
        if self._holds:
            self._holds = False
            self._locked.discard(self._account.address)
        release, self._release = self._release, None
        if release is not None:
            release()
        self._ahead.clear()
        if self._mailbox is not None:
            self._mailbox.close()
            self._mailbox = None

    def _open_mailbox(self) -> IMailbox:
        if self._mailbox is None:
            raise TemporaryFailure("the maildrop is not locked")
        return self._mailbox
