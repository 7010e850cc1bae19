"""What survives: a restart, a lost index, the end of the process, a power loss."""

import os

from twisted.internet.defer import ensureDeferred, gatherResults

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.mailbox import NewMessage
from mailframe.memory_content import MemoryContent
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import MaildirTestCase

ADD = FlagChange.ADD
WORK = mailbox_name("Work")


class RestartTests(MaildirTestCase):
    """UIDs, UIDVALIDITY and flags are those of before."""

    async def _filled(self) -> None:
        account = await self.account()
        await account.create(WORK, frozenset({"\\Archive"}))
        await account.append(INBOX, [new(n) for n in range(1, 6)])
        mailbox = await account.open(INBOX)
        await mailbox.store(UIDSet.of([1]), ADD, frozenset({"\\Deleted"}))
        await mailbox.expunge()
        await mailbox.store(UIDSet.of([2]), ADD, frozenset({"\\Seen", "Later"}))
        await mailbox.copy(UIDSet.of([2, 3]), WORK)
        await mailbox.move(UIDSet.of([5]), WORK)

    async def _seen(self) -> object:
        account = await self.account()
        found = []
        for info in await account.list_mailboxes():
            mailbox = await account.open(info.name)
            listing = (await mailbox.changes(0)).listing
            found.append(
                (
                    info,
                    mailbox.uid_validity,
                    mailbox.mailbox_id,
                    await self.listed(mailbox),
                    list(listing.dates),
                    await self.loaded(mailbox),
                )
            )
        return found

    async def test_restart(self) -> None:
        """After a restart all is as it was, the mod-sequences too."""
        await self._filled()
        before = await self._seen()
        status = await (await self.account()).status(INBOX)
        await self.restart()
        self.assertEqual(await (await self.account()).status(INBOX), status)
        self.assertEqual(await self._seen(), before)

    async def test_lost_index(self) -> None:
        """Without the index all is found again from the names of the files."""
        await self._filled()
        before = await self._seen()
        await self.realm.stopService()
        for name in os.listdir(self.root):
            if name.startswith("mailframe.index"):
                os.unlink(self.root / name)
        self.make_realm()
        self.realm.startService()
        self.assertEqual(await self._seen(), before)
        account = await self.account()
        (uid,) = (await account.append(INBOX, [new(9)])).uids
        self.assertGreater(uid, 5)

    async def test_damaged_index(self) -> None:
        """A damaged index is made again when the account is opened."""
        await self._filled()
        before = await self._seen()
        await self.realm.stopService()
        (self.root / "mailframe.index").write_bytes(b"no database at all" * 1000)
        self.make_realm()
        self.realm.startService()
        self.assertEqual(await self._seen(), before)

    async def test_index_damaged_inside(self) -> None:
        """An index that turns out to be damaged later is made again then."""
        await self._filled()
        before = await self._seen()
        await self.realm.stopService()
        index = self.root / "mailframe.index"
        octets = bytearray(index.read_bytes())
        octets[4096:] = b"\xa5" * (len(octets) - 4096)
        index.write_bytes(octets)
        self.make_realm()
        self.realm.startService()
        self.assertEqual(await self._seen(), before)
        self.flushLoggedErrors()

    async def test_modseq_after_lost_index(self) -> None:
        """A client that comes back after the index was lost misses nothing."""
        await self._filled()
        mailbox = await self.inbox()
        since = (await mailbox.changes(0)).listing.highest_modseq
        await self.realm.stopService()
        os.unlink(self.root / "mailframe.index")
        self.make_realm()
        self.realm.startService()
        mailbox = await self.inbox()
        changes = await mailbox.changes(since)
        self.assertGreater(changes.listing.highest_modseq, since)
        self.assertEqual(changes.new | changes.changed, UIDSet(((2, 4),)))
        self.assertIn(1, changes.vanished)
        self.assertIn(5, changes.vanished)

    async def test_changes_over_a_restart(self) -> None:
        """Changes since before the restart are told exactly."""
        await self._filled()
        mailbox = await self.inbox()
        since = (await mailbox.changes(0)).listing.highest_modseq
        await mailbox.store(UIDSet.of([3]), ADD, frozenset({"\\Deleted"}))
        await mailbox.expunge()
        await mailbox.store(UIDSet.of([4]), ADD, frozenset({"\\Flagged"}))
        await (await self.account()).append(INBOX, [new(7)])
        await self.restart()
        mailbox = await self.inbox()
        changes = await mailbox.changes(since)
        self.assertEqual(changes.new, UIDSet.of([6]))
        self.assertEqual(changes.changed, UIDSet.of([4]))
        self.assertEqual(changes.vanished, UIDSet.of([3]))

    async def test_names_follow(self) -> None:
        """When the store has stopped, names of files say what flags there are."""
        await self._filled()
        await self.realm.stopService()
        flags = {name.partition(":2,")[2] for name in self.names()}
        self.assertEqual(flags, {"Sa"})
        self.assertEqual(len(self.names()) + len(self.names("new")), 3)
        self.assertEqual(os.listdir(self.base / "state" / "journal"), ["lock"])

    async def test_large_message(self) -> None:
        """A message too large for the journal is kept, CRLF and all."""
        line = b"0123456789" * 7
        bare = b"Subject: large\n\n" + (line + b"\n") * 30_000
        whole = bare.replace(b"\n", b"\r\n")
        account = await self.account()
        await account.append(
            INBOX, [NewMessage(MemoryContent(bare), header=b"X-Trace: 1\r\n")]
        )
        whole = b"X-Trace: 1\r\n" + whole
        await self.restart()
        mailbox = await self.inbox()
        self.assertEqual(list((await mailbox.changes(0)).listing.sizes), [len(whole)])
        content = await mailbox.open_content(1)
        self.assertEqual(content.size, len(whole))
        self.assertIs(content.octets, None)
        self.assertEqual(await content.read(0, len(whole)), whole)
        self.assertEqual(await content.read(7, 9), whole[7:9])
        self.assertEqual(await content.read(len(whole) - 1, 10**9), b"\n")
        content.close()
        with self.assertRaises(TemporaryFailure):
            await content.read(0, 1)
        self.assertEqual(os.listdir(self.root / "tmp"), [])

    async def test_many_at_once(self) -> None:
        """Appends that overlap get UIDs of their own, all in one mailbox."""
        account = await self.account()
        await gatherResults(
            [ensureDeferred(account.append(INBOX, [new(n)])) for n in range(50)]
        )
        mailbox = await self.inbox()
        self.assertEqual(list(await self.listed(mailbox)), list(range(1, 51)))
        self.assertEqual(
            sorted((await self.loaded(mailbox)).values()),
            sorted(message(n) for n in range(50)),
        )
