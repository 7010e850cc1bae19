"""What a store that can be watched as a whole must do, as tests to run on yours.

As :class:`mailframe.testing.mailbox_contract.MailboxContract`, for the optional
power :class:`mailframe.interfaces.mailbox.IWatchedAccount`.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.errors import NoSuchMailbox
from mailframe.interfaces.mailbox import IWatchedAccount
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.testing.failing import fails
from mailframe.testing.mailbox_contract import ALL, new

A, B = mailbox_name("a"), mailbox_name("b")


class WatchedContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`."""

    assertEqual: Any
    assertTrue: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def settle(self) -> None:
        """Wait until watchers due by now were called; override if they are late."""

    async def _heard(self, heard: list[Any]) -> list[Any]:
        """Return once what was told, each thing told once."""
        await self.settle()
        found = list(dict.fromkeys(heard))
        heard.clear()
        return found

    async def test_watched_names(self) -> None:
        """Names that come, go and change are told of; each keeps its ID."""
        account = await self.make_account()
        verifyObject(IWatchedAccount, account)
        heard: list[Any] = []
        stop = account.watch_account(
            lambda: heard.append("names"), lambda: None, lambda name, entries: None
        )
        await account.create(A)
        self.assertEqual(await self._heard(heard), ["names"])
        ids = {info.name: info.mailbox_id for info in await account.list_mailboxes()}
        self.assertEqual(ids[A], (await account.status(A)).mailbox_id)
        await account.rename(A, B)
        self.assertEqual(await self._heard(heard), ["names"])
        after = {info.name: info.mailbox_id for info in await account.list_mailboxes()}
        self.assertEqual(after, {INBOX: ids[INBOX], B: ids[A]})
        await account.delete(B)
        self.assertEqual(await self._heard(heard), ["names"])
        stop()
        await account.create(A)
        self.assertEqual(await self._heard(heard), [])

    async def test_watched_subscriptions(self) -> None:
        """Subscriptions are told of."""
        account = await self.make_account()
        heard: list[Any] = []
        stop = account.watch_account(
            lambda: None, lambda: heard.append("subs"), lambda name, entries: None
        )
        for subscribed in (True, False):
            await account.subscribe(INBOX, subscribed)
            self.assertEqual(await self._heard(heard), ["subs"])
        stop()
        await account.subscribe(INBOX, True)
        self.assertEqual(await self._heard(heard), [])

    async def test_watched_notes(self) -> None:
        """Of notes it is told which were set or taken away, and on what."""
        account = await self.make_account()
        heard: list[Any] = []
        stop = account.watch_account(
            lambda: None, lambda: None, lambda *which: heard.append(which)
        )
        await account.annotate(INBOX, {"/private/a": b"1", "/private/b": None})
        found = await self._heard(heard)
        self.assertEqual(found, [(INBOX, frozenset(("/private/a", "/private/b")))])
        await account.annotate(None, {"/private/a": b"1"})
        found = await self._heard(heard)
        self.assertEqual(found, [(None, frozenset(("/private/a",)))])
        stop()
        await account.annotate(None, {"/private/a": b"2"})
        self.assertEqual(await self._heard(heard), [])

    async def test_watched_mailbox(self) -> None:
        """A mailbox is watched without being opened, under any name it gets."""
        account = await self.make_account()
        await account.create(A)
        heard: list[Any] = []
        stop = await account.watch_mailbox(A, lambda: heard.append("a"))
        self.assertEqual(await self._heard(heard), [])
        await account.append(A, [new(1)])
        self.assertEqual(await self._heard(heard), ["a"])
        await account.append(INBOX, [new(1)])
        self.assertEqual(await self._heard(heard), [])
        await account.rename(A, B)
        await self._heard(heard)
        mailbox = await account.open(B)
        await mailbox.store(ALL, FlagChange.ADD, frozenset(("\\Deleted",)))
        self.assertEqual(await self._heard(heard), ["a"])
        await mailbox.expunge()
        self.assertEqual(await self._heard(heard), ["a"])
        stop()
        await account.append(B, [new(1)])
        self.assertEqual(await self._heard(heard), [])
        await fails(NoSuchMailbox, account.watch_mailbox(A, lambda: None))
