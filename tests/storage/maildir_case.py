"""What the tests of the Maildir store have in common: a store, and other programs."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - the store needs a real one
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mailframe.interfaces.plugin import Host
from mailframe.model.flag import FlagSet
from mailframe.model.mailbox import INBOX
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir import box
from mailframe.storage.maildir.account import MaildirAccount
from mailframe.storage.maildir.mailbox import MaildirMailbox
from mailframe.storage.maildir.realm import MaildirRealm
from mailframe.storage.os_layer import REAL, OSLayer
from mailframe.testing.mailbox_contract import message
from tests.host import START_TIMEOUT

ADDRESS = "user@example.org"
ALL = UIDSet(((1, 2**32 - 1),))


class MaildirTestCase(TestCase):
    """A test with a running store.

    Attributes:
        base: Holds everything the store writes.
        root: The directory of the one account.
        realm: The store.
    """

    os_layer: OSLayer
    timeout = 110

    def setUp(self) -> None:
        """Start the store; however busy this machine is, it looks at once."""
        self.patch(box, "QUICK_SECONDS", 60.0)
        self.base = Path(self.mktemp()).resolve()
        self.base.mkdir(parents=True)
        self.root = self.base / "mail" / "example.org" / "user"
        self.os_layer = self.make_os_layer()
        self.make_realm()
        self.realm.startService()
        self.addCleanup(lambda: self.realm.stopService())

    def make_os_layer(self) -> OSLayer:
        """Return what the store changes files with."""
        return REAL

    def make_realm(self) -> None:
        """Make a store over the same directories; it is not running yet."""
        self.realm = MaildirRealm(
            f"{self.base}/mail/%d/%n",
            Host(f"{self.base}/state", ("example.org",), reactor),
            self.os_layer,
        )

    async def restart(self) -> None:
        """Stop the store cleanly and start another one."""
        await self.realm.stopService()
        self.make_realm()
        self.realm.startService()

    async def account(self) -> MaildirAccount:
        """Return the account."""
        return await self.realm.account(ADDRESS)

    async def inbox(self) -> MaildirMailbox:
        """Return its INBOX, opened."""
        return await (await self.account()).open(INBOX)

    async def pause(self, seconds: float = 0.03) -> None:
        """Let the clock of the file system tick."""
        await deferLater(reactor, seconds)

    async def until(self, found: Callable[[], Any]) -> None:
        """Wait until something is so."""
        end = reactor.seconds() + START_TIMEOUT
        while not found():
            self.assertLess(reactor.seconds(), end)
            await self.pause()

    async def filed(self) -> None:
        """Wait until messages have their files, and watchers were called."""
        account = await self.account()
        await account.ask(account.reader.usage)
        await self.pause(0.1)

    async def tidied(self) -> None:
        """Wait until file names say what the index says."""
        await (await self.account()).finish()

    def names(self, place: str = "cur", mailbox: str = "") -> list[str]:
        """Return the names in ``new`` or ``cur``, sorted."""
        return sorted(os.listdir(self.root / mailbox / place))

    def deliver(
        self, number: int, place: str = "new", info: str = "", mailbox: str = ""
    ) -> str:
        """Do what another program does: put message ``number`` into the Maildir."""
        directory = self.root / mailbox
        name = f"{int(time.time())}.{number}_{id(self)}.elsewhere"
        (directory / "tmp" / name).write_bytes(message(number))
        (directory / "tmp" / name).rename(directory / place / (name + info))
        return name

    async def listed(self, mailbox: Any) -> dict[int, FlagSet]:
        """Return UID and flags of all messages."""
        listing = (await mailbox.changes(0)).listing
        return dict(zip(listing.uids, listing.flags, strict=True))

    async def loaded(self, mailbox: Any) -> dict[int, bytes]:
        """Return UID and octets of all messages."""
        return dict(await mailbox.load(ALL, 10**8))
