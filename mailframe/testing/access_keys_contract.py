"""What a store that keeps keys of mailboxes must do, as tests to run on yours.

As :class:`mailframe.testing.mailbox_contract.MailboxContract`, for the optional
power :class:`mailframe.interfaces.access_keys.IAccessKeys`.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.errors import NoSuchMailbox
from mailframe.interfaces.access_keys import IAccessKeys
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.testing.failing import fails

A, B = mailbox_name("a"), mailbox_name("b")
ONE, TWO = bytes(range(32)), bytes(range(32, 64))


class AccessKeysContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`."""

    assertEqual: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def settle(self) -> None:
        """Wait until watchers due by now were called; override if they are late."""

    async def test_access_key(self) -> None:
        """A key is made once, and stays."""
        account = await self.make_account()
        verifyObject(IAccessKeys, account)
        self.assertEqual(await account.access_key(INBOX, None), None)
        self.assertEqual(await account.access_key(INBOX, ONE), ONE)
        self.assertEqual(await account.access_key(INBOX, TWO), ONE)
        self.assertEqual(await account.access_key(INBOX, None), ONE)

    async def test_access_key_changed(self) -> None:
        """Keys are changed one by one, and forgotten all at once."""
        account = await self.make_account()
        await account.create(A)
        await account.change_access_key(A, ONE)
        await account.access_key(INBOX, ONE)
        await account.change_access_key(A, TWO)
        self.assertEqual(await account.access_key(A, None), TWO)
        self.assertEqual(await account.access_key(INBOX, None), ONE)
        await account.forget_access_keys()
        for name in (A, INBOX):
            self.assertEqual(await account.access_key(name, None), None)

    async def test_access_keys_follow(self) -> None:
        """A key follows its mailbox, and goes with it."""
        account = await self.make_account()
        await account.create(A)
        await account.access_key(A, ONE)
        await account.rename(A, B)
        self.assertEqual(await account.access_key(B, None), ONE)
        await account.delete(B)
        for question in (
            account.access_key(B, TWO),
            account.change_access_key(B, TWO),
        ):
            await fails(NoSuchMailbox, question)
        await account.create(B)
        self.assertEqual(await account.access_key(B, None), None)

    async def test_access_keys_watched(self) -> None:
        """Who watches is told of every key that is changed, until the end."""
        account = await self.make_account()
        await account.create(A)
        ids = [(await account.status(name)).mailbox_id for name in (INBOX, A)]
        heard: list[str] = []
        stop = account.watch_access_keys(heard.append)
        await account.access_key(INBOX, ONE)
        await account.change_access_key(INBOX, TWO)
        await account.change_access_key(A, ONE)
        await self.settle()
        self.assertEqual(heard, ids)
        stop()
        await account.change_access_key(A, TWO)
        await self.settle()
        self.assertEqual(heard, ids)
