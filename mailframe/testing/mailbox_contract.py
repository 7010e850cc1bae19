"""What every mail store must do, as tests to run against yours.

Mix :class:`MailboxContract` into a trial ``TestCase`` and provide
``make_account``::

    class MyStoreTests(MailboxContract, TestCase):
        async def make_account(self):
            return MyAccount(self.mktemp())

Each test states one promise of :mod:`mailframe.interfaces.mailbox`.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.errors import (
    MailboxExists,
    MailboxHasChildren,
    MailError,
    MessageGone,
    NoSuchMailbox,
    NotPermitted,
)
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import IMailAccount, IMailbox, NewMessage
from mailframe.memory_content import MemoryContent
from mailframe.model.flag import FlagChange, FlagSet
from mailframe.model.mailbox import INBOX, MailboxName, mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.storage.content import whole
from mailframe.testing.failing import fails

ALL = UIDSet(((1, 2**32 - 1),))
ADD, REMOVE, REPLACE = FlagChange.ADD, FlagChange.REMOVE, FlagChange.REPLACE


def message(number: int) -> bytes:
    """Return a small message that differs by ``number``."""
    return (
        b"From: sender@example.org\r\nTo: user@example.org\r\n"
        b"Subject: number %d\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
        b"Message-ID: <%d@example.org>\r\n\r\nBody of %d.\r\n"
    ) % (number, number, number)


def new(
    number: int, flags: FlagSet = frozenset(), date: int | None = 1000
) -> NewMessage:
    """Return message ``number``, ready to be appended."""
    return NewMessage(MemoryContent(message(number)), flags=flags, date=date)


class MailboxContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`."""

    assertEqual: Any
    assertTrue: Any
    assertFalse: Any
    assertIn: Any
    assertNotIn: Any
    assertIs: Any
    assertGreater: Any
    assertNotEqual: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def settle(self) -> None:
        """Wait until watchers due by now were called; override if they are late."""

    async def _filled(self, count: int = 5) -> tuple[Any, Any]:
        account = await self.make_account()
        await account.append(INBOX, [new(n) for n in range(1, count + 1)])
        return account, await account.open(INBOX)

    async def test_provides_the_interfaces(self) -> None:
        """Account, mailbox and content provide what they say."""
        account, mailbox = await self._filled(1)
        verifyObject(IMailAccount, account)
        verifyObject(IMailbox, mailbox)
        verifyObject(IContent, await mailbox.open_content(1))

    async def test_inbox_exists(self) -> None:
        """INBOX is there from the beginning, empty."""
        account = await self.make_account()
        names = [info.name for info in await account.list_mailboxes()]
        self.assertEqual(names, [INBOX])
        status = await account.status(INBOX)
        self.assertEqual((status.messages, status.uid_next), (0, 1))
        self.assertGreater(status.uid_validity, 0)

    async def test_append_and_read(self) -> None:
        """An appended message comes back octet for octet, with flags and date."""
        account = await self.make_account()
        given = NewMessage(
            MemoryContent(message(1)),
            header=b"Return-Path: <>\r\n",
            flags=frozenset({"\\Seen", "$Label"}),
            date=761_000_000,
        )
        appended = await account.append(INBOX, [given])
        self.assertEqual(list(appended.uids), [1])
        mailbox = await account.open(INBOX)
        self.assertEqual(appended.uid_validity, mailbox.uid_validity)
        listing = (await mailbox.changes(0)).listing
        octets = b"Return-Path: <>\r\n" + message(1)
        self.assertEqual(list(listing.uids), [1])
        self.assertEqual(list(listing.flags), [frozenset({"\\Seen", "$Label"})])
        self.assertEqual(list(listing.dates), [761_000_000])
        self.assertEqual(list(listing.sizes), [len(octets)])
        content = await mailbox.open_content(1)
        self.assertEqual(content.size, len(octets))
        self.assertEqual(await whole(content), octets)
        self.assertEqual(await content.read(3, 9), octets[3:9])
        self.assertEqual(await content.read(len(octets) - 2, 10**9), octets[-2:])
        content.close()
        self.assertEqual(dict(await mailbox.load(ALL, 10**6)), {1: octets})

    async def test_append_makes_crlf(self) -> None:
        """Lines that end in a bare LF are stored with CRLF."""
        account = await self.make_account()
        bare = message(1).replace(b"\r\n", b"\n")
        await account.append(INBOX, [NewMessage(MemoryContent(bare))])
        mailbox = await account.open(INBOX)
        self.assertEqual(dict(await mailbox.load(ALL, 10**6)), {1: message(1)})
        listing = (await mailbox.changes(0)).listing
        self.assertEqual(list(listing.sizes), [len(message(1))])

    async def test_append_several(self) -> None:
        """Several messages get ascending UIDs in the order given."""
        account, mailbox = await self._filled(3)
        loaded = await mailbox.load(ALL, 10**6)
        self.assertEqual(dict(loaded), {n: message(n) for n in (1, 2, 3)})

    async def test_append_to_nothing(self) -> None:
        """A missing mailbox is refused, not made."""
        account = await self.make_account()
        await fails(NoSuchMailbox, account.append(MailboxName("Away"), [new(1)]))
        self.assertEqual(len(await account.list_mailboxes()), 1)

    async def test_load_stops_at_the_bound(self) -> None:
        """Load returns whole messages from the lowest UID on while they fit."""
        _, mailbox = await self._filled(3)
        size = len(message(1))
        self.assertEqual(list(await mailbox.load(ALL, size * 2)), [1, 2])
        self.assertEqual(dict(await mailbox.load(ALL, size - 1)), {})
        self.assertEqual(list(await mailbox.load(UIDSet.of([2]), size)), [2])

    async def test_changes_from_nothing(self) -> None:
        """From 0, every message is new and nothing vanished."""
        _, mailbox = await self._filled(3)
        changes = await mailbox.changes(0)
        self.assertEqual(changes.new, UIDSet(((1, 3),)))
        self.assertFalse(changes.changed or changes.vanished)
        self.assertEqual(changes.listing.uid_next, 4)

    async def test_nothing_changed(self) -> None:
        """Without a change, the very same listing comes back."""
        _, mailbox = await self._filled(3)
        before = (await mailbox.changes(0)).listing
        after = await mailbox.changes(before.highest_modseq)
        self.assertIs(after.listing, before)
        self.assertFalse(after.new or after.changed or after.vanished)

    async def test_changes_of_another_session(self) -> None:
        """New, changed and vanished messages are told apart."""
        account, mailbox = await self._filled(4)
        since = (await mailbox.changes(0)).listing.highest_modseq
        other = await account.open(INBOX)
        await other.store(UIDSet.of([1]), ADD, frozenset({"\\Flagged"}))
        await other.store(UIDSet.of([2]), ADD, frozenset({"\\Deleted"}))
        await other.expunge()
        await account.append(INBOX, [new(5)])
        changes = await mailbox.changes(since)
        self.assertEqual(changes.new, UIDSet.of([5]))
        self.assertEqual(changes.changed, UIDSet.of([1]))
        self.assertIn(2, changes.vanished)
        self.assertFalse(changes.vanished & UIDSet.of(changes.listing.uids))
        self.assertEqual(list(changes.listing.uids), [1, 3, 4, 5])
        self.assertGreater(changes.listing.highest_modseq, since)

    async def test_came_and_went(self) -> None:
        """A message that came after the mod-sequence and went has vanished.

        A client may know it all the same: EXISTS and FETCH tell no mod-sequence.
        """
        account, mailbox = await self._filled(2)
        since = (await mailbox.changes(0)).listing.highest_modseq
        await account.append(INBOX, [new(3, frozenset({"\\Deleted"})), new(4)])
        await mailbox.changes(since)
        await mailbox.expunge()
        changes = await mailbox.changes(since)
        self.assertEqual(changes.new, UIDSet.of([4]))
        self.assertEqual(changes.vanished, UIDSet.of([3]))

    async def test_listing_stays(self) -> None:
        """A listing once given never changes."""
        account, mailbox = await self._filled(2)
        listing = (await mailbox.changes(0)).listing
        await mailbox.store(ALL, ADD, frozenset({"\\Deleted"}))
        await mailbox.expunge()
        await account.append(INBOX, [new(3)])
        await mailbox.changes(listing.highest_modseq)
        self.assertEqual(list(listing.uids), [1, 2])
        self.assertEqual(list(listing.flags), [frozenset()] * 2)

    async def test_store(self) -> None:
        """Flags are added, removed and replaced; keywords too."""
        _, mailbox = await self._filled(3)

        async def flags() -> list[FlagSet]:
            return list((await mailbox.changes(0)).listing.flags)

        seen, work = frozenset({"\\Seen"}), frozenset({"Work"})
        stored = await mailbox.store(UIDSet(((1, 2),)), ADD, seen | work)
        self.assertEqual(stored.changed, UIDSet(((1, 2),)))
        self.assertEqual(await flags(), [seen | work, seen | work, frozenset()])
        await mailbox.store(UIDSet.of([1]), REMOVE, work)
        await mailbox.store(UIDSet.of([3, 9]), REPLACE, work)
        self.assertEqual(await flags(), [seen, seen | work, work])
        self.assertTrue(work <= mailbox.permanent_flags()[0])

    async def test_keywords_ignore_case(self) -> None:
        """A keyword keeps the spelling in which it first came."""
        _, mailbox = await self._filled(1)
        await mailbox.store(ALL, ADD, frozenset({"Work"}))
        await mailbox.store(ALL, ADD, frozenset({"WORK"}))
        listing = (await mailbox.changes(0)).listing
        self.assertEqual(list(listing.flags), [frozenset({"Work"})])
        await mailbox.store(ALL, REMOVE, frozenset({"work"}))
        listing = (await mailbox.changes(0)).listing
        self.assertEqual(list(listing.flags), [frozenset()])

    async def test_store_without_effect(self) -> None:
        """Setting what is set already is no change."""
        _, mailbox = await self._filled(1)
        await mailbox.store(ALL, ADD, frozenset({"\\Seen"}))
        before = (await mailbox.changes(0)).listing.highest_modseq
        await mailbox.store(ALL, ADD, frozenset({"\\Seen"}))
        after = await mailbox.changes(before)
        self.assertEqual(after.listing.highest_modseq, before)

    async def test_unchanged_since(self) -> None:
        """A message changed after the mod-sequence is left alone and named."""
        _, mailbox = await self._filled(2)
        since = (await mailbox.changes(0)).listing.highest_modseq
        await mailbox.store(UIDSet.of([1]), ADD, frozenset({"\\Seen"}))
        stored = await mailbox.store(ALL, ADD, frozenset({"\\Flagged"}), since)
        self.assertEqual(stored.modified, UIDSet.of([1]))
        self.assertEqual(stored.changed, UIDSet.of([2]))
        listing = (await mailbox.changes(0)).listing
        self.assertEqual(
            list(listing.flags), [frozenset({"\\Seen"}), frozenset({"\\Flagged"})]
        )

    async def test_expunge(self) -> None:
        """Only messages with \\Deleted go, and only those named."""
        _, mailbox = await self._filled(4)
        await mailbox.store(UIDSet.of([1, 3, 4]), ADD, frozenset({"\\Deleted"}))
        self.assertEqual(await mailbox.expunge(UIDSet.of([2, 3])), UIDSet.of([3]))
        self.assertEqual(await mailbox.expunge(), UIDSet.of([1, 4]))
        self.assertEqual(await mailbox.expunge(), UIDSet.EMPTY)
        self.assertEqual(list((await mailbox.changes(0)).listing.uids), [2])
        self.assertEqual(dict(await mailbox.load(UIDSet.of([1]), 10**6)), {})
        await fails(MessageGone, mailbox.open_content(1))

    async def test_uids_are_never_reused(self) -> None:
        """After the last message is expunged, its UID does not come back."""
        account, mailbox = await self._filled(2)
        await mailbox.store(ALL, ADD, frozenset({"\\Deleted"}))
        await mailbox.expunge()
        appended = await account.append(INBOX, [new(3)])
        self.assertEqual(list(appended.uids), [3])

    async def test_copy(self) -> None:
        """Copies keep content, flags and date, and get new UIDs in order."""
        account, mailbox = await self._filled(3)
        work = mailbox_name("Work")
        await account.create(work)
        await mailbox.store(UIDSet.of([3]), ADD, frozenset({"\\Seen", "Label"}))
        copied = await mailbox.copy(UIDSet.of([1, 3, 7]), work)
        self.assertEqual(copied.uids, {1: 1, 3: 2})
        destination = await account.open(work)
        self.assertEqual(copied.uid_validity, destination.uid_validity)
        listing = (await destination.changes(0)).listing
        self.assertEqual(
            list(listing.flags), [frozenset(), frozenset({"\\Seen", "Label"})]
        )
        self.assertEqual(list(listing.dates), [1000, 1000])
        loaded = await destination.load(ALL, 10**6)
        self.assertEqual(dict(loaded), {1: message(1), 2: message(3)})
        self.assertEqual(len((await mailbox.changes(0)).listing.uids), 3)

    async def test_copy_to_itself(self) -> None:
        """A mailbox may be its own destination."""
        _, mailbox = await self._filled(2)
        copied = await mailbox.copy(ALL, INBOX)
        self.assertEqual(copied.uids, {1: 3, 2: 4})

    async def test_copy_to_nothing(self) -> None:
        """A missing destination is refused, not made."""
        _, mailbox = await self._filled(1)
        await fails(NoSuchMailbox, mailbox.copy(ALL, MailboxName("Away")))
        await fails(NoSuchMailbox, mailbox.move(ALL, MailboxName("Away")))
        self.assertEqual(len((await mailbox.changes(0)).listing.uids), 1)

    async def test_move(self) -> None:
        """Moved messages are there, and here no more."""
        account, mailbox = await self._filled(3)
        work = mailbox_name("Work")
        await account.create(work)
        moved = await mailbox.move(UIDSet.of([2, 3]), work)
        self.assertEqual(moved.uids, {2: 1, 3: 2})
        self.assertEqual(list((await mailbox.changes(0)).listing.uids), [1])
        destination = await account.open(work)
        loaded = await destination.load(ALL, 10**6)
        self.assertEqual(dict(loaded), {1: message(2), 2: message(3)})

    async def test_content_read_before_expunge(self) -> None:
        """Content once opened stays readable, or says the message is gone."""
        _, mailbox = await self._filled(1)
        content = await mailbox.open_content(1)
        await mailbox.store(ALL, ADD, frozenset({"\\Deleted"}))
        await mailbox.expunge()
        try:
            self.assertEqual(await whole(content), message(1))
        except MessageGone:
            pass
        content.close()

    async def test_summaries_and_headers(self) -> None:
        """Kept answers come in columns; messages that are not there are left out."""
        _, mailbox = await self._filled(3)
        uids, subjects, ids = await mailbox.summaries(
            UIDSet.of([1, 3, 9]), ["subject", "message_id"]
        )
        self.assertEqual(list(uids), [1, 3])
        self.assertEqual([s.upper() for s in subjects], ["NUMBER 1", "NUMBER 3"])
        self.assertEqual(list(ids), ["1@example.org", "3@example.org"])
        uids, headers = await mailbox.headers(UIDSet.of([2, 9]))
        self.assertEqual(list(uids), [2])
        self.assertEqual(list(headers), [message(2).partition(b"Body")[0]])

    async def test_recent(self) -> None:
        """Each message is recent for one claim only."""
        account, mailbox = await self._filled(2)
        self.assertEqual(await mailbox.recent(False), UIDSet(((1, 2),)))
        self.assertEqual((await account.status(INBOX)).recent, 2)
        self.assertEqual(await mailbox.recent(True), UIDSet(((1, 2),)))
        self.assertEqual(await mailbox.recent(True), UIDSet.EMPTY)
        await account.append(INBOX, [new(3)])
        self.assertEqual((await account.status(INBOX)).recent, 1)
        self.assertEqual(await mailbox.recent(True), UIDSet.of([3]))

    async def test_status(self) -> None:
        """The figures are those of the mailbox."""
        account, mailbox = await self._filled(4)
        await mailbox.store(UIDSet.of([1, 2]), ADD, frozenset({"\\Seen"}))
        await mailbox.store(UIDSet.of([2]), ADD, frozenset({"\\Deleted"}))
        status = await account.status(INBOX)
        self.assertEqual(
            (status.messages, status.unseen, status.deleted, status.uid_next),
            (4, 2, 1, 5),
        )
        self.assertEqual(status.size, 4 * len(message(1)))
        self.assertEqual(status.uid_validity, mailbox.uid_validity)
        self.assertEqual(status.mailbox_id, mailbox.mailbox_id)
        changes = await mailbox.changes(0)
        self.assertEqual(status.highest_modseq, changes.listing.highest_modseq)
        await fails(NoSuchMailbox, account.status(MailboxName("Away")))

    async def test_watch(self) -> None:
        """Watchers hear of a change, until they stop."""
        account, mailbox = await self._filled(1)
        heard: list[int] = []
        stop = mailbox.watch(lambda: heard.append(1))
        await account.append(INBOX, [new(2)])
        await self.settle()
        self.assertTrue(heard)
        heard.clear()
        stop()
        await account.append(INBOX, [new(3)])
        await self.settle()
        self.assertFalse(heard)

    async def test_create_and_delete(self) -> None:
        """Mailboxes come and go; a name made again never repeats its UIDs."""
        account = await self.make_account()
        work = mailbox_name("Work")
        await account.create(work)
        await fails(MailboxExists, account.create(work))
        await fails(MailboxExists, account.create(INBOX))
        first = await account.append(work, [new(1)])
        await account.delete(work)
        await fails(NoSuchMailbox, account.open(work))
        await fails(NoSuchMailbox, account.delete(work))
        await account.create(work)
        second = await account.append(work, [new(2)])
        self.assertNotEqual(
            (first.uid_validity, list(first.uids)),
            (second.uid_validity, list(second.uids)),
        )
        self.assertGreater(
            (second.uid_validity, second.uids[0]), (first.uid_validity, first.uids[0])
        )
        await fails(NotPermitted, account.delete(INBOX))

    async def test_deleted_while_open(self) -> None:
        """A session whose mailbox was deleted is told so."""
        account = await self.make_account()
        work = mailbox_name("Work")
        await account.create(work)
        mailbox = await account.open(work)
        await account.delete(work)
        await fails(NoSuchMailbox, mailbox.changes(0))
        mailbox.close()

    async def test_inferiors_stay(self) -> None:
        """Deleting a mailbox keeps those below it; a mere level cannot go."""
        account = await self.make_account()
        for text in ("Work", "Work/2024"):
            await account.create(mailbox_name(text))
        await account.delete(mailbox_name("Work"))
        names = {
            info.name for info in await account.list_mailboxes() if info.selectable
        }
        self.assertEqual(names, {"INBOX", "Work/2024"})
        await fails(MailboxHasChildren, account.delete(mailbox_name("Work")))
        await fails(NoSuchMailbox, account.open(mailbox_name("Work")))

    async def test_names(self) -> None:
        """Any legal name can be kept: dots, spaces, other scripts."""
        account = await self.make_account()
        names = {
            "a.b",
            "dot.ted/child",
            "Entwürfe",
            "日本語/メール",
            "with space",
            "&",
            "~x",
        }
        for text in names:
            await account.create(mailbox_name(text))
            await account.append(mailbox_name(text), [new(1)])
        listed = {
            info.name for info in await account.list_mailboxes() if info.selectable
        }
        self.assertEqual(listed, names | {"INBOX"})

    async def test_rename(self) -> None:
        """A renamed mailbox keeps its messages, identity and inferiors."""
        account = await self.make_account()
        for text in ("Work", "Work/2024", "Worked"):
            await account.create(mailbox_name(text))
        await account.append(mailbox_name("Work/2024"), [new(1)])
        before = await account.status(mailbox_name("Work/2024"))
        await account.rename(mailbox_name("Work"), mailbox_name("Old/Work"))
        names = {
            info.name for info in await account.list_mailboxes() if info.selectable
        }
        self.assertEqual(names, {"INBOX", "Old/Work", "Old/Work/2024", "Worked"})
        after = await account.status(mailbox_name("Old/Work/2024"))
        self.assertEqual(after, before)
        await fails(
            NoSuchMailbox, account.rename(mailbox_name("Work"), mailbox_name("New"))
        )
        await fails(MailboxExists, account.rename(mailbox_name("Worked"), INBOX))
        await fails(
            MailError,
            account.rename(mailbox_name("Worked"), mailbox_name("Worked/below")),
        )

    async def test_rename_inbox(self) -> None:
        """Renaming INBOX moves its messages and leaves it empty."""
        account, mailbox = await self._filled(2)
        old = mailbox_name("Old")
        await account.rename(INBOX, old)
        self.assertEqual((await account.status(INBOX)).messages, 0)
        self.assertEqual((await account.status(old)).messages, 2)
        appended = await account.append(INBOX, [new(3)])
        self.assertEqual(list(appended.uids), [3])

    async def test_subscriptions(self) -> None:
        """Subscriptions are a list of names of their own."""
        account = await self.make_account()
        self.assertEqual(await account.subscriptions(), frozenset())
        names = frozenset({mailbox_name("Away/Ünter"), INBOX})
        for name in names:
            await account.subscribe(name, True)
            await account.subscribe(name, True)
        self.assertEqual(await account.subscriptions(), names)
        await account.subscribe(INBOX, False)
        await account.subscribe(mailbox_name("Other"), False)
        self.assertEqual(await account.subscriptions(), names - {INBOX})

    async def test_special_use(self) -> None:
        """A mailbox made for a special use says so."""
        account = await self.make_account()
        await account.create(mailbox_name("Sent"), frozenset({"\\Sent"}))
        uses = {i.name: i.special_use for i in await account.list_mailboxes()}
        self.assertEqual(uses["Sent"], frozenset({"\\Sent"}))

    async def test_hostile_content(self) -> None:
        """Whatever the octets are, they are kept and can be listed."""
        account = await self.make_account()
        odd = (b"", b"\r\n", b"\0\xff\r\n", b"no header", b": \r\n\r\n\r\n.\r\n")
        await account.append(
            INBOX, [NewMessage(MemoryContent(octets)) for octets in odd]
        )
        mailbox = await account.open(INBOX)
        loaded = await mailbox.load(ALL, 10**6)
        self.assertEqual(tuple(loaded.values()), odd)
        uids, _ = await mailbox.summaries(ALL, ["envelope"])
        self.assertEqual(len(uids), len(odd))
