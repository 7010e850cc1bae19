"""What a mailbox must do that removes messages in one step, as tests for yours.

Mix :class:`RemoverContract` into a trial ``TestCase`` as
:class:`mailframe.testing.mailbox_contract.MailboxContract`, whose helpers it has.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.interfaces.maildrop import IRemover
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX
from mailframe.model.uid_set import UIDSet
from mailframe.testing.mailbox_contract import ALL, message, new


class RemoverContract:
    """The promises of :class:`~mailframe.interfaces.maildrop.IRemover`."""

    assertEqual: Any
    assertGreater: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def test_remove(self) -> None:
        """Messages go, marked or not, and no other does."""
        account = await self.make_account()
        await account.append(INBOX, [new(number) for number in range(1, 5)])
        mailbox = await account.open(INBOX)
        verifyObject(IRemover, mailbox)
        deleted = frozenset({"\\Deleted"})
        await mailbox.store(UIDSet.of([2, 4]), FlagChange.ADD, deleted)
        since = (await mailbox.changes(0)).listing.highest_modseq
        gone = await mailbox.remove(UIDSet.of([1, 2, 9]))
        self.assertEqual(list(gone), [1, 2])
        changes = await mailbox.changes(since)
        self.assertEqual(list(changes.vanished), [1, 2])
        self.assertEqual(list(changes.listing.uids), [3, 4])
        self.assertEqual(list(changes.listing.flags), [frozenset(), deleted])
        self.assertGreater(changes.listing.highest_modseq, since)
        loaded = dict(await mailbox.load(ALL, 10**6))
        self.assertEqual(loaded, {3: message(3), 4: message(4)})

    async def test_remove_nothing(self) -> None:
        """What is not there is passed over, and nothing has changed."""
        account = await self.make_account()
        await account.append(INBOX, [new(1)])
        mailbox = await account.open(INBOX)
        since = (await mailbox.changes(0)).listing.highest_modseq
        self.assertEqual(list(await mailbox.remove(UIDSet.of([7]))), [])
        self.assertEqual((await mailbox.changes(0)).listing.highest_modseq, since)
