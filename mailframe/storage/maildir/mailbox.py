"""One session's hold on a mailbox: the contract, over a shared :class:`Box`.

Source: the contract of :class:`mailframe.interfaces.mailbox.IMailbox`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailframe.errors import MailError
from mailframe.interfaces.access import IListedMailbox
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import (
    IHeaderIndex,
    IMailbox,
    IReadAhead,
    ISharedMailbox,
    SummaryField,
)
from mailframe.interfaces.maildrop import IRemover
from mailframe.limits import IMAPLimits
from mailframe.memory_content import MemoryContent
from mailframe.model.access import AccessList
from mailframe.model.flag import SYSTEM_FLAGS, FlagChange, FlagSet
from mailframe.model.mailbox import Changes, Copied, MailboxName, Stored
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir import across, flagging, transfer
from mailframe.storage.maildir.box import Box
from mailframe.storage.maildir.content import FileContent
from mailframe.storage.maildir.summary_rows import keep_headers, keep_known

_KEYWORDS_MAX = IMAPLimits().keywords
_Ahead = tuple[tuple[UIDSet, int], "Deferred[Mapping[int, bytes] | None]"]
"""What was asked to be read ahead, and what came of it."""


@implementer(
    IMailbox, IHeaderIndex, IRemover, ISharedMailbox, IReadAhead, IListedMailbox
)
class MaildirMailbox:
    """An open mailbox of a :class:`~.account.MaildirAccount`."""

    read_only = False

    def __init__(self, name: MailboxName, box: Box) -> None:
        """Hold a mailbox open under the name it was opened by."""
        self.name = name
        self.uid_validity = box.row.uid_validity
        self.mailbox_id = box.mailbox_id
        self._box = box
        self._account = box.account
        self._ahead: _Ahead | None = None
        self._cold = False

    @property
    def shared(self) -> object:
        """What stands for the mailbox as long as its UIDs hold."""
        return self._box.identity

    async def access_list(self) -> AccessList:
        """Return the access list."""
        return await self._box.access_list()

    def permanent_flags(self) -> tuple[FlagSet, bool]:
        """Return the system flags and the keywords in use."""
        keywords = self._box.keywords()
        return (
            frozenset(SYSTEM_FLAGS) | frozenset(keywords.values()),
            len(keywords) < _KEYWORDS_MAX,
        )

    async def changes(self, since: int) -> Changes:
        """Return the mailbox as it is now, and what is new."""
        return await self._box.changes(since)

    def watch(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Have ``callback`` called after something may have changed."""
        return self._box.watch(callback)

    async def recent(self, claim: bool) -> UIDSet:
        """Return what came since the last claim."""
        self._box.check()
        row = self._box.row
        if row.first_recent >= row.uid_next:
            return UIDSet.EMPTY
        if claim:
            claimed: UIDSet = await self._account.change(
                flagging.claim_recent, self._box.mailbox_id
            )
            return claimed
        columns = await self._box.columns()
        return columns.present(UIDSet(((row.first_recent, row.uid_next - 1),)))

    async def store(
        self,
        uids: UIDSet,
        change: FlagChange,
        flags: FlagSet,
        unchanged_since: int | None = None,
    ) -> Stored:
        """Change flags."""
        self._box.check()
        stored: Stored = await self._account.change(
            flagging.store_flags,
            self._box.mailbox_id,
            uids,
            change,
            flags,
            unchanged_since,
        )
        return stored

    async def expunge(self, uids: UIDSet | None = None) -> UIDSet:
        """Remove what is marked."""
        self._box.check()
        gone: UIDSet = await self._account.change(
            flagging.expunge, self._box.mailbox_id, uids
        )
        return gone

    async def remove(self, uids: UIDSet) -> UIDSet:
        """Remove messages, marked or not."""
        self._box.check()
        gone: UIDSet = await self._account.change(
            flagging.expunge, self._box.mailbox_id, uids, marked=False
        )
        return gone

    async def copy(self, uids: UIDSet, destination: MailboxName) -> Copied:
        """Append copies."""
        return await self._transfer(transfer.copy, uids, destination)

    async def move(self, uids: UIDSet, destination: MailboxName) -> Copied:
        """Append copies and remove the originals."""
        return await self._transfer(transfer.move, uids, destination)

    async def copy_into(
        self,
        uids: UIDSet,
        account: Any,
        name: MailboxName,
        flags: Callable[[FlagSet], FlagSet],
    ) -> Copied:
        """Append copies to a mailbox of any account of the realm."""
        self._box.check()
        target = await account.box(name)
        copied: Copied = await account.change(
            across.copy,
            self._account.store,
            self._box.mailbox_id,
            uids,
            target.mailbox_id,
            flags,
        )
        return copied

    async def _transfer(
        self,
        job: Callable[..., tuple[Copied, Any]],
        uids: UIDSet,
        destination: MailboxName,
    ) -> Copied:
        self._box.check()
        target = await self._account.box(destination)
        copied: Copied = await self._account.change(
            job, self._box.mailbox_id, uids, target.mailbox_id
        )
        return copied

    async def summaries(
        self, uids: UIDSet, fields: Sequence[SummaryField]
    ) -> tuple[Sequence[Any], ...]:
        """Return kept answers; what is not kept yet is worked out, and kept soon."""
        self._box.check()
        columns, made, first = await self._account.ask(
            self._account.reader.summaries, self._box.mailbox_id, uids, fields
        )
        if made:
            self._account.aside(keep_known, made)
        if first:
            self._account.summaries_later.owe(first)
        return columns

    async def headers(self, uids: UIDSet) -> tuple[Sequence[int], Sequence[bytes]]:
        """Return headers; those that are not kept yet are kept."""
        self._box.check()
        found, made = await self._account.ask(
            self._account.reader.headers, self._box.mailbox_id, uids
        )
        if made:
            self._account.aside(keep_headers, made)
        return found

    async def headers_with(self, uids: UIDSet, octets: bytes) -> Sequence[int]:
        """Ask the index."""
        self._box.check()
        return await self._account.ask(
            self._account.reader.headers_with, self._box.mailbox_id, uids, octets
        )

    async def load(self, uids: UIDSet, max_octets: int) -> Mapping[int, bytes]:
        """Return whole messages, those read ahead if they are the ones."""
        self._box.check()
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == (uids, max_octets):
            found = await ahead[1]
            if found is not None:
                return found
        account = self._account
        warm = None
        if not account.unfiled:
            warm = account.reader.load_warm(self._box.mailbox_id, uids, max_octets)
        self._cold = warm is None
        if warm is None:
            return await self._loaded(uids, max_octets)
        # Others have their turn before the next ones.
        await account.threads.turn()
        return warm

    def will_load(self, uids: UIDSet, max_octets: int) -> None:
        """Begin to load, unless what was read last needed no disk."""
        if self._cold:
            begun = Deferred.fromCoroutine(self._tried(uids, max_octets))
            self._ahead = (uids, max_octets), begun

    async def _tried(self, uids: UIDSet, max_octets: int) -> Mapping[int, bytes] | None:
        """Return messages, or ``None`` when whoever asks for them has to try again."""
        try:
            return await self._loaded(uids, max_octets)
        except MailError:
            return None

    async def _loaded(self, uids: UIDSet, max_octets: int) -> Mapping[int, bytes]:
        return await self._account.ask(
            self._account.reader.load, self._box.mailbox_id, uids, max_octets
        )

    async def open_content(self, uid: int) -> IContent:
        """Open one message."""
        self._box.check()
        opened = await self._account.ask(
            self._account.reader.open, self._box.mailbox_id, uid
        )
        if isinstance(opened, bytes):
            return MemoryContent(opened)
        return FileContent(self._account.threads, opened)

    def close(self) -> None:
        """Nothing is held but memory."""
        self._ahead = None
