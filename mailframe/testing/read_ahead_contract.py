"""What a mailbox that reads ahead promises, as tests to run against yours.

As :class:`mailframe.testing.mailbox_contract.MailboxContract`, for the optional
power :class:`mailframe.interfaces.mailbox.IReadAhead` of mailboxes.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.interfaces.mailbox import IReadAhead
from mailframe.model.mailbox import INBOX
from mailframe.model.uid_set import UIDSet
from mailframe.testing.mailbox_contract import new

_MOST = 100_000


class ReadAheadContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`."""

    assertEqual: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def test_read_ahead(self) -> None:
        """What is loaded is the same, whatever was read ahead."""
        account = await self.make_account()
        await account.append(INBOX, [new(number) for number in range(1, 5)])
        mailbox = await account.open(INBOX)
        verifyObject(IReadAhead, mailbox)
        first, rest = UIDSet.of([1, 2]), UIDSet.of([3, 4, 9])
        wanted = [dict(await mailbox.load(one, _MOST)) for one in (first, rest)]
        self.assertEqual([list(one) for one in wanted], [[1, 2], [3, 4]])
        mailbox.will_load(rest, _MOST)
        self.assertEqual(dict(await mailbox.load(rest, _MOST)), wanted[1])
        self.assertEqual(dict(await mailbox.load(rest, _MOST)), wanted[1])
        mailbox.will_load(rest, _MOST)
        self.assertEqual(dict(await mailbox.load(first, _MOST)), wanted[0])
        mailbox.will_load(first, 1)
        self.assertEqual(dict(await mailbox.load(first, _MOST)), wanted[0])
        mailbox.will_load(rest, _MOST)
        mailbox.close()
