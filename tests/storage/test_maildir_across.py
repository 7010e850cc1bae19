"""Messages on their way between accounts, on machines that lose power."""

import errno
from collections import Counter
from random import Random
from typing import Any

from mailframe.errors import InsufficientStorage, TemporaryFailure
from mailframe.interfaces.mailbox import SummaryField
from mailframe.model.access import ALL_RIGHTS, Person, rights
from mailframe.model.flag import DELETED
from mailframe.model.mailbox import INBOX, Copied
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir.account import MaildirAccount
from mailframe.storage.sharing import transfer
from mailframe.storage.sharing.target import Target
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import ADDRESS, ALL
from tests.storage.test_maildir_faults import FaultTestCase

OTHER = "other@example.org"
MANY = 36
"""Power losses; some hundreds were tried when this was written."""


class AcrossTests(FaultTestCase):
    """RFC 6851 section 3.3, RFC 9051 section 6.4.7."""

    async def other(self) -> MaildirAccount:
        """Return the account that messages go to."""
        return await self.realm.account(OTHER)

    def lose_power(self, survives: Random | bool) -> None:
        """Lose what was not synced; both indexes are as they were."""
        mail = self.base / "mail" / "example.org"
        paths = list(mail.glob("*/mailframe.index*"))
        kept = {path: path.read_bytes() for path in paths}
        for path in kept:
            path.unlink()
        self.system.crash(survives)
        for path, octets in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(octets)

    async def carry(self, kind: str, uids: UIDSet, letters: str = "istw") -> Copied:
        """Copy or move from the one INBOX to the other."""
        account = await self.account()
        source = transfer.Source(account, await account.open(INBOX))
        target = Target(await self.other(), INBOX, Person(ADDRESS))
        carry = getattr(transfer, kind)
        copied: Copied = await carry(source, uids, target, rights(letters))
        return copied

    async def both(self) -> list[dict[int, bytes]]:
        """Return what is in the two mailboxes."""
        return [
            await self.loaded(await account.open(INBOX))
            for account in (await self.account(), await self.other())
        ]

    async def test_copied(self) -> None:
        """What was answered is there after a crash, with flags and dates."""
        flags = frozenset(("\\Seen", "Later"))
        await (await self.account()).append(INBOX, [new(1, flags), new(2)])
        copied = await self.carry("copy", ALL)
        self.assertEqual(copied.uids, {1: 1, 2: 2})
        for survives in (False, True):
            self.crash(survives)
            whole = {1: message(1), 2: message(2)}
            self.assertEqual(await self.both(), [whole, whole])
            mailbox = await (await self.other()).open(INBOX)
            listing = (await mailbox.changes(0)).listing
            self.assertEqual(list(listing.flags), [flags, frozenset()])
            self.assertEqual(list(listing.dates), [1000] * 2)

    async def test_moved(self) -> None:
        """Moved messages are there once, though their files were on no disk yet."""
        await (await self.account()).append(INBOX, [new(1), new(2)])
        await self.carry("move", UIDSet.of([2]))
        for account in (await self.account(), await self.other()):
            await account.finish()
        for survives in (False, True):
            self.crash(survives)
            found = await self.both()
            self.assertEqual(found, [{1: message(1)}, {1: message(2)}])

    async def test_flags_need_rights(self) -> None:
        """Copies have the flags their maker may set; so within an account."""
        flags = frozenset(("\\Seen", "\\Deleted", "Later"))
        account = await self.account()
        await account.append(INBOX, [new(1, flags)])
        await self.carry("copy", ALL, "is")
        mailbox = await (await self.other()).open(INBOX)
        self.assertEqual(await self.listed(mailbox), {1: frozenset(("\\Seen",))})
        source = transfer.Source(account, await account.open(INBOX))
        target = Target(account, INBOX, Person(OTHER))
        await transfer.move(source, ALL, target, rights("iw"))
        self.assertEqual(await self.listed(source.mailbox), {2: frozenset(("Later",))})

    async def test_summaries_go_along(self) -> None:
        """What was worked out about a message is not worked out again."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        mailbox = await account.open(INBOX)
        fields: tuple[SummaryField, ...] = ("envelope", "preview")
        known = await mailbox.summaries(ALL, fields)
        await account.settle()
        await self.carry("copy", ALL)
        other = await self.other()
        found, made, _ = await other.ask(
            other.reader.summaries, (await other.box(INBOX)).mailbox_id, ALL, fields
        )
        self.assertEqual([list(one) for one in found], [list(one) for one in known])
        self.assertFalse(made)

    async def test_other_file_system(self) -> None:
        """Where there can be no links the octets are copied."""
        await (await self.account()).append(INBOX, [new(1)])
        await self.other()
        self.system.fail(errno.EXDEV, "link")
        await self.carry("move", ALL)
        self.crash(False)
        self.assertEqual(await self.both(), [{}, {1: message(1)}])

    async def test_not_copied(self) -> None:
        """A copy that fails leaves nothing; a removal that fails leaves both."""
        await (await self.account()).append(INBOX, [new(n) for n in (1, 2, 3)])
        await (await self.other()).append(INBOX, [new(4)])
        whole = {n: message(n) for n in (1, 2, 3)}
        self.system.fail(errno.ENOSPC, "link", at=3)
        with self.assertRaises(InsufficientStorage):
            await self.carry("copy", ALL)
        self.assertEqual(await self.both(), [whole, {1: message(4)}])
        account = await self.account()
        mailbox = await account.open(INBOX)

        async def refuse(uids: UIDSet) -> UIDSet:
            raise TemporaryFailure

        source: Any = transfer.Source(account, mailbox)
        self.patch(mailbox, "remove", refuse)
        target = Target(await self.other(), INBOX, Person(ADDRESS))
        with self.assertRaises(TemporaryFailure):
            await transfer.move(source, ALL, target, ALL_RIGHTS)
        home, away = await self.both()
        self.assertEqual(home, whole)
        self.assertEqual(sorted(away.values()), [message(n) for n in (1, 2, 3, 4)])
        self.flushLoggedErrors()

    async def test_moved_by_two(self) -> None:
        """What somebody else took meanwhile is not moved twice."""
        account = await self.account()
        await account.append(INBOX, [new(n) for n in (1, 2, 3)])
        mailbox = await account.open(INBOX)
        real = mailbox.copy_into

        async def slow(*args: Any) -> Copied:
            copied = await real(*args)
            await mailbox.remove(UIDSet.of([2]))
            return copied

        self.patch(mailbox, "copy_into", slow)
        target = Target(await self.other(), INBOX, Person(ADDRESS))
        source: Any = transfer.Source(account, mailbox)
        moved = await transfer.move(source, ALL, target, ALL_RIGHTS)
        self.assertEqual(moved.uids, {1: 1, 3: 3})
        self.assertEqual(await self.both(), [{}, {1: message(1), 3: message(3)}])

    async def test_never_deleted(self) -> None:
        """No session sees a message marked that is being moved."""
        account = await self.account()
        await account.append(INBOX, [new(n) for n in (1, 2)])
        mailbox = await account.open(INBOX)
        since = (await mailbox.changes(0)).listing.highest_modseq
        stored: list[Any] = []
        self.patch(type(mailbox), "store", lambda *args: stored.append(args))
        await self.carry("move", ALL)
        changes = await mailbox.changes(since)
        self.assertEqual(list(changes.vanished), [1, 2])
        self.assertEqual(stored, [])

    async def test_at_any_moment(self) -> None:
        """No message is lost, none marked; what was answered is true."""
        await self.other()
        at_home: set[int] = set()
        away: set[int] = set()
        number = 0
        for seed in range(MANY):
            random = Random(seed)
            account = await self.account()
            number += 3
            await account.append(INBOX, [new(number + n) for n in range(3)])
            at_home |= {number, number + 1, number + 2}
            if random.random() < 0.5:
                await account.finish()
            if random.random() < 0.5:
                await (await self.account()).ask(account.reader.usage)
            mailbox = await account.open(INBOX)
            column = (await mailbox.changes(0)).listing.uids
            moved = UIDSet.of(random.sample(list(column), min(3, len(column))))
            numbers = {
                _number(octets)
                for octets in (await mailbox.load(moved, 10**6)).values()
            }
            self.system.lose_power(1 + seed % 18)
            try:
                await self.carry("move", moved)
                await account.finish()
            except Exception:  # whatever the system said when it went off
                numbers_at = at_home | away
            else:
                at_home -= numbers
                away |= numbers
                numbers_at = None  # type: ignore[assignment]
            self.flushLoggedErrors()
            self.crash(random)
            home, gone = await self.both()
            found = Counter(map(_number, (*home.values(), *gone.values())))
            self.assertEqual(at_home | away, set(found), seed)
            if numbers_at is None:
                self.assertEqual({_number(one) for one in home.values()}, at_home)
                self.assertEqual(len(found), found.total(), seed)
            self.assertLessEqual(max(found.values()), 2)
            for one in (await self.account(), await self.other()):
                box = await one.open(INBOX)
                for flags in (await box.changes(0)).listing.flags:
                    self.assertNotIn(DELETED, flags)
            at_home = {_number(one) for one in home.values()}
            away = {_number(one) for one in gone.values()} - at_home
            await self._once(gone, at_home)

    async def _once(self, gone: dict[int, bytes], at_home: set[int]) -> None:
        """Remove what a crash left in both places, so that the next is seen."""
        twice = UIDSet.of(uid for uid, one in gone.items() if _number(one) in at_home)
        if twice:
            mailbox = await (await self.other()).open(INBOX)
            await mailbox.remove(twice)


def _number(octets: bytes) -> int:
    return int(octets.partition(b"number ")[2].partition(b"\r")[0])
