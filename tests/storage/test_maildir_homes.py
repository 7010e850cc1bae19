"""Accounts in the homes of their users."""

import os
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - the store needs a real one
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.plugin import Host, IHomeRealm
from mailframe.model.mailbox import INBOX
from mailframe.storage.maildir.names import PathPattern
from mailframe.storage.maildir.realm import MaildirRealm
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import ADDRESS
from tests.storage.test_maildir_faults import FaultTestCase, _EverySync


@implementer(IUserDirectory)
class Homes:
    """Knows where users are at home."""

    def __init__(self) -> None:
        self.homes: dict[str, str | None] = {}
        self.away = False

    async def find(self, address: str) -> UserEntry | None:
        """Say it."""
        if self.away:
            raise TemporaryFailure("away")
        if address not in self.homes:
            return None
        return UserEntry(address, home=self.homes[address])


class HomeTests(FaultTestCase):
    """A realm whose path begins with %h."""

    def make_realm(self) -> None:
        """Make one, and its directory of users the first time."""
        self.users: Any = getattr(self, "users", None) or Homes()
        self.root = self.base / "home" / "u" / "Maildir"
        self.users.homes.setdefault(ADDRESS, str(self.base / "home" / "u"))
        host = Host(f"{self.base}/state", ("example.org", "b.example"), reactor)
        self.realm = MaildirRealm("%h/Maildir", host, self.os_layer)
        self.realm.directory = self.users
        self.realm._disks = _EverySync(str(self.base), self.system)  # type: ignore[assignment]

    async def test_home(self) -> None:
        """Mail is at the user's home."""
        verifyObject(IHomeRealm, self.realm)
        account = await self.account()
        self.assertEqual(account.root, str(self.root))
        await account.append(INBOX, [new(1)])
        await self.filed()
        self.assertEqual(len(self.names("new") + self.names()), 1)

    async def test_power_loss(self) -> None:
        """What was answered is there though nobody can be asked at the start."""
        await (await self.account()).append(INBOX, [new(1), new(2)])
        self.users.away = True
        self.crash()
        mailbox = await self.inbox()
        self.assertEqual(await self.loaded(mailbox), {1: message(1), 2: message(2)})

    async def test_no_home(self) -> None:
        """Who has none waits for one; who is unknown, too."""
        for home in (None, "", "not/absolute"):
            self.users.homes[ADDRESS] = home
            with self.assertRaises(TemporaryFailure):
                await self.account()
        with self.assertRaises(TemporaryFailure):
            await self.realm.account("nobody@example.org")
        self.users.away = True
        with self.assertRaises(TemporaryFailure):
            await self.account()

    async def test_moved_house(self) -> None:
        """A new home counts at once, and after a restart."""
        await (await self.account()).append(INBOX, [new(1)])
        self.users.homes[ADDRESS] = str(self.base / "home" / "v")
        account = await self.account()
        self.assertEqual(account.root, str(self.base / "home" / "v" / "Maildir"))
        self.users.away = True
        await self.restart()
        self.assertEqual((await self.account()).root, account.root)

    async def test_full_disk(self) -> None:
        """A home that cannot be noted is not used."""
        self.users.homes[ADDRESS] = str(self.base / "home" / "w")
        self.system.fail(28, "write")
        with self.assertRaises(TemporaryFailure):
            await self.account()
        self.assertFalse(self._is_made("w"))
        await self.account()

    def _is_made(self, name: str) -> bool:
        return os.path.exists(self.base / "home" / name)

    def test_pattern(self) -> None:
        """The home stands first, and the rest is as ever."""
        found = PathPattern.parse("%h/mail/%d").directory("a@b", "/home/../srv/%a")
        self.assertEqual(found, "/srv/%a/mail/b")
        self.assertEqual(PathPattern.parse("%h/").directory("a@b", "/x"), "/x")
        for text in ("/srv/%h", "%h/%h", "%%h"):
            with self.assertRaises(ValueError):
                PathPattern.parse(text)
