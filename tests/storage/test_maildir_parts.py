"""Parts of the Maildir store that its contract does not show."""

import errno
import os
import sqlite3
from hashlib import sha256
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadMailboxName, NoSuchMailbox, TemporaryFailure
from mailframe.interfaces.mailbox import NewMessage, SummaryField
from mailframe.memory_content import MemoryContent
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir import reading, summaries_later, tidy
from mailframe.storage.maildir.watching import POLL_SECONDS, Watches
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import ALL, MaildirTestCase
from tests.storage.test_maildir_faults import FaultTestCase

ADD = FlagChange.ADD
WORK = mailbox_name("Work")


class WatchesTests(SynchronousTestCase):
    """Watching by asking, where there is no inotify."""

    def test_polling(self) -> None:
        """A change is told at the next look, until nobody listens."""
        clock = Clock()
        watches = Watches(clock)
        directory = self.mktemp()
        os.mkdir(directory)
        heard: list[int] = []
        stop = watches.watch(directory, lambda: heard.append(1))
        also = watches.watch(directory, lambda: heard.append(2))
        clock.advance(POLL_SECONDS)
        self.assertEqual(heard, [])
        os.utime(directory, (1, 1))
        clock.advance(POLL_SECONDS)
        self.assertEqual(heard, [1, 2])
        stop()
        os.rmdir(directory)
        clock.advance(POLL_SECONDS)
        self.assertEqual(heard, [1, 2, 2])
        also()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """Stopping all leaves nothing behind, and nothing to stop."""
        clock = Clock()
        watches = Watches(clock)
        stop = watches.watch("/nowhere", lambda: None)
        watches.stop()
        stop()
        self.assertEqual(clock.getDelayedCalls(), [])


class SummaryTests(MaildirTestCase):
    """Ready answers, for messages of whatever origin."""

    async def test_foreign_messages(self) -> None:
        """They are worked out when first asked for, and then kept."""
        mailbox = await self.inbox()
        self.deliver(1)
        self.deliver(2)
        await self.listed(mailbox)
        fields: list[SummaryField] = ["message_id", "references", "envelope"]
        first = await mailbox.summaries(ALL, fields)
        self.assertEqual(list(first[0]), [1, 2])
        self.assertEqual(list(first[1]), ["1@example.org", "2@example.org"])
        await mailbox._account.settle()
        for name in self.names():
            os.unlink(self.root / "cur" / name)
        self.assertEqual(await mailbox.summaries(ALL, fields), first)

    async def test_very_many_foreign_messages(self) -> None:
        """Only what is asked for is worked out; the rest when it is quiet."""
        self.patch(reading, "MANY", 2)
        self.patch(summaries_later, "QUIET_SECONDS", 0.05)
        mailbox = await self.inbox()
        name = self.deliver(1)
        self.deliver(2)
        (self.root / "new" / name).write_bytes(message(1).replace(b"\r\n", b"\n"))
        uids = await self.listed(mailbox)
        self.assertEqual(len(uids), 2)
        fields: list[SummaryField] = ["body_structure", "envelope", "body"]
        first = await mailbox.summaries(ALL, fields)
        account = await self.account()
        rest = await account.ask(
            account.reader.summaries, mailbox.mailbox_id, ALL, ["envelope"]
        )
        self.assertTrue(rest[2])
        self.assertEqual(rest[0][1], first[2])
        for _ in range(100):
            if not rest[2]:
                break
            await self.pause(0.05)
            rest = await account.ask(
                account.reader.summaries, mailbox.mailbox_id, ALL, ["envelope"]
            )
        self.assertEqual(rest[1:], ([], 0))
        for place in ("cur", "new"):
            for name in self.names(place):
                os.unlink(self.root / place / name)
        again = await mailbox.summaries(ALL, [*fields, "content_hash"])
        self.assertEqual(list(again[:4]), list(first))
        hashes = {sha256(message(number)).hexdigest() for number in (1, 2)}
        self.assertEqual(set(again[4]), hashes)

    async def test_summaries_not_yet_made(self) -> None:
        """An account that ends makes none any more."""
        self.patch(reading, "MANY", 1)
        mailbox = await self.inbox()
        self.deliver(1)
        await self.listed(mailbox)
        for _ in range(2):
            await mailbox.summaries(ALL, ["envelope"])
        await (await self.account()).finish()
        self.assertEqual(self.realm._live[str(self.root)].summaries_later._first, {})

    async def test_foreign_headers(self) -> None:
        """They are read when first asked for, and then kept."""
        mailbox = await self.inbox()
        self.deliver(1)
        self.deliver(2)
        await self.listed(mailbox)
        first = await mailbox.headers(ALL)
        self.assertEqual(list(first[0]), [1, 2])
        await mailbox._account.settle()
        for name in self.names():
            os.unlink(self.root / "cur" / name)
        self.assertEqual(await mailbox.headers(ALL), first)

    async def test_references(self) -> None:
        """Message-IDs come back one by one, odd characters and all."""
        octets = b"References: <a@b> <c@d>\r\nSubject: =?utf-8?q?=ed=a0=80x?=\r\n\r\n"
        account = await self.account()
        await account.append(INBOX, [NewMessage(MemoryContent(octets))])
        mailbox = await self.inbox()
        found = await mailbox.summaries(ALL, ["references", "subject"])
        self.assertEqual(found[1][0], ("a@b", "c@d"))
        columns = await mailbox.summaries(UIDSet.EMPTY, ["sent"])
        self.assertEqual([list(column) for column in columns], [[], []])

    async def test_moved_and_copied(self) -> None:
        """Answers go with the message."""
        account = await self.account()
        await account.create(WORK)
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await self.inbox()
        await mailbox.copy(UIDSet.of([1]), WORK)
        await mailbox.move(UIDSet.of([2]), WORK)
        work = await account.open(WORK)
        found = await work.summaries(ALL, ["message_id"])
        self.assertEqual(list(found[1]), ["1@example.org", "2@example.org"])

    async def test_long_header(self) -> None:
        """A header too long to be kept is read from the file."""
        header = b"X-Long: " + b"x" * 900 + b"\r\n"
        octets = header * 30 + b"\r\nbody\r\n"
        account = await self.account()
        await account.append(INBOX, [NewMessage(MemoryContent(octets))])
        mailbox = await self.inbox()
        _, headers = await mailbox.headers(ALL)
        self.assertEqual(headers[0], header * 30 + b"\r\n")


class IndexTests(FaultTestCase):
    """The index and the directories."""

    async def test_damage_noticed_by_a_job(self) -> None:
        """One call fails, the next finds a new index with the same UIDs."""
        account = await self.account()
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await self.inbox()
        self._damage(account._store, "mailbox")
        with self.assertRaises(TemporaryFailure):
            await account.append(INBOX, [new(3)])
        self.assertEqual(await self.loaded(mailbox), {1: message(1), 2: message(2)})
        self.assertEqual(len(await self.listed(mailbox)), 2)
        self.flushLoggedErrors()

    async def test_damage_noticed_by_a_reader(self) -> None:
        """The question is asked again of the new index."""
        account = await self.account()
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await self.inbox()
        self._damage(account.reader, "_row")
        self.assertEqual(len(await self.loaded(mailbox)), 2)
        self.assertEqual(len(await self.listed(mailbox)), 2)

    def _damage(self, thing: Any, name: str) -> None:
        """Let a method find the index damaged, once."""
        method = getattr(thing, name)

        def found(*args: Any) -> None:
            setattr(thing, name, method)
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

        setattr(thing, name, found)

    async def test_log_is_bounded(self) -> None:
        """Of what vanished long ago, all UIDs that may be meant are named."""
        self.patch(tidy, "VANISHED_KEPT", 4)
        account = await self.account()
        await account.append(INBOX, [new(n) for n in range(1, 11)])
        mailbox = await self.inbox()
        since = (await mailbox.changes(0)).listing.highest_modseq
        for uid in range(1, 9):
            await mailbox.store(UIDSet.of([uid]), ADD, frozenset({"\\Deleted"}))
            await mailbox.expunge()
        await self.tidied()
        await self.restart()
        mailbox = await self.inbox()
        changes = await mailbox.changes(since)
        self.assertEqual(changes.vanished, UIDSet(((1, 8),)))
        self.assertEqual(list(changes.listing.uids), [9, 10])

    async def test_many_changes(self) -> None:
        """What is older than the remembered changes is found row by row."""
        account = await self.account()
        await account.append(INBOX, [new(n) for n in range(1, 5)])
        mailbox = await self.inbox()
        since = (await mailbox.changes(0)).listing.highest_modseq
        await mailbox.store(UIDSet.of([4]), ADD, frozenset({"\\Deleted"}))
        await mailbox.expunge()
        for number in range(260):
            flags = frozenset({"\\Seen"})
            change = FlagChange.REMOVE if number % 2 else ADD
            await mailbox.store(UIDSet.of([1]), change, flags)
            await mailbox.store(UIDSet.of([2]), change, flags)
        await account.append(INBOX, [new(5)])
        changes = await mailbox.changes(since)
        self.assertEqual(changes.new, UIDSet.of([5]))
        self.assertEqual(changes.changed, UIDSet.of([1, 2]))
        self.assertEqual(changes.vanished, UIDSet.of([4]))

    async def test_copied_where_links_cannot_be(self) -> None:
        """Without hard links the octets are copied."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        mailbox = await self.inbox()
        self.system.fail(errno.EPERM, "link")
        await mailbox.copy(ALL, INBOX)
        self.assertEqual(await self.loaded(mailbox), {1: message(1), 2: message(1)})

    async def test_identity_file_lost(self) -> None:
        """INBOX keeps its UIDVALIDITY though its file was removed."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        before = await account.status(INBOX)
        self.system.unlink(str(self.root / "mailframe-uidvalidity"))
        await self.pause()
        self.assertEqual(await account.status(INBOX), before)
        self.assertTrue((self.root / "mailframe-uidvalidity").exists())

    async def test_old_index(self) -> None:
        """An index older than the directory loses no message and no UID."""
        account = await self.account()
        await account.append(INBOX, [new(n) for n in range(1, 4)])
        await self.realm.stopService()
        saved = (self.root / "mailframe.index").read_bytes()
        self.make_realm()
        self.realm.startService()
        account = await self.account()
        await account.append(INBOX, [new(n) for n in range(4, 200)])
        await self.realm.stopService()
        (self.root / "mailframe.index").write_bytes(saved)
        self.make_realm()
        self.realm.startService()
        found = await self.loaded(await self.inbox())
        self.assertEqual(found, {n: message(n) for n in range(1, 200)})

    async def test_long_names(self) -> None:
        """A name no directory can have is refused."""
        account = await self.account()
        name = mailbox_name("x" * 254 + "é")
        with self.assertRaises(BadMailboxName):
            await account.create(name)
        await account.create(WORK)
        with self.assertRaises(BadMailboxName):
            await account.rename(WORK, name)
        self.assertEqual((await account.status(WORK)).messages, 0)

    async def test_rename_fails_half_way(self) -> None:
        """Mailboxes are renamed all or none."""
        account = await self.account()
        for text in ("Work", "Work/a", "Work/b"):
            await account.create(mailbox_name(text))
        self.system.fail(errno.EIO, "rename", at=2)
        with self.assertRaises(TemporaryFailure):
            await account.rename(WORK, mailbox_name("New"))
        names = [info.name for info in await account.list_mailboxes()]
        self.assertEqual(names, ["INBOX", "Work", "Work/a", "Work/b"])
        with self.assertRaises(NoSuchMailbox):
            await account.open(mailbox_name("New"))


class ChangesTests(MaildirTestCase):
    """What changed since long ago, when the index has to be asked."""

    async def test_expunge_while_the_index_is_asked(self) -> None:
        """What goes in that moment has vanished too: a view keeps its numbers."""
        account = await self.account()
        await account.append(INBOX, [new(number) for number in range(1, 5)])
        mailbox = await account.open(INBOX)
        since = (await mailbox.changes(0)).listing.highest_modseq
        await mailbox.store(ALL, ADD, frozenset({"\\Deleted"}))
        await mailbox.expunge(UIDSet.of([1]))
        mailbox._box.forget()
        ask = account.ask

        async def slow(question: Any, *args: Any) -> Any:
            answer = await ask(question, *args)
            if question == account.reader.vanished:
                await mailbox.expunge(UIDSet.of([3]))
            return answer

        self.patch(account, "ask", slow)
        changes = await mailbox.changes(since)
        self.assertEqual(list(changes.listing.uids), [2, 4])
        self.assertEqual(list(changes.vanished), [1, 3])
