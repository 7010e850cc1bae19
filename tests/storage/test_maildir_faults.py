"""Disks that fill up or fail, and machines that lose power."""

import errno
import os
import shutil
import sqlite3
import threading
from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from mailframe.errors import InsufficientStorage, TemporaryFailure
from mailframe.interfaces.mailbox import NewMessage
from mailframe.memory_content import MemoryContent
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.storage.os_layer import OSLayer
from mailframe.storage.put_off import PutOff
from mailframe.storage.writer import Batch, BatchWriter
from mailframe.testing.faults import FaultyOS
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import ALL, MaildirTestCase

ADD = FlagChange.ADD
WORK = mailbox_name("Work")


class _EverySync:
    """Syncs all files one by one, where the store would ask for a file system."""

    def __init__(self, root: str, os_layer: OSLayer) -> None:
        self._root = root
        self._os = os_layer

    def note(self, path: str) -> None:
        """Everything is below the root."""

    def sync(self) -> None:
        """Sync what the system under test knows of."""
        for path, _, names in os.walk(self._root):
            for name in names:
                if not name.startswith("mailframe.index"):
                    fd = self._os.open(os.path.join(path, name), os.O_RDONLY)
                    self._os.fsync(fd)
                    self._os.close(fd)
            self._os.fsync_dir(path)


class FaultTestCase(MaildirTestCase):
    """A store on a system that fails when told to."""

    abandoned: list[Any] = []
    """Stores that were dropped: closing their files would touch those of the next."""

    def make_os_layer(self) -> FaultyOS:
        """Return the system."""
        self.system = FaultyOS(str(self.base))
        return self.system

    def make_realm(self) -> None:
        """Make a store that does not sync whole file systems."""
        super().make_realm()
        self.realm._disks = _EverySync(str(self.base), self.system)  # type: ignore[assignment]

    def drop(self) -> None:
        """Let the store end as by kill -9: nothing is written or closed."""
        threads = self.realm._threads
        assert threads is not None
        self.realm._threads = None
        self.abandoned.append((threads, dict(self.realm._live)))
        threads.watches.stop()
        threads._pool.stop()
        self.halt(threads._writer)
        for account in self.realm._live.values():
            account._tidying.cancel()
        lock = threads._writer._journal._lock
        assert lock is not None
        os.close(lock)
        threads._writer._journal._lock = None

    def halt(self, writer: BatchWriter) -> None:
        """Let the writer thread end before it does what it has put off."""

        def last(batch: Batch) -> None:
            writer._later = PutOff(lambda: 0.0)
            writer._ended = True

        writer._queue.put((last, Deferred()))
        for thread in threading.enumerate():
            if thread.name == "mailframe-writer":
                thread.join()
        self.flushLoggedErrors()

    def crash(self, survives: Random | bool = False) -> None:
        """Lose power and start again."""
        self.drop()
        self.lose_power(survives)
        self.make_realm()
        self.realm.startService()

    def lose_power(self, survives: Random | bool) -> None:
        """Lose what was not synced; SQLite's files are as they were."""
        kept = {name: (self.root / name).read_bytes() for name in self.index_files()}
        for name in kept:
            os.unlink(self.root / name)
        self.system.crash(survives)
        for name, octets in kept.items():
            (self.root / name).write_bytes(octets)

    def index_files(self) -> list[str]:
        """Return the names of the index's files."""
        return [
            name for name in os.listdir(self.root) if name.startswith("mailframe.index")
        ]


class PowerLossTests(FaultTestCase):
    """What was answered survives, whatever else the disk lost."""

    async def test_appended(self) -> None:
        """Messages are there again with UIDs, flags and dates."""
        account = await self.account()
        flags = frozenset({"\\Seen", "Later"})
        await account.append(INBOX, [new(1, flags), new(2)])
        await account.append(INBOX, [new(3)])
        self.crash()
        mailbox = await self.inbox()
        self.assertEqual(await self.loaded(mailbox), {n: message(n) for n in (1, 2, 3)})
        listing = (await mailbox.changes(0)).listing
        self.assertEqual(list(listing.flags), [flags, frozenset(), frozenset()])
        self.assertEqual(list(listing.dates), [1000] * 3)

    async def test_appended_index_lost(self) -> None:
        """The same when the index went too."""
        account = await self.account()
        await account.append(INBOX, [new(1), new(2)])
        self.drop()
        self.lose_power(False)
        for name in self.index_files():
            os.unlink(self.root / name)
        self.make_realm()
        self.realm.startService()
        mailbox = await self.inbox()
        self.assertEqual(await self.loaded(mailbox), {1: message(1), 2: message(2)})
        self.assertEqual(list((await mailbox.changes(0)).listing.dates), [1000] * 2)

    async def test_index_went_back(self) -> None:
        """The same when the index lost its last commits."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        self._save_index()
        await account.append(INBOX, [new(2), new(3)])
        mailbox = await account.open(INBOX)
        since = (await mailbox.changes(0)).listing.highest_modseq
        await mailbox.store(UIDSet.of([2]), ADD, frozenset({"\\Deleted"}))
        await mailbox.expunge()
        self.drop()
        self.lose_power(False)
        self._restore_index()
        self.make_realm()
        self.realm.startService()
        mailbox = await self.inbox()
        self.assertEqual(await self.loaded(mailbox), {1: message(1), 3: message(3)})
        appended = await (await self.account()).append(INBOX, [new(4)])
        self.assertEqual(list(appended.uids), [4])
        changes = await mailbox.changes(since)
        self.assertGreater(changes.listing.highest_modseq, since)

    def _save_index(self) -> None:
        saved = sqlite3.connect(self.base / "saved")
        with sqlite3.connect(self.root / "mailframe.index") as index:
            index.backup(saved)
        index.close()
        saved.close()

    def _restore_index(self) -> None:
        for name in self.index_files():
            os.unlink(self.root / name)
        shutil.copy(self.base / "saved", self.root / "mailframe.index")

    async def test_expunged(self) -> None:
        """An expunged message does not come back."""
        account = await self.account()
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await account.open(INBOX)
        await mailbox.store(UIDSet.of([1]), ADD, frozenset({"\\Deleted"}))
        await mailbox.expunge()
        for _ in range(2):
            self.crash()
            mailbox = await self.inbox()
            self.assertEqual(await self.loaded(mailbox), {2: message(2)})
        await self.tidied()
        self.assertEqual(len(self.names("new") + self.names()), 1)

    async def test_copied_and_moved(self) -> None:
        """Copies are there, moved messages are there once."""
        account = await self.account()
        await account.create(WORK)
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await account.open(INBOX)
        await mailbox.copy(UIDSet.of([1]), WORK)
        await mailbox.move(UIDSet.of([2]), WORK)
        for survives in (False, True):
            self.crash(survives)
            account = await self.account()
            self.assertEqual(await self.loaded(await self.inbox()), {1: message(1)})
            self.assertEqual(
                await self.loaded(await account.open(WORK)),
                {1: message(1), 2: message(2)},
            )

    async def test_large(self) -> None:
        """A message too large for the journal is durable by itself."""
        octets = b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 100_000
        account = await self.account()
        await account.append(INBOX, [NewMessage(MemoryContent(octets))])
        self.crash()
        self.assertEqual(await self.loaded(await self.inbox()), {1: octets})

    async def test_mailbox_made(self) -> None:
        """A mailbox that was made is there, with its UIDVALIDITY."""
        account = await self.account()
        await account.create(WORK)
        before = await account.status(WORK)
        self.crash()
        after = await (await self.account()).status(WORK)
        self.assertEqual(after.uid_validity, before.uid_validity)
        self.assertEqual(after.mailbox_id, before.mailbox_id)

    async def test_at_any_moment(self) -> None:
        """What was answered is there, what was not is there whole or not at all."""
        answered: set[int] = set()
        await (await self.account()).append(INBOX, [new(0)])
        for at in range(1, 40):
            account = await self.account()
            self.system.lose_power(at)
            for number in (10 * at, 10 * at + 1):
                try:
                    await account.append(INBOX, [new(number)])
                except Exception:  # whatever the system said when it went off
                    break
                answered.add(number)
            self.crash(Random(at))
            mailbox = await self.inbox()
            found = await self.loaded(mailbox)
            numbers = [
                int(octets.partition(b"number ")[2].partition(b"\r")[0])
                for octets in found.values()
            ]
            self.assertEqual(len(set(numbers)), len(numbers))
            self.assertEqual(answered - set(numbers), set())
            self.assertEqual(set(found.values()), {message(n) for n in numbers})
        self.flushLoggedErrors()

    async def test_removed_at_any_moment(self) -> None:
        """All of what is removed in one step is gone, or none of it."""
        await (await self.account()).append(INBOX, [new(n) for n in range(60)])
        for at in range(1, 30):
            mailbox = await self.inbox()
            uids = UIDSet.of(list((await mailbox.changes(0)).listing.uids)[:2])
            there = set(await self.loaded(mailbox))
            self.system.lose_power(at)
            answered = True
            try:
                await mailbox.remove(uids)
            except Exception:  # whatever the system said when it went off
                answered = False
            self.crash(Random(at))
            found = set(await self.loaded(await self.inbox()))
            self.assertIn(found, [there - set(uids), *[there] * (not answered)])
        self.flushLoggedErrors()

    async def test_moved_at_any_moment(self) -> None:
        """What was answered before is in one mailbox or the other, or in both."""
        await (await self.account()).create(WORK)
        for at in range(1, 40):
            account = await self.account()
            await account.append(INBOX, [new(2 * at), new(2 * at + 1)])
            mailbox = await self.inbox()
            uids = UIDSet.of(list((await mailbox.changes(0)).listing.uids))
            self.system.lose_power(at % 20 + 1)
            answered = True
            try:
                await mailbox.move(uids, WORK)
            except Exception:  # whatever the system said when it went off
                answered = False
            self.crash(Random(at) if at % 2 else False)
            account = await self.account()
            here = set((await self.loaded(await self.inbox())).values())
            there = set((await self.loaded(await account.open(WORK))).values())
            self.assertEqual(here | there, {message(n) for n in range(2, 2 * at + 2)})
            if answered:
                self.assertEqual(here, set())
        self.flushLoggedErrors()

    async def test_kill(self) -> None:
        """After kill -9 all is as it was, and names still owed are changed."""
        account = await self.account()
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await account.open(INBOX)
        await mailbox.store(UIDSet.of([1]), ADD, frozenset({"\\Seen"}))
        before = await mailbox.changes(0)
        self.crash(True)
        mailbox = await self.inbox()
        after = await mailbox.changes(0)
        self.assertEqual(list(after.listing.modseqs), list(before.listing.modseqs))
        await self.tidied()
        self.assertEqual([name[-5:] for name in self.names()], ["1:2,S"])


class DiskFaultTests(FaultTestCase):
    """A refused append leaves nothing behind, and the next one works."""

    async def _whole(self, expected: int) -> None:
        """See that index, directories and listing agree."""
        mailbox = await self.inbox()
        self.assertEqual(len(await self.listed(mailbox)), expected)
        self.assertEqual(len(await self.loaded(mailbox)), expected)
        self.assertEqual(len(self.names("new") + self.names()), expected)
        self.assertEqual(os.listdir(self.root / "tmp"), [])

    async def test_full_at_any_call(self) -> None:
        """The disk is full, wherever that shows first."""
        account = await self.account()
        stored = 0
        for at in range(1, 12):
            self.system.fail(errno.ENOSPC, at=at)
            try:
                await account.append(INBOX, [new(1), new(2, frozenset({"\\Seen"}))])
                stored += 2
            except InsufficientStorage:
                pass
            self.system._faults.clear()
            await self._whole(stored)
        await account.append(INBOX, [new(3)])
        await self._whole(stored + 1)
        self.flushLoggedErrors()

    async def test_short_write(self) -> None:
        """A write that was done by half is taken back, and done again."""
        account = await self.account()
        await account.append(INBOX, [new(0)])
        await self._whole(1)
        self.system.fail(errno.ENOSPC, "write", times=1000, short=True)
        await account.append(INBOX, [new(1)])
        await account.ask(account.reader.usage)
        self.assertEqual(len(self.names("new") + self.names()), 1)
        self.assertEqual(os.listdir(self.root / "tmp"), [])
        self.system._faults.clear()
        await account.create(WORK)
        await self._whole(2)
        self.flushLoggedErrors()

    async def test_removal_is_refused(self) -> None:
        """What the journal does not take is there as before, and stays."""
        account = await self.account()
        await account.create(WORK)
        flags = frozenset({"\\Deleted", "Later"})
        await account.append(INBOX, [new(n, flags) for n in (1, 2, 3)])
        mailbox = await account.open(INBOX)
        listing = (await mailbox.changes(0)).listing
        whole = {n: message(n) for n in (1, 2, 3)}
        for refused in (
            lambda: mailbox.remove(UIDSet.of([1, 3])),
            mailbox.expunge,
            lambda: account.replace(mailbox.mailbox_id, 2, WORK, new(4)),
        ):
            await account.ask(account.reader.usage)
            self.system.fail(errno.ENOSPC, "pwritev")
            with self.assertRaises(InsufficientStorage):
                await refused()
            await self.tidied()
            self.assertEqual(await self.loaded(mailbox), whole)
            changes = await mailbox.changes(listing.highest_modseq)
            self.assertEqual(changes.listing.flags, listing.flags)
            self.assertEqual(changes.listing.dates, listing.dates)
            self.assertFalse(changes.vanished)
            self.assertEqual((await account.status(WORK)).messages, 0)
        self.flushLoggedErrors()
        await self.restart()
        mailbox = await self.inbox()
        self.assertEqual(await self.loaded(mailbox), whole)
        self.assertEqual(await mailbox.expunge(), UIDSet.of([1, 2, 3]))
        await self.tidied()
        self.assertEqual(self.names("new") + self.names(), [])

    async def test_full_before_it_is_filed(self) -> None:
        """What was answered waits for room, is there after a crash, and not twice."""
        account = await self.account()
        await account.append(INBOX, [new(0)])
        await self._whole(1)
        self.system.fail(errno.ENOSPC, "write", times=1000)
        await account.append(INBOX, [new(1)])
        await account.ask(account.reader.usage)
        self.assertTrue(account._store.filing.stuck)
        with self.assertRaises(InsufficientStorage):
            await account.append(INBOX, [new(2)])
        mailbox = await self.inbox()
        # Removing is what makes room, so it must not wait for it.
        await mailbox.store(UIDSet.of([1]), ADD, frozenset({"\\Deleted"}))
        self.assertEqual(await mailbox.expunge(), UIDSet.of([1]))
        self.crash()
        for _ in range(2):
            found = await self.loaded(await self.inbox())
            self.assertEqual(found, {2: message(1)})
            await self.restart()
        self.flushLoggedErrors()

    async def test_no_checkpoint_before_it_is_filed(self) -> None:
        """The journal forgets nothing that has no file."""
        account = await self.account()
        await account.append(INBOX, [new(0)])
        await self._whole(1)
        self.system.fail(errno.ENOSPC, "write", times=1000)
        await account.append(INBOX, [new(1)])
        threads = self.realm._threads
        assert threads is not None
        writer = threads._writer

        def checkpoint() -> None:
            with self.assertRaises(TemporaryFailure):
                writer._checkpoints.finish()

        await threads.write(lambda batch: batch.afterwards(checkpoint))
        await account.settle()
        self.crash()
        self.assertEqual(
            await self.loaded(await self.inbox()), {1: message(0), 2: message(1)}
        )
        self.flushLoggedErrors()

    async def test_full_while_large(self) -> None:
        """A large message that does not fit leaves no file."""
        octets = b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 100_000
        account = await self.account()
        for name in ("write", "fsync", "rename"):
            self.system.fail(errno.ENOSPC, name)
            with self.assertRaises(InsufficientStorage):
                await account.append(INBOX, [NewMessage(MemoryContent(octets))])
            await self._whole(0)

    async def test_journal_fails(self) -> None:
        """Without the journal nothing is stored, though the index had it."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        mailbox = await self.inbox()
        await self.listed(mailbox)
        self.system.fail(errno.EIO, "fdatasync")
        with self.assertRaises(TemporaryFailure):
            await account.append(INBOX, [new(2)])
        self.assertEqual(list(await self.listed(mailbox)), [1])
        await self._whole(1)
        await account.append(INBOX, [new(3)])
        await self._whole(2)

    async def test_move_fails(self) -> None:
        """A move that cannot be made durable leaves each message once."""
        account = await self.account()
        await account.create(WORK)
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await self.inbox()
        self.system.fail(errno.EIO, "fdatasync")
        with self.assertRaises(TemporaryFailure):
            await mailbox.move(ALL, WORK)
        await self._whole(2)
        self.assertEqual((await account.status(WORK)).messages, 0)
        self.system.fail(errno.EIO, "rename", at=2)
        with self.assertRaises(TemporaryFailure):
            await mailbox.move(ALL, WORK)
        await self._whole(2)
        self.assertEqual((await account.status(WORK)).messages, 0)

    async def test_index_full(self) -> None:
        """SQLite's own full disk is answered like any other."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        index = account._store.index
        (pages,) = index.execute("PRAGMA page_count").fetchone()
        index.execute(f"PRAGMA max_page_count={pages}")
        big = NewMessage(
            MemoryContent(b"Subject: " + b"x" * 12_000 + b"\r\n\r\n"), date=1
        )
        with self.assertRaises(InsufficientStorage):
            for _ in range(20):
                await account.append(INBOX, [big])
                await account.ask(account.reader.usage)
        index.execute("PRAGMA max_page_count=1000000")
        listed = await self.listed(await self.inbox())
        await self._whole(len(listed))

    async def test_create_fails(self) -> None:
        """A mailbox that cannot be made is not there."""
        account = await self.account()
        for at in range(1, 12):
            self.system.fail(errno.ENOSPC, at=at)
            try:
                await account.create(WORK)
            except InsufficientStorage:
                pass
            else:
                await account.delete(WORK)
            self.system._faults.clear()
            names = [info.name for info in await account.list_mailboxes()]
            self.assertEqual(names, [INBOX])
        await account.create(WORK)
        self.flushLoggedErrors()
