"""What a store whose mailboxes can be shared must do, as tests to run against yours.

As :class:`mailframe.testing.mailbox_contract.MailboxContract`, for the optional
powers of :mod:`mailframe.interfaces.access`. The realm is driven as a protocol
drives it, through :mod:`mailframe.storage.sharing`.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.errors import (
    MailError,
    MessageGone,
    NoSuchMailbox,
    NotPermitted,
    NotSupported,
    OverQuota,
)
from mailframe.interfaces.access import (
    IAccessControl,
    IAccessLists,
    IGuardedMailbox,
    IListedMailbox,
    ISharingRealm,
)
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.model.access import (
    ALL_RIGHTS,
    NO_LIST,
    OWNER,
    AccessList,
    Person,
    rights,
)
from mailframe.model.flag import DELETED, FLAGGED, SEEN, FlagChange
from mailframe.model.mailbox import INBOX, MailboxName, mailbox_name
from mailframe.model.quota import QuotaLimits
from mailframe.model.uid_set import UIDSet
from mailframe.storage.sharing.account import SharingAccount, sharing_account
from mailframe.testing.failing import fails
from mailframe.testing.mailbox_contract import new

ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"
WORK = mailbox_name("Work")
HERS = mailbox_name(f"Other Users/{ALICE}/Work")
GONE = mailbox_name(f"Other Users/{ALICE}/Gone")
ALL = UIDSet(((1, 2**32 - 1),))


class AccessContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`."""

    assertEqual: Any
    assertTrue: Any
    assertFalse: Any
    assertIn: Any

    async def settle(self) -> None:
        """Wait until watchers due by now were called; override if they are late."""

    async def sharing_realm(self) -> Any:
        """Return a new realm of ``example.org`` without accounts.

        It provides ISharingRealm, calls the level of other users ``Other Users``,
        and has a coroutine function or a function ``account(address)``.
        """
        raise NotImplementedError

    async def _store(self, realm: Any, address: str) -> Any:
        account = realm.account(address)
        return await account if hasattr(account, "__await__") else account

    async def _seen_by(self, realm: Any, address: str, *groups: str) -> SharingAccount:
        """Return what a user sees."""

        async def groups_of(asked: str) -> frozenset[str]:
            assert asked == address
            return frozenset(groups)

        return sharing_account(await self._store(realm, address), realm, groups_of)

    async def _two(self, letters: str, messages: int = 0) -> tuple[Any, Any, Any]:
        """Return a realm, Alice, who shares Work with Bob, and Bob."""
        realm = await self.sharing_realm()
        alice = await self._seen_by(realm, ALICE)
        await alice.create(WORK)
        await self._grant(alice, letters)
        if messages:
            await alice.append(WORK, [new(n + 1) for n in range(messages)])
        return realm, alice, await self._seen_by(realm, BOB)

    async def _grant(self, account: Any, letters: str, who: str = BOB) -> None:
        await account.set_access(WORK, who, FlagChange.REPLACE, rights(letters))

    async def _fails_to(self, kind: type[MailError], awaitable: Any) -> None:
        self.assertEqual(type(await fails(kind, awaitable)), kind)

    async def _flags(self, account: Any, name: MailboxName) -> list[frozenset[str]]:
        mailbox = await account.open(name)
        return list((await mailbox.changes(0)).listing.flags)

    async def test_access_contract(self) -> None:
        """Realm, account and mailbox provide what they say; no list at first."""
        realm, alice, bob = await self._two("lr")
        verifyObject(ISharingRealm, realm)
        account = await self._store(realm, ALICE)
        verifyObject(IAccessLists, account)
        verifyObject(IListedMailbox, await account.open(INBOX))
        self.assertEqual(await account.access_list(INBOX), NO_LIST)
        for seen in (alice, bob):
            verifyObject(IMailAccount, seen)
            verifyObject(IAccessControl, seen)
        verifyObject(IGuardedMailbox, await bob.open(HERS))

    async def test_lists_are_kept(self) -> None:
        """A list is what the last change made of it; a refused change makes nothing."""
        realm = await self.sharing_realm()
        account = await self._store(realm, ALICE)
        entries = {
            OWNER: ALL_RIGHTS,
            BOB: rights("lr"),
            "$sales and more": rights("l"),
            "!$staff": rights(""),
            "anyone": rights("lrp"),
            "authenticated": rights("i"),
            '-o"d\\d@example.org': rights("lrswipkxtea"),
        }
        await account.change_access(INBOX, lambda _: AccessList(entries))
        self.assertEqual((await account.access_list(INBOX)).entries, entries)

        def refuse(had: AccessList) -> AccessList:
            self.assertEqual(had.entries, entries)
            raise NotPermitted("no")

        await self._fails_to(NotPermitted, account.change_access(INBOX, refuse))
        self.assertEqual((await account.access_list(INBOX)).entries, entries)
        await account.change_access(INBOX, lambda had: had.without(BOB))
        mailbox = await account.open(INBOX)
        self.assertEqual(list((await mailbox.access_list()).entries)[1][0], "$")
        nothing = mailbox_name("Nothing")
        await self._fails_to(NoSuchMailbox, account.access_list(nothing))
        await self._fails_to(
            NoSuchMailbox, account.change_access(nothing, lambda had: had)
        )

    async def test_lists_follow_mailboxes(self) -> None:
        """New ones have that of the one above; renamed and deleted ones keep theirs."""
        realm = await self.sharing_realm()
        account = await self._store(realm, ALICE)
        below, moved = mailbox_name("Work/a/b"), mailbox_name("Moved")
        await account.create(WORK)
        shared = AccessList({BOB: rights("lr")})
        await account.change_access(WORK, lambda _: shared)
        await account.create(below)
        self.assertEqual(await account.access_list(below), shared)
        mailbox = await account.open(below)
        await account.rename(below, moved)
        self.assertEqual(await account.access_list(moved), shared)
        await account.change_access(moved, lambda had: had.without(BOB))
        self.assertEqual(await mailbox.access_list(), NO_LIST)
        await account.delete(WORK)
        await account.create(WORK)
        self.assertEqual(await account.access_list(WORK), NO_LIST)
        await account.change_access(INBOX, lambda _: shared)
        await account.rename(INBOX, mailbox_name("Old"))
        self.assertEqual(await account.access_list(INBOX), shared)
        self.assertEqual(await account.access_list(mailbox_name("Old")), shared)

    async def test_sharers(self) -> None:
        """It is known who shares with whom, and with groups."""
        realm, alice, _ = await self._two("lr")
        self.assertEqual(realm.sharers(frozenset({BOB})), {ALICE})
        self.assertEqual(realm.sharers(frozenset({CAROL})), frozenset())
        self.assertFalse(realm.names_groups())
        await self._grant(alice, "l", "$sales")
        self.assertTrue(realm.names_groups())
        self.assertEqual(realm.sharers(frozenset({"$sales"})), {ALICE})
        await alice.delete_access(WORK, "$sales")
        await alice.delete_access(WORK, BOB)
        self.assertFalse(realm.names_groups())
        self.assertEqual(realm.sharers(frozenset({BOB})), frozenset())
        self.assertEqual(await realm.shared_account("nobody@example.org"), None)
        self.assertTrue(await realm.shared_account(ALICE) is not None)

    async def test_what_is_not_shared_is_not_there(self) -> None:
        """Without l a mailbox is as one that does not exist."""
        realm, _, carol = await self._two("lr")
        carol = await self._seen_by(realm, CAROL)
        nothing = mailbox_name(f"Other Users/{ALICE}/Nothing")
        for name in (HERS, nothing, mailbox_name("Other Users/x@example.org/Work")):
            for awaitable in (
                carol.status(name),
                carol.open(name),
                carol.append(name, [new(1)]),
                carol.delete(name),
                carol.rename(name, mailbox_name(f"Other Users/{ALICE}/New")),
                carol.my_rights(name),
                carol.access_entries(name),
                carol.set_access(name, CAROL, FlagChange.ADD, rights("l")),
                carol.delete_access(name, BOB),
                carol.always_granted(name, BOB),
            ):
                await self._fails_to(NoSuchMailbox, awaitable)
            await self._fails_to(NotPermitted, carol.create(name))
        self.assertEqual([one.name for one in await carol.list_mailboxes()], [INBOX])

    async def test_rights_are_needed(self) -> None:
        """With l only, everything but looking it up is refused."""
        _, alice, bob = await self._two("l")
        self.assertIn(HERS, [one.name for one in await bob.list_mailboxes()])
        for awaitable in (
            bob.status(HERS),
            bob.open(HERS),
            bob.append(HERS, [new(1)]),
            bob.may_append(HERS),
            bob.delete(HERS),
            bob.rename(HERS, mailbox_name(f"{HERS}2")),
            bob.access_entries(HERS),
            bob.set_access(HERS, BOB, FlagChange.ADD, rights("r")),
            bob.create(mailbox_name(f"{HERS}/Below")),
        ):
            await self._fails_to(NotPermitted, awaitable)
        self.assertEqual(await bob.my_rights(HERS), rights("l"))
        self.assertEqual(await alice.my_rights(WORK), ALL_RIGHTS)

    async def test_flags_follow_rights(self) -> None:
        """Only flags that may be changed are, whichever way they come."""
        _, alice, bob = await self._two("lrsi", messages=2)
        mailbox = await bob.open(HERS)
        self.assertFalse(mailbox.read_only)
        await self._fails_to(
            NotPermitted, mailbox.store(ALL, FlagChange.ADD, frozenset({FLAGGED}))
        )
        await mailbox.store(ALL, FlagChange.ADD, frozenset({FLAGGED, SEEN}))
        self.assertEqual(await self._flags(alice, WORK), [{SEEN}, {SEEN}])
        hers = await alice.open(WORK)
        await hers.store(ALL, FlagChange.ADD, frozenset({DELETED, "$Mine"}))
        stored = await mailbox.store(
            ALL, FlagChange.REPLACE, frozenset({FLAGGED, SEEN}), 1
        )
        self.assertEqual(list(stored.modified), [1, 2])
        stored = await mailbox.store(ALL, FlagChange.REPLACE, frozenset())
        self.assertEqual(list(stored.changed), [1, 2])
        self.assertEqual(await self._flags(alice, WORK), [{DELETED, "$Mine"}] * 2)
        await self._fails_to(NotPermitted, mailbox.expunge())
        await bob.append(HERS, [new(3, frozenset({SEEN, FLAGGED, DELETED}))])
        self.assertEqual((await self._flags(alice, WORK))[2], {SEEN})
        self.assertEqual(mailbox.changeable(frozenset({SEEN, DELETED})), {SEEN})

    async def test_changes_are_seen_by_all(self) -> None:
        """What one user does in a shared mailbox, another's session learns."""
        _, alice, bob = await self._two("lrswite", messages=1)
        hers, his = await alice.open(WORK), await bob.open(HERS)
        self.assertEqual(hers.mailbox_id, his.mailbox_id)
        since = (await his.changes(0)).listing.highest_modseq
        await hers.store(ALL, FlagChange.ADD, frozenset({FLAGGED}))
        self.assertEqual(list((await his.changes(since)).changed), [1])
        await his.store(ALL, FlagChange.ADD, frozenset({DELETED}))
        self.assertEqual(list(await his.expunge()), [1])
        self.assertEqual(list((await hers.changes(since)).vanished), [1])

    async def test_rights_that_are_taken_are_gone(self) -> None:
        """An open mailbox that may not be read any more is as a deleted one."""
        _, alice, bob = await self._two("lrswite", messages=1)
        mailbox = await bob.open(HERS)
        before = (await mailbox.changes(0)).listing
        await self._grant(alice, "lr")
        after = (await mailbox.changes(before.highest_modseq)).listing
        self.assertTrue(after is not before)
        self.assertEqual(list(after.uids), list(before.uids))
        again = (await mailbox.changes(before.highest_modseq)).listing
        self.assertTrue(again is after)
        self.assertTrue(mailbox.read_only)
        await self._fails_to(NotPermitted, mailbox.expunge())
        await alice.delete_access(WORK, BOB)
        for awaitable in (
            mailbox.changes(0),
            mailbox.load(ALL, 1000),
            mailbox.headers(ALL),
            mailbox.headers_with(ALL, b"x"),
            mailbox.summaries(ALL, ("subject",)),
            mailbox.open_content(1),
            mailbox.copy(ALL, INBOX),
            mailbox.move(ALL, INBOX),
            mailbox.store(ALL, FlagChange.ADD, frozenset({SEEN})),
            mailbox.expunge(),
        ):
            await self._fails_to(NoSuchMailbox, awaitable)

    async def test_copies_between_accounts(self) -> None:
        """Messages go from one account into another, all or none."""
        realm, alice, bob = await self._two("lri", messages=3)
        his = await bob.open(HERS)
        copied = await his.copy(ALL, INBOX)
        self.assertEqual(copied.uids, {1: 1, 2: 2, 3: 3})
        inbox = await bob.open(INBOX)
        hers = await alice.open(WORK)
        self.assertEqual(await inbox.load(ALL, 10**6), await hers.load(ALL, 10**6))
        dates = [(await one.changes(0)).listing.dates for one in (inbox, hers)]
        self.assertEqual(list(dates[0]), list(dates[1]))
        await self._fails_to(NotPermitted, his.move(ALL, INBOX))
        moved = await inbox.move(UIDSet(((2, 3),)), HERS)
        self.assertEqual(moved.uids, {2: 4, 3: 5})
        self.assertEqual(list((await inbox.changes(0)).listing.uids), [1])
        await self._fails_to(
            NoSuchMailbox, inbox.copy(ALL, mailbox_name(f"Other Users/{ALICE}/No"))
        )
        account = await self._store(realm, ALICE)
        account.may_set_quota = True
        await account.set_quota("", QuotaLimits(messages=6))
        await bob.append(INBOX, [new(4), new(5)])
        await self._fails_to(OverQuota, inbox.copy(ALL, HERS))
        self.assertEqual((await alice.status(WORK)).messages, 5)
        self.assertEqual(await bob.quota_roots(HERS), [ALICE])
        found = await bob.quota(ALICE)
        self.assertEqual((found.name, found.messages), (ALICE, 5))

    async def test_copy_into(self) -> None:
        """Copies go into any account with other flags; what is gone is passed over."""
        realm, alice, _ = await self._two("")
        await alice.append(WORK, [new(1, frozenset((SEEN, FLAGGED))), new(2)])
        hers, his = await self._store(realm, ALICE), await self._store(realm, BOB)
        work = await hers.open(WORK)
        only = frozenset((FLAGGED,))
        for account, name in ((his, INBOX), (hers, WORK)):
            copied = await work.copy_into(
                UIDSet.of([1, 2, 9]), account, name, only.intersection
            )
            self.assertEqual(list(copied.uids), [1, 2])
            mailbox = await account.open(name)
            self.assertEqual(copied.uid_validity, mailbox.uid_validity)
            listing = (await mailbox.changes(0)).listing
            self.assertEqual(list(listing.flags)[-2:], [only, frozenset()])
            self.assertEqual(list(listing.uids)[-2:], list(copied.uids.values()))
        nothing = await work.copy_into(UIDSet.of([9]), his, INBOX, only.intersection)
        self.assertEqual(nothing.uids, {})
        await self._fails_to(
            NoSuchMailbox, work.copy_into(ALL, his, WORK, only.intersection)
        )

    async def test_moves_are_not_marked(self) -> None:
        """No session sees a message that moves between accounts marked as deleted."""
        _, alice, bob = await self._two("lriwste", messages=2)
        seen: list[frozenset[str]] = []
        his = await bob.open(HERS)
        watching = await alice.open(WORK)
        since = (await watching.changes(0)).listing.highest_modseq
        stop = watching.watch(lambda: seen.extend(self._now(watching)))
        await his.move(ALL, INBOX)
        await self.settle()
        stop()
        self.assertEqual([flags for flags in seen if DELETED in flags], [])
        changes = await watching.changes(since)
        self.assertEqual(list(changes.vanished), [1, 2])
        self.assertEqual((await bob.status(INBOX)).messages, 2)

    @staticmethod
    def _now(mailbox: Any) -> list[frozenset[str]]:
        """Return the flags of all messages, if that takes no waiting."""
        asking = mailbox.changes(0)
        try:
            asking.send(None)
        except StopIteration as stop:
            return list(stop.value.listing.flags)
        asking.close()
        return []

    async def test_moves_within_anothers_account(self) -> None:
        """Copies and moves in one account stay one step."""
        _, alice, bob = await self._two("lrswitek", messages=2)
        below = mailbox_name(f"{HERS}/Below")
        await bob.create(below)
        his = await bob.open(HERS)
        moved = await his.move(UIDSet.of([1]), below)
        self.assertEqual(moved.uids, {1: 1})
        self.assertEqual((await alice.status(mailbox_name("Work/Below"))).messages, 1)
        copied = await his.copy(UIDSet.of([2]), below)
        self.assertEqual(copied.uids, {2: 2})
        await self._grant(alice, "lrswitekx")
        await self._fails_to(NotSupported, bob.rename(HERS, mailbox_name("Mine")))

    async def test_replaces_between_accounts(self) -> None:
        """A message of one account takes the place of one of another."""
        _, alice, bob = await self._two("lrswite", messages=1)
        await bob.append(INBOX, [new(2)])
        inbox = await bob.open(INBOX)
        appended = await bob.replace(inbox.mailbox_id, 1, HERS, new(3))
        self.assertEqual(list(appended.uids), [2])
        self.assertEqual((await bob.status(INBOX)).messages, 0)
        await self._fails_to(
            MessageGone, bob.replace(inbox.mailbox_id, 1, HERS, new(3))
        )
        his = await bob.open(HERS)
        await bob.replace(his.mailbox_id, 1, HERS, new(4))
        self.assertEqual((await alice.status(WORK)).messages, 2)
        await self._grant(alice, "lrswit")
        await self._fails_to(
            NotPermitted, bob.replace(his.mailbox_id, 2, INBOX, new(4))
        )

    async def test_lists_are_watched(self) -> None:
        """Whoever watches hears of every change of a list, until told to stop."""
        realm, alice, _ = await self._two("lr")
        await self.settle()
        heard: list[None] = []
        stop = realm.watch_lists(lambda: heard.append(None))
        await self._grant(alice, "l")
        await self.settle()
        self.assertTrue(heard)
        stop()
        del heard[:]
        await self._grant(alice, "lr")
        await self.settle()
        self.assertFalse(heard)

    async def test_others_are_watched(self) -> None:
        """A user who watches hears of others' mailboxes that are or get shared."""
        _, alice, bob = await self._two("")
        heard: list[Any] = []
        stop = bob.watch_account(
            lambda: heard.append("names"),
            lambda: heard.append("subscriptions"),
            lambda *told: heard.append(told),
        )
        await self._grant(alice, "lr")
        await self.settle()
        self.assertTrue("names" in heard)
        del heard[:]
        await alice.create(mailbox_name("Work/Below"))
        await self.settle()
        self.assertTrue("names" in heard)
        del heard[:]
        await alice.annotate(WORK, {"/shared/comment": b"x", "/private/comment": b"y"})
        await self.settle()
        self.assertEqual(heard, [(HERS, frozenset({"/shared/comment"}))])
        seen: list[None] = []
        unwatch = await bob.watch_mailbox(HERS, lambda: seen.append(None))
        await alice.append(WORK, [new(1)])
        await self.settle()
        self.assertTrue(seen)
        unwatch()
        stop()
        del heard[:]
        await alice.create(mailbox_name("Work/Other"))
        await self.settle()
        self.assertEqual(heard, [])
        await self._fails_to(NoSuchMailbox, bob.watch_mailbox(GONE, heard.clear))

    async def test_groups(self) -> None:
        """A member of a group has what the group has."""
        realm, alice, _ = await self._two("")
        await self._grant(alice, "lr", "$sales")
        member = await self._seen_by(realm, CAROL, "sales")
        self.assertEqual(await member.my_rights(HERS), rights("lr"))
        access = await (await self._store(realm, ALICE)).access_list(WORK)
        self.assertEqual(access.rights_of(Person(CAROL)), rights(""))
