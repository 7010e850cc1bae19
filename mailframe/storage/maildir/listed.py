"""The access lists of an account's mailboxes; a base class of the account.

Source: the contract of :class:`mailframe.interfaces.access.IAccessLists`.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailframe.interfaces.access import IAccessLists
from mailframe.model.access import AccessList
from mailframe.model.mailbox import MailboxName
from mailframe.storage.maildir import access
from mailframe.storage.maildir.shares import Shares
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.watchers import Watchers
from mailframe.storage.writer import Batch

if TYPE_CHECKING:
    from mailframe.storage.maildir.box import Box


T = TypeVar("T")


@implementer(IAccessLists)
class ListedAccount:
    """What makes an account keep lists, and the realm know whom they name."""

    _store: AccountStore
    _names: "Mapping[str, Box]"
    _watchers: Watchers
    _shares: Shares | None

    async def box(self, name: MailboxName) -> "Box":
        """Return a mailbox.

        Raises:
            NoSuchMailbox: It is not there.
        """
        raise NotImplementedError

    def _submit(self, job: Callable[[Batch], T]) -> "Deferred[T]":
        """Run a job in the writer thread."""
        raise NotImplementedError

    async def access_list(self, name: MailboxName) -> AccessList:
        """Return a list."""
        return await (await self.box(name)).access_list()

    async def change_access(
        self, name: MailboxName, change: Callable[[AccessList], AccessList]
    ) -> None:
        """Change a list, durably."""
        box = await self.box(name)
        await self._submit(
            lambda batch: access.change(self._store, box.mailbox_id, change)
        )
        box.tell()
        await self.note_shares()
        self._watchers.names()
        if self._shares is not None:
            self._shares.lists.tell()

    async def note_shares(self) -> None:
        """See that it is known whom the lists name."""
        shares = self._shares
        if shares is None:
            return
        address = self._store.address
        lists = [await box.access_list() for box in list(self._names.values())]
        named: frozenset[str] = frozenset().union(*(one.identifiers() for one in lists))
        if named != shares.of(address):
            shares.note(address, named)
            octets = shares.written()
            await self._submit(lambda batch: shares.keep(octets))
