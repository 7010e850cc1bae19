"""What an account must do that keeps save dates, as tests to run against yours.

Mix :class:`SaveDatesContract` into a trial ``TestCase`` as
:class:`mailframe.testing.mailbox_contract.MailboxContract`, whose helpers it has.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.interfaces.mailbox import ISaveDates
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.testing.mailbox_contract import ALL, new


class SaveDatesContract:
    """The promises of :class:`~mailframe.interfaces.mailbox.ISaveDates`."""

    assertEqual: Any
    assertTrue: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def test_save_dates(self) -> None:
        """Each message has one; it is not the internal date, and never changes."""
        account = await self.make_account()
        verifyObject(ISaveDates, account)
        await account.append(INBOX, [new(1, date=1_000_000_000_000), new(2)])
        mailbox = await account.open(INBOX)
        before = (await mailbox.changes(0)).listing
        self.assertEqual(len(before.saved), 2)
        self.assertTrue(before.saved[0] < 1_000_000_000_000)
        self.assertTrue(abs(before.saved[1] - before.saved[0]) < 60)
        await mailbox.store(ALL, FlagChange.ADD, frozenset({"\\Seen"}))
        await account.append(INBOX, [new(3)])
        after = (await mailbox.changes(before.highest_modseq)).listing
        self.assertEqual(list(after.saved[:2]), list(before.saved))
        self.assertEqual(len(after.saved), 3)

    async def test_save_dates_of_copies(self) -> None:
        """A copy, and what was moved, has a date of its own."""
        account = await self.make_account()
        work = mailbox_name("Work")
        await account.create(work)
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await account.open(INBOX)
        saved = (await mailbox.changes(0)).listing.saved[0]
        await mailbox.copy(UIDSet.of([1]), work)
        await mailbox.move(UIDSet.of([2]), work)
        listing = (await (await account.open(work)).changes(0)).listing
        self.assertEqual(len(listing.saved), 2)
        self.assertTrue(all(date >= saved for date in listing.saved))
        self.assertEqual(len((await mailbox.changes(0)).listing.saved), 1)
