"""Bounds, notes and special uses in a Maildir: what the files say, and when."""

import os
from collections.abc import Awaitable
from typing import Any

from mailframe.errors import OverQuota
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.quota import QuotaLimits
from mailframe.storage.maildir.index import INDEX_FILE
from mailframe.testing.failing import fails
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import MaildirTestCase

WORK = mailbox_name("Work")
LIMITS = QuotaLimits(octets=10 * len(message(1)), messages=2)


class PowerTests(MaildirTestCase):
    """What is set survives; what others write is believed."""

    async def _set(self) -> None:
        account = await self.account()
        account.may_set_quota = True
        await account.set_quota("", LIMITS)
        await account.create(WORK)
        await account.set_special_use(WORK, frozenset({"\\Sent"}))
        await account.annotate(WORK, {"/private/comment": b"\0\xff"})
        await account.annotate(None, {"/private/vendor/x/y": b"z"})
        await account.append(INBOX, [new(1)])

    async def _check(self) -> None:
        account = await self.account()
        self.assertFalse(account.may_set_quota)
        found = await account.quota("")
        assert found is not None
        self.assertEqual((found.limits, found.messages), (LIMITS, 1))
        notes = await account.annotations(WORK)
        self.assertEqual(notes, {"/private/comment": b"\0\xff"})
        notes = await account.annotations(None)
        self.assertEqual(notes, {"/private/vendor/x/y": b"z"})
        [_, work] = await account.list_mailboxes()
        self.assertEqual(work.special_use, {"\\Sent"})

    async def test_restart(self) -> None:
        """A restart changes nothing."""
        await self._set()
        await self.restart()
        await self._check()

    async def test_index_lost(self) -> None:
        """Nor does the loss of the index."""
        await self._set()
        await self.realm.stopService()
        for suffix in ("", "-wal", "-shm"):
            path = self.root / (INDEX_FILE + suffix)
            if path.exists():
                path.unlink()
        self.make_realm()
        self.realm.startService()
        inbox = await self.inbox()
        await inbox.changes(0)
        await self._check()

    async def test_limits_by_hand(self) -> None:
        """Whoever runs the host writes the bounds, and they hold at once."""
        account = await self.account()
        path = self.root / "mailframe.quota"
        path.write_text("1C, 1000000S,nonsense\nmore\n")
        await account.append(INBOX, [new(1)])
        await self.over(account.append(INBOX, [new(2)]))
        path.unlink()
        await account.append(INBOX, [new(2)])
        path.write_text("3C\n")
        await account.append(INBOX, [new(3)])
        await self.over(account.append(INBOX, [new(4)]))

    async def test_delivered_by_others(self) -> None:
        """What another program delivers counts once it was noticed."""
        account = await self.account()
        (self.root / "mailframe.quota").write_text("2C\n")
        await account.append(INBOX, [new(1)])
        self.deliver(2)
        inbox = await self.inbox()
        self.assertEqual(len(await self.listed(inbox)), 2)
        await self.over(account.append(INBOX, [new(3)]))

    async def test_refused_leaves_nothing(self) -> None:
        """A refused message leaves no file, however large it is."""
        account = await self.account()
        (self.root / "mailframe.quota").write_text("10S\n")
        await self.over(account.append(INBOX, [new(1)]))
        for place in ("tmp", "new", "cur"):
            self.assertEqual(os.listdir(self.root / place), [])

    async def test_damaged_notes(self) -> None:
        """A file of notes that is damaged counts as none, and is replaced."""
        account = await self.account()
        for octets in (b"\xff", b"[1]", b'{"/private/a": 1}', b"{"):
            (self.root / "mailframe.metadata").write_bytes(octets)
            self.assertEqual(await account.annotations(INBOX), {})
            await account.annotate(INBOX, {"/private/a": b"b"})
            self.assertEqual(await account.annotations(INBOX), {"/private/a": b"b"})

    async def over(self, awaitable: Awaitable[Any]) -> None:
        """See that it is over quota."""
        await fails(OverQuota, awaitable)
