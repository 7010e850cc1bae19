"""The realm: arguments, accounts, and being started and stopped."""

import gc
import os
import stat

from twisted.cred.portal import IRealm
from twisted.internet import reactor  # noqa: TID251 - the store needs a real one
from twisted.internet.defer import ensureDeferred, gatherResults
from zope.interface.verify import verifyObject

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.interfaces.maildrop import IMaildrop
from mailframe.interfaces.plugin import Host
from mailframe.model.mailbox import INBOX
from mailframe.storage.journal import JournalBusy
from mailframe.storage.maildir import realm as realm_module
from mailframe.storage.maildir.realm import MaildirRealm
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import ADDRESS, MaildirTestCase


class RealmTests(MaildirTestCase):
    """Accounts by address."""

    def test_provides_realm(self) -> None:
        """It is what cred asks for."""
        verifyObject(IRealm, self.realm)

    def test_wrong_arguments(self) -> None:
        """The operator is told at once."""
        host = Host(f"{self.base}/s", ("a.example", "b.example"), reactor)
        for text in ("", "/mail/%n", "/mail/all", "/mail/%q"):
            self.assertRaises(ValueError, MaildirRealm, text, host)

    async def test_avatar(self) -> None:
        """An avatar ID gives its account, the same for all sessions."""
        interface, account, logout = await self.realm.requestAvatar(
            ADDRESS.encode(), None, IMaildrop, IMailAccount
        )
        self.assertIs(interface, IMailAccount)
        self.assertEqual(account.address, ADDRESS)
        self.assertIs(account, await self.account())
        logout()

    def test_other_avatars(self) -> None:
        """Other interfaces are not provided."""
        self.assertRaises(
            NotImplementedError, self.realm.requestAvatar, b"a@b", None, IMaildrop
        )

    async def test_at_once(self) -> None:
        """Sessions that come at the same time share the account."""
        accounts = await gatherResults([ensureDeferred(self.account()) for _ in "123"])
        self.assertEqual(len({id(one) for one in accounts}), 1)

    async def test_no_address(self) -> None:
        """What cannot be an address is nobody's."""
        for address in ("", "joe", "@example.org", "x" * 300 + "@example.org"):
            with self.assertRaises(NoSuchUser):
                await self.realm.account(address)

    async def test_shared_directory(self) -> None:
        """Two addresses never share a directory."""
        realm = MaildirRealm(
            f"{self.base}/other/%n",
            Host(f"{self.base}/state2", ("example.org",), reactor),
        )
        realm.startService()
        self.addCleanup(realm.stopService)
        held = await realm.account("joe@example.org")
        with self.assertRaises(NoSuchUser):
            await realm.account("joe@example.net")
        self.assertEqual(held.address, "joe@example.org")

    async def test_private(self) -> None:
        """Nobody else may read what is made."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        found = [self.root, *self.root.rglob("*"), *(self.base / "state").rglob("*")]
        for path in found:
            mode = stat.S_IMODE(os.stat(path).st_mode)
            self.assertEqual(mode & 0o077, 0, path)

    async def test_unusable_directory(self) -> None:
        """A directory that cannot be made is temporary trouble."""
        self.root.parent.parent.mkdir()
        self.root.parent.write_bytes(b"a file")
        with self.assertRaises(TemporaryFailure):
            await self.account()

    async def test_not_running(self) -> None:
        """A stopped store refuses, and can be started again."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        mailbox = await account.open(INBOX)
        await self.realm.stopService()
        for attempt in (
            self.account(),
            account.append(INBOX, [new(2)]),
            self.loaded(mailbox),
        ):
            with self.assertRaises(TemporaryFailure):
                await attempt
        self.realm.startService()
        self.assertEqual(await self.loaded(await self.inbox()), {1: message(1)})

    def test_two_stores(self) -> None:
        """The journal belongs to one store at a time."""
        host = Host(f"{self.base}/state", ("example.org",), reactor)
        other = MaildirRealm(f"{self.base}/mail/%u", host)
        self.assertRaises(JournalBusy, other.startService)

    async def test_forgotten(self) -> None:
        """Accounts nobody uses are closed, and opened again."""
        self.patch(realm_module, "ACCOUNTS_KEPT", 2)
        for number in range(5):
            account = await self.realm.account(f"u{number}@example.org")
            await account.append(INBOX, [new(number)])
        del account

        def forgotten() -> bool:
            gc.collect()
            return len(self.realm._live) < 5

        await self.until(forgotten)
        for number in range(5):
            account = await self.realm.account(f"u{number}@example.org")
            mailbox = await account.open(INBOX)
            self.assertEqual(await self.loaded(mailbox), {1: message(number)})
