"""What an account must do that replaces messages, as tests to run against yours.

Mix :class:`ReplacerContract` into a trial ``TestCase`` as
:class:`mailframe.testing.mailbox_contract.MailboxContract`, whose helpers it has.
"""

from typing import Any, cast

from zope.interface.verify import verifyObject

from mailframe.errors import MailError, MessageGone, NoSuchMailbox, OverQuota
from mailframe.interfaces.mailbox import IReplacer
from mailframe.interfaces.quota import IQuotaKeeper
from mailframe.model.mailbox import INBOX, MailboxName, mailbox_name
from mailframe.model.quota import QuotaLimits
from mailframe.testing.failing import fails
from mailframe.testing.mailbox_contract import ALL, message, new


class ReplacerContract:
    """The promises of :class:`~mailframe.interfaces.mailbox.IReplacer`."""

    assertEqual: Any
    assertGreater: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def _drafts(self) -> tuple[Any, Any]:
        account = await self.make_account()
        await account.append(INBOX, [new(1), new(2)])
        return account, await account.open(INBOX)

    async def _not_done(self, kind: type[MailError], account: Any, *what: Any) -> None:
        await fails(kind, account.replace(*what))
        mailbox = await account.open(INBOX)
        loaded = dict(await mailbox.load(ALL, 10**6))
        self.assertEqual(loaded, {1: message(1), 2: message(2)})

    async def test_replace(self) -> None:
        """One message is there, the other no more, and both are told."""
        account, mailbox = await self._drafts()
        verifyObject(IReplacer, account)
        since = (await mailbox.changes(0)).listing.highest_modseq
        appended = await account.replace(
            mailbox.mailbox_id, 1, INBOX, new(3, frozenset({"\\Draft"}), 5)
        )
        self.assertEqual(list(appended.uids), [3])
        self.assertEqual(appended.uid_validity, mailbox.uid_validity)
        changes = await mailbox.changes(since)
        self.assertEqual(list(changes.listing.uids), [2, 3])
        self.assertEqual(list(changes.new), [3])
        self.assertEqual(list(changes.vanished), [1])
        self.assertEqual(changes.listing.flags[1], frozenset({"\\Draft"}))
        self.assertEqual(changes.listing.dates[1], 5)
        self.assertGreater(changes.listing.highest_modseq, since)
        loaded = dict(await mailbox.load(ALL, 10**6))
        self.assertEqual(loaded, {2: message(2), 3: message(3)})

    async def test_replace_in_another_mailbox(self) -> None:
        """The new message may go elsewhere."""
        account, mailbox = await self._drafts()
        sent = mailbox_name("Sent")
        await account.create(sent)
        await account.replace(mailbox.mailbox_id, 2, sent, new(3))
        self.assertEqual(list((await mailbox.changes(0)).listing.uids), [1])
        other = await account.open(sent)
        self.assertEqual(dict(await other.load(ALL, 10**6)), {1: message(3)})

    async def test_replace_nothing(self) -> None:
        """What is not there is not replaced, and nothing is stored."""
        account, mailbox = await self._drafts()
        number = mailbox.mailbox_id
        await self._not_done(MessageGone, account, number, 9, INBOX, new(3))
        away = MailboxName("Away")
        await self._not_done(NoSuchMailbox, account, number, 1, away, new(3))
        await self._not_done(NoSuchMailbox, account, "nowhere", 1, INBOX, new(3))

    async def test_replace_within_bounds(self) -> None:
        """Only what the new message takes more counts."""
        account, mailbox = await self._drafts()
        if not IQuotaKeeper.providedBy(account):
            return
        account.may_set_quota = True
        [root] = await account.quota_roots(INBOX)
        octets = (await account.quota(root)).octets
        await account.set_quota(root, QuotaLimits(octets=octets, messages=2))
        number = mailbox.mailbox_id
        await self._not_done(OverQuota, account, number, 1, INBOX, new(1000))
        await cast(Any, account).replace(number, 1, INBOX, new(3))
        found = await account.quota(root)
        self.assertEqual((found.octets, found.messages), (octets, 2))
