"""Many files of another program have UIDs before their names say so."""

import os
import time
from pathlib import Path
from random import Random
from typing import Any

from mailframe.model.flag import DELETED, SEEN, FlagChange
from mailframe.model.mailbox import INBOX, MailboxName
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir import box, scan, store, tidying
from mailframe.testing.faults import FaultyOS
from mailframe.testing.mailbox_contract import message, new
from tests.storage import test_maildir_history as history
from tests.storage.maildir_case import ALL, MaildirTestCase
from tests.storage.test_maildir_faults import FaultTestCase
from tests.storage.test_maildir_history import WORK


class _Later:
    """Every file is named later, and not by itself; a mixin."""

    patch: Any

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        self.patch(scan, "MANY", 1)
        self.patch(box, "_NAMING_SECONDS", 1000.0)
        self.patch(tidying, "_SECONDS", 1000.0)


class _Durable:
    """Other programs deliver durably, and the system under test sees it; a mixin."""

    root: Path
    system: FaultyOS

    def deliver(
        self, number: int, place: str = "new", info: str = "", mailbox: str = ""
    ) -> str:
        """Put a message into the Maildir."""
        directory, system = f"{self.root}/{mailbox}".rstrip("/"), self.system
        name = f"{int(time.time())}.{number}_{id(self)}.elsewhere"
        fd = system.open(f"{directory}/tmp/{name}", os.O_WRONLY | os.O_CREAT, 0o600)
        system.write(fd, message(number))
        system.fsync(fd)
        system.close(fd)
        system.rename(f"{directory}/tmp/{name}", f"{directory}/{place}/{name}{info}")
        system.fsync_dir(f"{directory}/{place}")
        return name


class NamingTests(_Durable, _Later, FaultTestCase):
    """What is true between the index and the names."""

    async def taken(self, more: int = 0) -> Any:
        """Deliver four messages as another program does, and open the mailbox."""
        await self.account()
        self.deliver(1 + more)
        self.deliver(2 + more, "cur", ":2,S")
        self.deliver(3 + more, "cur", ":2,")
        self.deliver(4 + more, "cur", ":2,FS")
        return await self.inbox()

    def uids(self) -> list[str]:
        """Return what the names say of UIDs."""
        names = self.names() + self.names("new")
        return sorted(name.partition(",U=")[2].partition(":")[0] for name in names)

    async def by_uid(self) -> dict[int, bytes]:
        return await self.loaded(await self.inbox())

    async def test_named_later(self) -> None:
        """They are there at once, and have their names a moment later."""
        mailbox = await self.taken()
        self.assertEqual(self.uids(), [""] * 4)
        found = await self.by_uid()
        self.assertEqual(sorted(found.values()), [message(n) for n in (1, 2, 3, 4)])
        seen = [uid for uid, flags in (await self.listed(mailbox)).items() if flags]
        self.assertEqual(len(seen), 2)
        await self.tidied()
        self.assertEqual(self.uids(), ["1", "2", "3", "4"])
        self.assertEqual(self.names("new"), [])
        self.assertEqual(await self.by_uid(), found)
        before = os.listdir(self.root / "cur")
        await self.tidied()
        self.assertEqual(os.listdir(self.root / "cur"), before)

    async def test_used_before_they_are_named(self) -> None:
        """They are flagged, expunged, copied and moved as all others."""
        mailbox = await self.taken()
        found = await self.by_uid()
        account = await self.account()
        await account.create(WORK)
        await mailbox.store(UIDSet.of([1]), FlagChange.ADD, frozenset((SEEN, DELETED)))
        await mailbox.expunge()
        await mailbox.copy(UIDSet.of([2]), WORK)
        await mailbox.move(UIDSet.of([3]), WORK)
        await self.tidied()
        self.assertEqual(await self.by_uid(), {2: found[2], 4: found[4]})
        self.assertEqual(self.uids(), ["2", "4"])
        self.assertEqual(
            await self.loaded(await account.open(WORK)), {1: found[2], 2: found[3]}
        )

    async def test_renamed_by_another(self) -> None:
        """Another program flags one that has no name of ours yet."""
        mailbox = await self.taken()
        await self.pause()
        [name] = [name for name in self.names() if name.endswith(":2,FS")]
        self.system.rename(f"{self.root}/cur/{name}", f"{self.root}/cur/{name[:-2]}S")
        for _ in range(3):
            await self.pause()
            await mailbox.changes(0)
            await self.tidied()
        self.assertEqual(self.uids(), ["1", "2", "3", "4"])
        flagged = [one for one in (await self.listed(mailbox)).values() if one]
        self.assertEqual(flagged, [frozenset((SEEN,))] * 2)

    async def test_same_name_twice(self) -> None:
        """Of two files with one name each is a message, whenever they came."""
        await self.account()
        name = self.deliver(1, "cur", ":2,")
        mailbox = await self.inbox()
        await self.pause()
        other = self.deliver(2)
        self.system.rename(f"{self.root}/new/{other}", f"{self.root}/new/{name}")
        for _ in range(3):
            await self.pause()
            await mailbox.changes(0)
        self.assertEqual(await self.by_uid(), {1: message(1), 2: message(2)})
        await mailbox.remove(UIDSet.of([1]))
        await self.tidied()
        self.assertEqual(await self.by_uid(), {2: message(2)})
        self.assertEqual(self.uids(), ["2"])

    async def test_renamed_by_half(self) -> None:
        """A file with two names, as a crash may leave it, is one message."""
        account = await self.account()
        await account.append(INBOX, [new(1, frozenset((SEEN,)))])
        mailbox = await self.inbox()
        await self.filed()
        [name] = self.names()
        base = name.partition(":")[0]
        self.system.link(f"{self.root}/cur/{name}", f"{self.root}/new/{base}")
        await self.pause()
        self.assertEqual(list((await mailbox.changes(0)).listing.uids), [1])
        self.assertEqual((self.names(), self.names("new")), ([name], []))

    async def test_power_loss(self) -> None:
        """UIDs that were told stay, with or without the index."""
        await self.taken()
        found = await self.by_uid()
        for lost in (False, True):
            self.drop()
            self.lose_power(False)
            for name in self.index_files() if lost else ():
                os.unlink(self.root / name)
            self.make_realm()
            self.realm.startService()
            self.assertEqual(await self.by_uid(), found)
        await self.tidied()
        self.assertEqual(self.uids(), ["1", "2", "3", "4"])

    async def test_power_loss_after_more(self) -> None:
        """What was expunged, copied or moved before the naming is so afterwards."""
        for lost in (False, True):
            mailbox = await self.taken(10 if lost else 0)
            uids = sorted(await self.by_uid())[-4:]
            account = await self.account()
            if not lost:
                await account.create(WORK)
            await mailbox.remove(UIDSet.of(uids[:1]))
            await mailbox.copy(UIDSet.of(uids[1:2]), WORK)
            await mailbox.move(UIDSet.of(uids[2:3]), WORK)
            if lost:
                await self.tidied()
            found = await self.by_uid()
            work = await self.loaded(await account.open(WORK))
            self.drop()
            self.lose_power(False)
            for name in self.index_files() if lost else ():
                os.unlink(self.root / name)
            self.make_realm()
            self.realm.startService()
            self.assertEqual(await self.by_uid(), found)
            account = await self.account()
            self.assertEqual(await self.loaded(await account.open(WORK)), work)


class LaterForeignHistoryTests(_Later, history.ForeignHistoryTests):
    """Random histories with another program, when names come later."""


class LaterPowerLossHistoryTests(_Durable, _Later, history.PowerLossHistoryTests):
    """Random histories with power losses, when names come later."""

    async def _one(
        self,
        random: Random,
        account: Any,
        boxes: dict[MailboxName, Any],
        name: MailboxName,
        other: MailboxName,
        numbers: range,
    ) -> None:
        """Do one thing; half of them are deliveries of another program."""
        if random.random() < 0.5:
            await super()._one(random, account, boxes, name, other, numbers)
            return
        directory = "" if name == INBOX else ".Work"
        for number in numbers:
            # Not into new/: that a rename between directories is one step for a disk
            # is more than the system under test knows.
            self.deliver(number, "cur", random.choice((":2,", ":2,S")), directory)
        await self.pause()
        box = boxes[name]
        await box.changes(0)
        found = await self.loaded(box)
        for uid, octets in found.items():
            if uid not in self.state[name]:
                self._arrived(name, box.uid_validity, uid, octets)


class BulkTests(MaildirTestCase):
    """A mailbox of more files than are taken over at once."""

    async def test_bulk(self) -> None:
        """All come in the order of their arrival, and UIDs are put aside for all."""
        self.patch(scan, "SLICE", 50)
        self.patch(store, "UID_RESERVE", 128)
        await self.account()
        for number in range(230):
            name = f"{1_600_000_000 + number}.{number}.elsewhere:2,"
            (self.root / "cur" / name).write_bytes(message(number))
        mailbox = await self.inbox()
        found = await self.loaded(mailbox)
        self.assertEqual(found, {n + 1: message(n) for n in range(230)})
        self.assertGreaterEqual(
            (await self.account())._names["INBOX"].row.uid_reserved, 230
        )
        await self.tidied()
        self.assertEqual(await self.loaded(mailbox), found)
        self.assertEqual(len([name for name in self.names() if ",U=" in name]), 230)
        await mailbox.remove(ALL)
        await self.tidied()
        self.assertEqual(self.names(), [])
