"""What mailboxes must do that share what is worked out, as tests to run against yours.

Mix :class:`SharedMailboxContract` into a trial ``TestCase`` as
:class:`mailframe.testing.mailbox_contract.MailboxContract`, whose helpers it has.
"""

from typing import Any
from weakref import ref

from zope.interface.verify import verifyObject

from mailframe.interfaces.mailbox import ISharedMailbox
from mailframe.model.flag import DELETED, FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.testing.mailbox_contract import ALL, new


class SharedMailboxContract:
    """The promises of :class:`~mailframe.interfaces.mailbox.ISharedMailbox`."""

    assertIs: Any
    assertIsNot: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def test_shared(self) -> None:
        """All who have a mailbox open share it, whatever comes and goes in it."""
        account = await self.make_account()
        await account.create(mailbox_name("Work"))
        one, two = await account.open(INBOX), await account.open(INBOX)
        verifyObject(ISharedMailbox, one)
        shared = one.shared
        self.assertIs(ref(shared)(), two.shared)
        self.assertIsNot((await account.open(mailbox_name("Work"))).shared, shared)
        await account.append(INBOX, [new(1), new(2)])
        await one.changes(0)
        await one.store(ALL, FlagChange.ADD, frozenset({DELETED}))
        await one.expunge()
        await two.changes(0)
        two.close()
        self.assertIs((await account.open(INBOX)).shared, shared)

    async def test_not_shared_with_the_next_of_its_name(self) -> None:
        """A mailbox that is made again is another one."""
        account = await self.make_account()
        work = mailbox_name("Work")
        await account.create(work)
        shared = (await account.open(work)).shared
        await account.delete(work)
        await account.create(work)
        self.assertIsNot((await account.open(work)).shared, shared)
