"""Random histories: power losses, and another program at work meanwhile.

Whatever happened, what was answered is true afterwards: no message lost, none
twice, no UID for two messages, and index, names and listing agree.
"""

import os
from random import Random
from typing import Any

from mailframe.model.flag import FlagChange, FlagSet
from mailframe.model.mailbox import INBOX, MailboxName, mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.storage import journal as journal_module
from mailframe.storage.maildir.letters import Letters
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import MaildirTestCase
from tests.storage.test_maildir_faults import FaultTestCase

WORK = mailbox_name("Work")
FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "Later")
HISTORIES = 8
"""How many of each kind; hundreds were run when this was written."""


class PowerLossHistoryTests(FaultTestCase):
    """Several power losses in a row, at any call, with anything surviving."""

    async def test_histories(self) -> None:
        """What was answered is there; what was not is there whole or not at all."""
        await self._live(range(4 * HISTORIES))

    async def test_full_journals(self) -> None:
        """It is so as well when the journal is left for a next file all the time."""
        self.patch(journal_module, "SIZE_LIMIT", 2000)
        self.patch(journal_module, "SPARE_ROOM", 0)
        self.patch(journal_module, "ZEROS", bytes(1000))
        await self._live(range(1000, 1000 + 4 * HISTORIES))

    async def _live(self, seeds: range) -> None:
        """Have the power go again and again."""
        account = await self.account()
        await account.create(WORK)
        self.state: dict[MailboxName, dict[int, bytes]] = {INBOX: {}, WORK: {}}
        self.ever: dict[tuple[MailboxName, int, int], bytes] = {}
        self.number = 0
        self.last = ""
        for seed in seeds:
            random = Random(seed)
            if random.random() < 0.8:
                self.system.lose_power(random.randint(1, 60))
            possible = await self._work(random)
            self.flushLoggedErrors()
            self.drop()
            self.lose_power(random.choice((False, True, random)))
            if random.random() < 0.15:
                for name in self.index_files():
                    os.unlink(self.root / name)
            self.make_realm()
            self.realm.startService()
            await self._check(seed, possible)

    async def _work(self, random: Random) -> set[bytes] | None:
        """Do things until the power goes.

        Returns:
            What the call that got no answer may have left, in either mailbox;
            ``None`` if all were answered.
        """
        account = await self.account()
        boxes = {name: await account.open(name) for name in self.state}
        for _ in range(random.randint(1, 10)):
            name = random.choice((INBOX, WORK))
            other = WORK if name == INBOX else INBOX
            count = random.choice((1, 1, 3))
            self.number += count
            numbers = range(self.number - count, self.number)
            possible = {message(number) for number in numbers}
            for state in self.state.values():
                possible |= set(state.values())
            try:
                await self._one(random, account, boxes, name, other, numbers)
            except Exception:
                if not self.system._off:
                    raise
                return possible
        return None

    async def _one(
        self,
        random: Random,
        account: Any,
        boxes: dict[MailboxName, Any],
        name: MailboxName,
        other: MailboxName,
        numbers: range,
    ) -> None:
        state, box = self.state[name], boxes[name]
        some = UIDSet.of(random.sample(sorted(state), min(len(state), 3)))
        kind = self.last = random.choice(
            ("append", "append", "store", "expunge", "copy", "move", "tidy", "look")
        )
        if kind == "append":
            added = await account.append(name, [new(number) for number in numbers])
            for uid, number in zip(added.uids, numbers, strict=True):
                self._arrived(name, box.uid_validity, uid, message(number))
        elif kind == "store":
            flag = random.choice(FLAGS)
            await box.store(some, FlagChange.ADD, frozenset({flag}))
        elif kind == "expunge":
            for uid in await box.expunge():
                state.pop(uid, None)
        elif kind in ("copy", "move"):
            moved = await getattr(box, kind)(some, other)
            for uid, target in moved.uids.items():
                validity = boxes[other].uid_validity
                self._arrived(other, validity, target, state[uid])
                if kind == "move":
                    del state[uid]
        elif kind == "tidy":
            await account.finish()
        else:
            await box.changes(0)

    def _arrived(
        self, name: MailboxName, validity: int, uid: int, octets: bytes
    ) -> None:
        self.state[name][uid] = octets
        self.assertEqual(self.ever.setdefault((name, validity, uid), octets), octets)

    async def _check(self, seed: int, possible: set[bytes] | None) -> None:
        account = await self.account()
        boxes = {name: await account.open(name) for name in self.state}
        there = {name: await self.loaded(box) for name, box in boxes.items()}
        anywhere = set().union(*(found.values() for found in there.values()))
        for name, expected in self.state.items():
            box, found = boxes[name], there[name]
            lost = expected.items() - found.items()
            # A removal that got no answer may have happened, a move not by half.
            self.assertFalse(lost and possible is None, (seed, name, lost))
            if self.last != "expunge":
                self.assertEqual({octets for _, octets in lost} - anywhere, set(), seed)
            for uid in found.keys() - expected.keys():
                self.assertIn(found[uid], possible or set(), (seed, name, uid))
            listing = (await box.changes(0)).listing
            self.assertEqual(list(listing.uids), sorted(found), seed)
            self.state[name] = {}
            for uid, octets in found.items():
                self._arrived(name, box.uid_validity, uid, octets)


class ForeignHistoryTests(MaildirTestCase):
    """Another program delivers, flags and removes while sessions do the same."""

    async def test_histories(self) -> None:
        """In the end listing, index and names of files say the same."""
        account = await self.account()
        self.mailbox = await account.open(INBOX)
        for seed in range(HISTORIES):
            random = Random(seed)
            for step in range(40):
                await self._one(random, account, 1000 * seed + step)
            for _ in range(3):
                await self.pause()
                await self.mailbox.changes(0)
                await self.tidied()
            self.mailbox._box._doubt_at = 0.0
            await self.mailbox.changes(0)
            await self.tidied()
            await self._check(seed)

    async def _one(self, random: Random, account: Any, number: int) -> None:
        box = self.mailbox
        some = UIDSet.of(random.sample(range(1, 200), 40))
        files = [f"cur/{name}" for name in self.names()]
        files += [f"new/{name}" for name in self.names("new")]
        kind = random.choice(
            [
                "append",
                "deliver",
                "deliver",
                "flag",
                "unlink",
                "store",
                "expunge",
                "copy",
                "look",
                "tidy",
            ]
        )
        if kind == "append":
            await account.append(INBOX, [new(number, self._flags(random))])
        elif kind == "deliver":
            info = random.choice(("", ":2,", ":2,S"))
            self.deliver(number, random.choice(("new", "cur")), info)
        elif kind == "flag" and files:
            file = random.choice(files)
            letters = "".join(sorted(set(random.choices("DFRST", k=2))))
            name = f"{file[4:].partition(':')[0]}:2,{letters}"
            os.rename(self.root / file, self.root / "cur" / name)
        elif kind == "unlink" and files and random.random() < 0.4:
            os.unlink(self.root / random.choice(files))
        elif kind == "store":
            change = random.choice(list(FlagChange))
            await box.store(some, change, self._flags(random))
        elif kind == "expunge" and random.random() < 0.3:
            await box.expunge()
        elif kind == "copy" and random.random() < 0.3:
            await box.copy(some, INBOX)
        elif kind == "look":
            await box.changes(0)
        elif kind == "tidy":
            await self.tidied()

    def _flags(self, random: Random) -> FlagSet:
        return frozenset(random.sample(FLAGS[:3], random.randint(0, 2)))

    async def _check(self, seed: int) -> None:
        listing = (await self.mailbox.changes(0)).listing
        found = await self.loaded(self.mailbox)
        self.assertEqual(sorted(found), list(listing.uids), seed)
        self.assertEqual(
            [len(found[uid]) for uid in listing.uids], list(listing.sizes), seed
        )
        letters = Letters()
        files = {}
        for name in self.names() + self.names("new"):
            base, _, info = name.partition(":2,")
            files[int(base.rpartition(",U=")[2])] = letters.flags(info)
        self.assertEqual(
            files, dict(zip(listing.uids, listing.flags, strict=True)), seed
        )
        self.mailbox._box.forget()
        again = (await self.mailbox.changes(0)).listing
        self.assertEqual(list(again.uids), list(listing.uids))
        self.assertEqual(list(again.modseqs), list(listing.modseqs))
