"""What a store with bounds must do, as tests to run against yours.

As :class:`mailframe.testing.mailbox_contract.MailboxContract`, for the optional
powers :class:`mailframe.interfaces.quota.IQuotaAccount` and ``IQuotaKeeper``.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.errors import NotPermitted, OverQuota
from mailframe.interfaces.quota import IQuotaGrant, IQuotaKeeper
from mailframe.model.flag import DELETED, FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.quota import QuotaLimits
from mailframe.testing.failing import fails
from mailframe.testing.mailbox_contract import ALL, message, new

SIZE = len(message(1))


class QuotaContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`."""

    assertEqual: Any
    assertFalse: Any
    assertIn: Any
    assertIsNone: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def _bounded(self, **limits: int) -> Any:
        account = await self.make_account()
        account.may_set_quota = True
        [root] = await account.quota_roots(INBOX)
        await account.set_quota(root, QuotaLimits(**limits))
        return account

    async def _usage(self, account: Any) -> tuple[int, int]:
        [root] = await account.quota_roots(INBOX)
        found = await account.quota(root)
        return found.octets, found.messages

    async def _refused(self, awaitable: Any) -> None:
        await fails(OverQuota, awaitable)

    async def test_quota_contract(self) -> None:
        """The account provides what it says, and begins without bounds."""
        account = await self.make_account()
        verifyObject(IQuotaKeeper, account)
        self.assertFalse(account.may_set_quota)
        [root] = await account.quota_roots(mailbox_name("not/there"))
        found = await account.quota(root)
        self.assertEqual((found.name, found.limits), (root, QuotaLimits()))
        self.assertEqual((found.octets, found.messages), (0, 0))
        self.assertIsNone(await account.quota("no such root"))

    async def test_quota_not_permitted(self) -> None:
        """A user who may not, and a root that is none, change nothing."""
        account = await self.make_account()
        [root] = await account.quota_roots(INBOX)
        for may, name in ((False, root), (True, "no such root")):
            account.may_set_quota = may
            await fails(NotPermitted, account.set_quota(name, QuotaLimits(messages=1)))
        self.assertEqual((await account.quota(root)).limits, QuotaLimits())

    async def test_quota_granted(self) -> None:
        """What a directory grants counts, and a bound of the account's own more."""
        account = await self.make_account()
        verifyObject(IQuotaGrant, account)
        account.may_set_quota = True
        [root] = await account.quota_roots(INBOX)
        account.grant(2 * SIZE)
        self.assertEqual((await account.quota(root)).limits, QuotaLimits(2 * SIZE))
        await account.append(INBOX, [new(1), new(2)])
        await self._refused(account.append(INBOX, [new(3)]))
        await account.set_quota(root, QuotaLimits(messages=5))
        await self._refused(account.append(INBOX, [new(3)]))
        await account.set_quota(root, QuotaLimits(octets=3 * SIZE))
        await account.append(INBOX, [new(3)])
        await self._refused(account.append(INBOX, [new(4)]))
        await account.set_quota(root, QuotaLimits())
        account.grant(None)
        await account.append(INBOX, [new(4)])
        self.assertEqual((await account.quota(root)).limits, QuotaLimits())

    async def test_quota_of_messages(self) -> None:
        """So many messages fit, in all mailboxes together, and not one more."""
        account = await self._bounded(messages=3)
        other = mailbox_name("other")
        await account.create(other)
        await account.append(INBOX, [new(1), new(2)])
        await self._refused(account.append(other, [new(3), new(4)]))
        self.assertEqual((await account.status(other)).messages, 0)
        await account.append(other, [new(3)])
        await self._refused(account.append(INBOX, [new(4)]))
        self.assertEqual((await self._usage(account))[1], 3)

    async def test_quota_of_octets(self) -> None:
        """So many octets fit, and not one more."""
        account = await self._bounded(octets=2 * SIZE)
        await account.append(INBOX, [new(1)])
        await account.append(INBOX, [new(2)])
        await self._refused(account.append(INBOX, [new(3)]))
        self.assertEqual(await self._usage(account), (2 * SIZE, 2))

    async def test_quota_after_expunge(self) -> None:
        """What is expunged, or deleted with its mailbox, makes room."""
        account = await self._bounded(messages=2)
        other = mailbox_name("other")
        await account.create(other)
        await account.append(INBOX, [new(1)])
        await account.append(other, [new(2)])
        inbox = await account.open(INBOX)
        await inbox.store(ALL, FlagChange.ADD, frozenset((DELETED,)))
        self.assertEqual((await account.status(INBOX)).deleted_size, SIZE)
        await self._refused(account.append(INBOX, [new(3)]))
        await inbox.expunge()
        self.assertEqual((await account.status(INBOX)).deleted_size, 0)
        await account.append(INBOX, [new(3)])
        await account.delete(other)
        await account.append(INBOX, [new(4)])
        self.assertEqual((await self._usage(account))[1], 2)

    async def test_quota_of_copies(self) -> None:
        """A copy takes room, a move within the account does not."""
        account = await self._bounded(messages=3)
        other = mailbox_name("other")
        await account.create(other)
        await account.append(INBOX, [new(1), new(2)])
        inbox = await account.open(INBOX)
        await self._refused(inbox.copy(ALL, other))
        self.assertEqual((await account.status(other)).messages, 0)
        self.assertEqual(len((await inbox.move(ALL, other)).uids), 2)
        self.assertEqual((await self._usage(account))[1], 2)

    async def test_quota_at_once(self) -> None:
        """What has just come counts when bounds are set, or lowered, just then."""
        account = await self.make_account()
        for number in range(4):
            await account.append(INBOX, [new(number)])
        account.may_set_quota = True
        [root] = await account.quota_roots(INBOX)
        for limits in (QuotaLimits(messages=4), QuotaLimits(octets=5 * SIZE - 1)):
            await account.set_quota(root, limits)
            await self._refused(account.append(INBOX, [new(5)]))
        await account.set_quota(root, QuotaLimits(messages=6))
        await account.append(INBOX, [new(5)])
        await account.set_quota(root, QuotaLimits(messages=5))
        await self._refused(account.append(INBOX, [new(6)]))
        self.assertEqual(await self._usage(account), (5 * SIZE, 5))

    async def test_quota_set_again(self) -> None:
        """What happened without bounds counts when there are some again."""
        account = await self._bounded(messages=2)
        [root] = await account.quota_roots(INBOX)
        await account.append(INBOX, [new(1), new(2)])
        await account.set_quota(root, QuotaLimits())
        inbox = await account.open(INBOX)
        await inbox.store(ALL, FlagChange.ADD, frozenset((DELETED,)))
        await inbox.expunge()
        await account.append(INBOX, [new(3)])
        await account.set_quota(root, QuotaLimits(messages=2))
        await account.append(INBOX, [new(4)])
        await self._refused(account.append(INBOX, [new(5)]))

    async def test_quota_below_usage(self) -> None:
        """Bounds below what is there take nothing away."""
        account = await self.make_account()
        await account.append(INBOX, [new(1), new(2)])
        account.may_set_quota = True
        [root] = await account.quota_roots(INBOX)
        limits = QuotaLimits(octets=1, messages=1)
        await account.set_quota(root, limits)
        self.assertEqual((await account.quota(root)).limits, limits)
        self.assertEqual((await account.status(INBOX)).messages, 2)
        await self._refused(account.append(INBOX, [new(3)]))
        await account.set_quota(root, QuotaLimits())
        await account.append(INBOX, [new(3)])
