"""POP3's view of accounts in Maildirs: the lock, and names for ever."""

import os
from typing import Any

from mailframe.errors import InUse, TemporaryFailure
from mailframe.model.mailbox import INBOX
from mailframe.storage.maildir.pop3_lock import FILE
from mailframe.storage.maildrop import Maildrops
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import MaildirTestCase


class LockTests(MaildirTestCase):
    """A maildrop is one session's, whichever process that is in."""

    async def test_other_process(self) -> None:
        """Two processes know nothing of each other but the file."""
        account = await self.account()
        first, second = Maildrops()(account), Maildrops()(account)
        await first.lock()
        with self.assertRaises(InUse):
            await second.lock()
        await first.unlock()
        await second.lock()
        with self.assertRaises(InUse):
            await first.lock()
        await second.unlock()
        await second.unlock()
        await first.lock()
        await first.unlock()

    async def test_same_process(self) -> None:
        """A refused session takes nothing from the one that has the lock."""
        account = await self.account()
        maildrops = Maildrops()
        first, second = maildrops(account), maildrops(account)
        await first.lock()
        with self.assertRaises(InUse):
            await second.lock()
        await second.unlock()
        with self.assertRaises(InUse):
            await maildrops(account).lock()
        await first.unlock()
        await maildrops(account).lock()

    async def test_no_file(self) -> None:
        """Where the lock cannot be made, nobody comes in without it."""
        account = await self.account()
        (self.root / FILE).symlink_to("elsewhere")
        with self.assertRaises(TemporaryFailure):
            await Maildrops()(account).lock()
        os.unlink(self.root / FILE)
        maildrop = Maildrops()(account)
        await maildrop.lock()
        await maildrop.unlock()


class NameTests(MaildirTestCase):
    """Unique IDs stay, whatever becomes of the files."""

    async def _listed(self) -> list[Any]:
        maildrop = Maildrops()(await self.account())
        listed = list(await maildrop.lock())
        await maildrop.unlock()
        return listed

    async def test_for_ever(self) -> None:
        """Flags, other programs, restarts and a lost index change no ID."""
        account = await self.account()
        await account.append(INBOX, [new(1), new(2)])
        self.deliver(3)
        before = await self._listed()
        self.assertEqual(
            [one.unique_id[:8] for one in before],
            [f"0000000{number}" for number in (1, 2, 3)],
        )
        await self.tidied()
        for name in self.names("new"):
            os.rename(self.root / "new" / name, self.root / "cur" / (name + ":2,S"))
        self.assertEqual(await self._listed(), before)
        await self.restart()
        self.assertEqual(await self._listed(), before)
        await self.realm.stopService()
        for name in os.listdir(self.root):
            if name.startswith("mailframe.index"):
                os.unlink(self.root / name)
        self.make_realm()
        self.realm.startService()
        self.assertEqual(await self._listed(), before)

    async def test_bare_lf(self) -> None:
        """Sizes are those of CRLF, which is what is sent."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        octets = message(7)
        path = self.root / "new" / "1000000000.1.elsewhere"
        path.write_bytes(octets.replace(b"\r\n", b"\n"))
        maildrop = Maildrops()(await self.account())
        listed = await maildrop.lock()
        self.assertEqual(listed[1].size, len(octets))
        content = await maildrop.open_content(1)
        self.assertEqual(content.octets, octets)
        await maildrop.unlock()

    async def test_commit(self) -> None:
        """What is committed is gone, and nothing else is even marked."""
        account = await self.account()
        await account.append(INBOX, [new(n) for n in range(1, 4)])
        maildrop = Maildrops()(account)
        await maildrop.lock()
        await maildrop.commit([0, 2])
        await maildrop.unlock()
        self.assertEqual(await self.listed(await self.inbox()), {2: frozenset()})
