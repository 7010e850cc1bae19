"""Other programs read and write the same Maildir while it is served."""

import os

from mailframe.errors import MessageGone, NoSuchMailbox
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.testing.mailbox_contract import message, new
from tests.storage.maildir_case import ALL, MaildirTestCase

SEEN = frozenset({"\\Seen"})


class ForeignChangeTests(MaildirTestCase):
    """What others do to files is what happened to messages."""

    async def test_delivery(self) -> None:
        """A file put into new/ is a new message with the next UID."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        mailbox = await self.inbox()
        since = (await mailbox.changes(0)).listing.highest_modseq
        await self.pause()
        self.deliver(2)
        changes = await mailbox.changes(since)
        self.assertEqual(changes.new, UIDSet.of([2]))
        self.assertEqual(await self.loaded(mailbox), {1: message(1), 2: message(2)})
        self.assertEqual(await mailbox.recent(True), UIDSet.of([1, 2]))

    async def test_delivered_file_is_named(self) -> None:
        """A taken-over file goes to cur/ with its UID in its name."""
        mailbox = await self.inbox()
        await self.pause()
        base = self.deliver(1)
        await mailbox.changes(0)
        self.assertEqual(self.names("new"), [])
        self.assertEqual(self.names("cur"), [f"{base},U=1:2,"])

    async def test_delivery_into_cur(self) -> None:
        """A file put into cur/ brings its flags along."""
        mailbox = await self.inbox()
        self.deliver(1, "cur", ":2,FS")
        self.assertEqual(
            await self.listed(mailbox), {1: frozenset({"\\Flagged", "\\Seen"})}
        )

    async def test_several_deliveries(self) -> None:
        """Deliveries one after another are all seen, none twice."""
        mailbox = await self.inbox()
        for number in range(1, 6):
            self.deliver(number)
            listed = await self.listed(mailbox)
            self.assertEqual(sorted(listed), list(range(1, number + 1)))

    async def test_flags_renamed(self) -> None:
        """Letters another program puts into a name are flags."""
        account = await self.account()
        await account.append(INBOX, [new(1), new(2, frozenset({"\\Draft"}))])
        mailbox = await self.inbox()
        since = (await mailbox.changes(0)).listing.highest_modseq
        await self.pause()
        (name,) = self.names("new")
        os.rename(self.root / "new" / name, self.root / "cur" / f"{name}:2,RS")
        (name,) = [one for one in self.names() if one.endswith("D")]
        os.rename(self.root / "cur" / name, self.root / "cur" / name[:-1])
        changes = await mailbox.changes(since)
        self.assertEqual(changes.changed, ALL & UIDSet.of([1, 2]))
        self.assertFalse(changes.new or changes.vanished)
        self.assertEqual(
            await self.listed(mailbox),
            {1: frozenset({"\\Answered", "\\Seen"}), 2: frozenset()},
        )
        self.assertEqual(len(await self.loaded(mailbox)), 2)

    async def test_flags_of_both_sides(self) -> None:
        """A flag set here and one set there at the same time both stay."""
        account = await self.account()
        await account.append(INBOX, [new(1, SEEN)])
        mailbox = await self.inbox()
        await self.listed(mailbox)
        (name,) = self.names()
        os.rename(self.root / "cur" / name, self.root / "cur" / f"{name[:-1]}FS")
        await mailbox.store(ALL, FlagChange.ADD, frozenset({"\\Answered"}))
        await self.tidied()
        flags = frozenset({"\\Seen", "\\Flagged", "\\Answered"})
        self.assertEqual(await self.listed(mailbox), {1: flags})
        await self.tidied()
        self.assertEqual([one[-5:] for one in self.names()], ["2,FRS"])

    async def test_flagged_in_new(self) -> None:
        """Flags in the name of a file that stays in new/ count too."""
        account = await self.account()
        await account.append(INBOX, [new(1)])
        mailbox = await self.inbox()
        await self.listed(mailbox)
        (name,) = self.names("new")
        await self.pause()
        os.rename(self.root / "new" / name, self.root / "new" / f"{name}:2,F")
        self.assertEqual(await self.listed(mailbox), {1: frozenset({"\\Flagged"})})
        self.assertEqual(len(await self.loaded(mailbox)), 1)

    async def test_removal(self) -> None:
        """A file another program removed is a message that vanished."""
        account = await self.account()
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await self.inbox()
        since = (await mailbox.changes(0)).listing.highest_modseq
        await self.pause()
        os.unlink(self.root / "new" / self.names("new")[0])
        changes = await mailbox.changes(since)
        self.assertEqual(changes.vanished, UIDSet.of([1]))
        self.assertEqual(list(changes.listing.uids), [2])
        with self.assertRaises(MessageGone):
            await mailbox.open_content(1)

    async def test_removed_before_anybody_looks(self) -> None:
        """A message whose file just went is left out, not an error."""
        account = await self.account()
        await account.append(INBOX, [new(1), new(2)])
        mailbox = await self.inbox()
        for name in self.names("new"):
            if ",U=1" in name:
                os.unlink(self.root / "new" / name)
        self.assertEqual(await self.loaded(mailbox), {2: message(2)})

    async def test_bare_line_feeds(self) -> None:
        """A file with bare LFs is served, sized and summarised with CRLF."""
        mailbox = await self.inbox()
        (self.root / "new" / "1.lf").write_bytes(message(1).replace(b"\r\n", b"\n"))
        size = len(message(1))
        self.assertEqual(list((await mailbox.changes(0)).listing.sizes), [size])
        self.assertEqual(await self.loaded(mailbox), {1: message(1)})
        content = await mailbox.open_content(1)
        self.assertEqual(content.size, size)
        _, headers = await mailbox.headers(ALL)
        self.assertEqual(headers[0], message(1).partition(b"Body")[0])
        copied = await mailbox.copy(ALL, INBOX)
        self.assertEqual(copied.uids, {1: 2})
        self.assertEqual((await self.loaded(mailbox))[2], message(1))

    async def test_large_with_bare_line_feeds(self) -> None:
        """The same for one that is too large to be held."""
        mailbox = await self.inbox()
        octets = b"Subject: large\n\n" + b"0123456789\n" * 50_000
        (self.root / "new" / "1.lf").write_bytes(octets)
        wanted = octets.replace(b"\n", b"\r\n")
        self.assertEqual(list((await mailbox.changes(0)).listing.sizes), [len(wanted)])
        content = await mailbox.open_content(1)
        self.assertEqual(content.size, len(wanted))
        self.assertEqual(await content.read(0, content.size), wanted)
        content.close()

    async def test_moved_in_by_another_program(self) -> None:
        """A UID in the name of a file from another mailbox counts for nothing."""
        account = await self.account()
        work = mailbox_name("Work")
        await account.create(work)
        await account.append(INBOX, [new(1), new(2)])
        await account.append(work, [new(3)])
        mailbox, other = await self.inbox(), await account.open(work)
        await self.listed(mailbox), await self.listed(other)
        await self.pause()
        for name in self.names("new"):
            target = self.root / ".Work" / "cur" / f"{name}:2,S"
            os.rename(self.root / "new" / name, target)
        self.assertEqual(await self.listed(mailbox), {})
        listed = await self.listed(other)
        self.assertEqual(listed, {1: frozenset(), 2: SEEN, 3: SEEN})
        self.assertEqual(
            await self.loaded(other), {1: message(3), 2: message(1), 3: message(2)}
        )

    async def test_odd_names(self) -> None:
        """Names no program ought to make are taken over under better ones."""
        mailbox = await self.inbox()
        names = (b"\xff\xfe", b"x" * 250, b"a:b:c", b"new\nline", b"1,U=0", b",U=9")
        for name in names:
            (self.root / "cur" / os.fsdecode(name)).write_bytes(message(1))
        self.assertEqual(len(await self.listed(mailbox)), len(names))
        self.assertEqual(len(await self.loaded(mailbox)), len(names))

    async def test_what_is_no_message(self) -> None:
        """Directories and dot files are passed over."""
        mailbox = await self.inbox()
        (self.root / "cur" / "directory").mkdir()
        (self.root / "cur" / ".hidden").write_bytes(b"x")
        self.deliver(1)
        self.assertEqual(list(await self.listed(mailbox)), [1])

    async def test_keywords(self) -> None:
        """Letters a to z are the keywords that dovecot-keywords names."""
        mailbox = await self.inbox()
        (self.root / "dovecot-keywords").write_text("0 Work\n1 $Label1\n")
        self.deliver(1, "cur", ":2,Sb")
        self.assertEqual(
            await self.listed(mailbox), {1: frozenset({"\\Seen", "$Label1"})}
        )
        await mailbox.store(ALL, FlagChange.ADD, frozenset({"work", "Later"}))
        await self.tidied()
        self.assertTrue(self.names()[0].endswith(":2,Sabc"))
        text = (self.root / "dovecot-keywords").read_text()
        self.assertEqual(text, "0 Work\n1 $Label1\n2 Later\n")

    async def test_watched(self) -> None:
        """Watchers hear of a foreign delivery without asking."""
        mailbox = await self.inbox()
        await self.listed(mailbox)
        heard: list[int] = []
        stop = mailbox.watch(lambda: heard.append(1))
        self.deliver(1)
        await self.until(lambda: heard)
        stop()

    async def test_dovecot_uids(self) -> None:
        """A mailbox that comes from Dovecot keeps UIDs and UIDVALIDITY."""
        account = await self.account()
        box = self.root / ".Old"
        for name in ("cur", "new", "tmp"):
            (box / name).mkdir(parents=True)
        (box / "cur" / "1.a.host,S=155:2,S").write_bytes(message(1))
        (box / "cur" / "2.b.host,S=155:2,").write_bytes(message(2))
        (box / "new" / "3.c.host").write_bytes(message(3))
        (box / "dovecot-uidlist").write_text(
            "3 V1234567 N20 Gabcdef0123\n7 W155 :2.b.host,S=155\n9 :1.a.host,S=155\n"
        )
        mailbox = await account.open(mailbox_name("Old"))
        self.assertEqual(mailbox.uid_validity, 1234567)
        self.assertEqual(
            await self.loaded(mailbox), {7: message(2), 9: message(1), 20: message(3)}
        )

    async def test_mailboxes_made_elsewhere(self) -> None:
        """Mailboxes others make, rename and remove are followed."""
        account = await self.account()
        await account.create(mailbox_name("Mine"))
        await account.append(mailbox_name("Mine"), [new(1)])
        before = await account.status(mailbox_name("Mine"))
        mailbox = await account.open(mailbox_name("Mine"))
        await self.pause()
        for name in ("cur", "new", "tmp"):
            (self.root / ".Theirs.Sub" / name).mkdir(parents=True)
        os.rename(self.root / ".Mine", self.root / ".Renamed")
        names = [info.name for info in await account.list_mailboxes()]
        self.assertEqual(names, ["INBOX", "Renamed", "Theirs/Sub"])
        self.assertEqual(await account.status(mailbox_name("Renamed")), before)
        self.assertEqual(list(await self.loaded(mailbox)), [1])
        await self.pause()
        os.rename(self.root / ".Renamed", self.root / "away")
        with self.assertRaises(NoSuchMailbox):
            await mailbox.changes(0)

    async def test_subscriptions_of_dovecot(self) -> None:
        """Both versions of the file are read; ours is the second."""
        account = await self.account()
        path = self.root / "subscriptions"
        path.write_bytes(b"Sent\nWork.2024\nINBOX\n")
        names = {"Sent", "Work/2024", "INBOX"}
        self.assertEqual(await account.subscriptions(), names)
        await account.subscribe(mailbox_name("Entwürfe/x.y"), True)
        self.assertEqual(
            path.read_bytes(),
            b"V\t2\n\nSent\nWork\t2024\nINBOX\nEntw&APw-rfe\tx&AC4-y\n",
        )
        self.assertEqual(await account.subscriptions(), names | {"Entwürfe/x.y"})

    async def test_watched_account(self) -> None:
        """Who watches the account hears of mailboxes and subscriptions of others."""
        account = await self.account()
        heard: list[str] = []
        stop = account.watch_account(
            lambda: heard.append("names"),
            lambda: heard.append("subscriptions"),
            lambda name, entries: None,
        )
        self.addCleanup(stop)
        unwatch = await account.watch_mailbox(INBOX, lambda: heard.append("inbox"))
        self.addCleanup(unwatch)
        for part in ("cur", "new", "tmp"):
            (self.root / ".Work" / part).mkdir(parents=True)
        await self.until(lambda: "names" in heard)
        names = [info.name for info in await account.list_mailboxes()]
        self.assertEqual(names, [INBOX, "Work"])
        heard.clear()
        (self.root / "subscriptions").write_bytes(b"V\t2\n\nWork\n")
        await self.until(lambda: "subscriptions" in heard)
        heard.clear()
        self.deliver(1)
        await self.until(lambda: "inbox" in heard)
