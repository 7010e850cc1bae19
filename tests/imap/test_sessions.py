"""Several sessions on one account, and what each is told."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import TemporaryFailure
from mailframe.imap.commands import select
from mailframe.imap.mailbox_pattern import mailbox_matcher
from mailframe.interfaces.mailbox import NewMessage
from mailframe.limits import IMAPLimits
from mailframe.memory_content import MemoryContent
from mailframe.model.mailbox import INBOX, MailboxName
from mailframe.storage.memory_mailbox import MemoryMailbox
from mailframe.testing.transcript import Conversation
from tests.imap.world import World, done


def lines(octets: bytes) -> list[bytes]:
    """Return the lines said."""
    return octets.splitlines()


class DeletedMailboxTests(SynchronousTestCase):
    """A mailbox that is deleted while it is selected is no catastrophe."""

    def setUp(self) -> None:
        """Two sessions; the second deletes what the first has selected."""
        self.world = World()
        done(self.world.account.create(MailboxName("work")))
        self.world.put(b"x: y\r\n\r\n", MailboxName("work"))
        self.one, self.two = self.world.logged_in(), self.world.logged_in()
        self.one.say(b"a SELECT work\r\n")
        self.two.say(b"a DELETE work\r\n")

    def test_commands_are_refused(self) -> None:
        """Commands that need it answer NO, the others go on."""
        one = self.one
        self.assertEqual(one.say(b"b NOOP\r\n"), b"b OK NOOP completed\r\n")
        for command in (
            b"FETCH 1 BODY[]",
            b"STORE 1 FLAGS ()",
            b"EXPUNGE",
            b"COPY 1 INBOX",
            b"UID MOVE 1 INBOX",
        ):
            heard = one.say(b"c %b\r\n" % command)
            self.assertTrue(heard.startswith(b"c NO [NONEXISTENT]"), heard)
        self.assertEqual(one.say(b"d CLOSE\r\n"), b"d OK CLOSE completed\r\n")
        self.assertIn(b"e OK", one.say(b"e SELECT INBOX\r\n"))
        self.assertEqual(self.world.reported, [])

    def test_idle(self) -> None:
        """A session that idles is not disturbed."""
        self.two.say(b"b CREATE x\r\n")
        self.one.say(b"b SELECT x\r\nc IDLE\r\n")
        self.two.say(b"c DELETE x\r\n")
        self.assertEqual(self.one.heard(), b"")
        self.assertEqual(self.one.say(b"DONE\r\n"), b"c OK IDLE completed\r\n")


class TwoSessionsTests(SynchronousTestCase):
    """What the transcripts do not show."""

    def setUp(self) -> None:
        """Two sessions with five messages selected."""
        self.world = World(5)
        self.one, self.two = self.world.selected(), self.world.selected()

    def test_seen_is_told_once(self) -> None:
        """FETCH tells the flag it sets itself; the other session learns it."""
        heard = self.one.say(b"a FETCH 2 BODY[TEXT]\r\n")
        self.assertEqual(heard.count(b"FETCH ("), 1)
        self.assertIn(b"\\Seen", heard)
        self.assertEqual(
            lines(self.two.say(b"a NOOP\r\n")),
            [b"* 2 FETCH (FLAGS (\\Seen))", b"a OK NOOP completed"],
        )

    def test_foreign_flags_in_a_fetch(self) -> None:
        """What another session changed is not lost in a FETCH."""
        self.two.say(b"a STORE 3 +FLAGS.SILENT (\\Flagged)\r\n")
        heard = lines(self.one.say(b"a FETCH 2 BODY[TEXT]\r\n"))
        self.assertIn(b"* 3 FETCH (FLAGS (\\Flagged \\Recent))", heard)

    def test_foreign_flags_in_a_silent_store(self) -> None:
        """Silence is about what the client did itself."""
        self.two.say(b"a STORE 3:4 +FLAGS.SILENT (\\Flagged)\r\n")
        heard = lines(self.one.say(b"a STORE 3 +FLAGS.SILENT (\\Seen)\r\n"))
        self.assertEqual(
            heard,
            [
                b"* 3 FETCH (FLAGS (\\Seen \\Flagged \\Recent))",
                b"* 4 FETCH (FLAGS (\\Flagged \\Recent))",
                b"a OK STORE completed",
            ],
        )

    def test_expunge_and_pipelined_numbers(self) -> None:
        """Commands sent together see the same numbers until an EXPUNGE is told."""
        self.two.say(b"a STORE 1 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\n")
        heard = self.one.say(
            b"a FETCH 2 (UID)\r\nb SEARCH 2:3\r\n"
            b"c STORE 2 +FLAGS (\\Seen)\r\nd CHECK\r\n"
        )
        self.assertEqual(
            lines(heard),
            [
                b"* 2 FETCH (UID 2)",
                b"a OK FETCH completed",
                b"* SEARCH 2 3",
                b"b OK SEARCH completed",
                b"* 2 FETCH (FLAGS (\\Seen \\Recent))",
                b"c OK STORE completed",
                b"* 1 EXPUNGE",
                b"d OK CHECK completed",
            ],
        )

    def test_expunge_while_selecting(self) -> None:
        """What SELECT says holds when it ends; the next command tells the rest."""
        self.two.say(b"a STORE 1 +FLAGS.SILENT (\\Deleted)\r\n")

        async def expunging(*of: Any) -> bytes:
            self.two.say(b"b EXPUNGE\r\n")
            return b""

        self.patch(select, "SELECT_RESPONSES", {"": expunging})
        heard = lines(self.one.say(b"a SELECT INBOX\r\n"))
        self.assertIn(b"* 5 EXISTS", heard)
        self.assertNotIn(b"* 1 EXPUNGE", heard)
        self.assertEqual(
            lines(self.one.say(b"b NOOP\r\n")),
            [b"* 1 EXPUNGE", b"b OK NOOP completed"],
        )

    def test_new_mail_before_its_number(self) -> None:
        """EXISTS comes before the first response with the new number."""
        self.world.put(b"Subject: q\r\n\r\n")
        heard = lines(self.one.say(b"a SEARCH ALL\r\n"))
        self.assertEqual(
            heard[:3], [b"* 6 EXISTS", b"* 6 RECENT", b"* SEARCH 1 2 3 4 5 6"]
        )

    def test_search_finds_what_others_did(self) -> None:
        """What another session was told is done can be found at once."""
        self.two.say(b"a STORE 3 +FLAGS.SILENT (\\Flagged)\r\n")
        heard = lines(self.one.say(b"a UID SEARCH FLAGGED\r\n"))
        self.assertEqual(
            heard[:2],
            [b"* 3 FETCH (UID 3 FLAGS (\\Flagged \\Recent))", b"* SEARCH 3"],
        )

    def test_what_is_not_told_is_not_found(self) -> None:
        """After NOTIFY NONE a message without a number is in no answer."""
        self.one.say(b"a NOTIFY NONE\r\n")
        self.world.put(b"Subject: q\r\n\r\n")
        for command, answer in (
            (b"SEARCH ALL", b"* SEARCH 1 2 3 4 5"),
            (b"UID SEARCH ALL", b"* SEARCH 1 2 3 4 5"),
            (b"SORT (REVERSE ARRIVAL) UTF-8 UID 5:*", b"* SORT 5"),
            (b"THREAD REFERENCES UTF-8 5:*", b"* THREAD (5)"),
            (b"SEARCH RETURN (MAX COUNT) ALL", b'* ESEARCH (TAG "b") MAX 5 COUNT 5'),
        ):
            heard = lines(self.one.say(b"b %b\r\n" % command))
            self.assertEqual(heard[0], answer)
        self.assertEqual(self.world.reported, [])

    def test_move_is_seen(self) -> None:
        """MOVE into the other session's mailbox is new mail there."""
        self.two.say(b"a CREATE work\r\nb SELECT work\r\nc IDLE\r\n")
        self.one.say(b"a MOVE 2:3 work\r\n")
        self.assertEqual(lines(self.two.heard()), [b"* 2 EXISTS", b"* 2 RECENT"])

    def test_uid_copy_tells_uids(self) -> None:
        """What is told in any UID command has the UID (RFC 9051 section 6.4.9)."""
        self.two.say(b"a STORE 3 +FLAGS.SILENT (\\Flagged)\r\n")
        heard = self.one.say(b"a UID COPY 1 INBOX\r\n")
        self.assertIn(b"* 3 FETCH (UID 3 FLAGS (\\Flagged \\Recent))", heard)

    def test_rename_of_the_selected_inbox(self) -> None:
        """A session hears what its own RENAME has moved away, with its answer."""
        world = World(2, soon=lambda call: None)
        heard = world.selected().say(b"a RENAME INBOX old\r\n")
        self.assertEqual(
            lines(heard), [b"* 1 EXPUNGE", b"* 1 EXPUNGE", b"a OK RENAME completed"]
        )

    def test_move_of_what_is_gone(self) -> None:
        """A message without a number that is still there cannot be moved."""
        self.one.say(b"a CREATE work\r\n")
        self.two.say(b"a STORE 1 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\n")
        heard = self.one.say(b"b FETCH 1 (UID)\r\nc MOVE 1:2 work\r\n")
        self.assertIn(b"c NO [EXPUNGEISSUED]", heard)
        heard = self.one.say(b"d UID MOVE 1 work\r\n")
        self.assertEqual(lines(heard), [b"* 1 EXPUNGE", b"d OK MOVE completed"])

    def test_close_is_silent(self) -> None:
        """CLOSE tells nobody but the others."""
        self.one.say(b"a STORE 1 +FLAGS.SILENT (\\Deleted)\r\n")
        self.assertEqual(self.one.say(b"b CLOSE\r\n"), b"b OK CLOSE completed\r\n")
        self.assertIn(b"* 1 EXPUNGE", self.two.say(b"b NOOP\r\n"))

    def test_close_does_not_expunge_what_is_read_only(self) -> None:
        """After EXAMINE, CLOSE changes nothing."""
        self.one.say(b"a STORE 1 +FLAGS.SILENT (\\Deleted)\r\n")
        self.two.say(b"b EXAMINE INBOX\r\nc CLOSE\r\n")
        self.assertEqual(self.one.say(b"b NOOP\r\n"), b"b OK NOOP completed\r\n")

    def test_busy_store(self) -> None:
        """When the mailbox cannot be asked now, the command still is done."""

        async def changes(self: Any, since: int) -> Any:
            raise TemporaryFailure("busy")

        self.patch(MemoryMailbox, "changes", changes)
        self.assertEqual(self.one.say(b"a NOOP\r\n"), b"a OK NOOP completed\r\n")
        self.assertTrue(
            self.one.say(b"b STORE 1 FLAGS ()\r\n").startswith(b"b NO [UNAVAILABLE]")
        )

    def test_busy_select(self) -> None:
        """A mailbox that cannot be asked is not selected, and let go."""

        async def changes(self: Any, since: int) -> Any:
            raise TemporaryFailure("busy")

        self.patch(MemoryMailbox, "changes", changes)
        heard = self.one.say(b"a SELECT INBOX\r\nb CLOSE\r\n")
        self.assertIn(b"\r\na NO [UNAVAILABLE]", heard)
        self.assertIn(b"b BAD", heard)
        self.assertEqual(len(self.world.account._boxes[INBOX].watchers), 1)

    def test_delete_of_the_selected_mailbox(self) -> None:
        """A session may delete what it has selected."""
        self.one.say(b"a CREATE work\r\nb SELECT work\r\n")
        self.assertEqual(
            self.one.say(b"c DELETE work\r\nd NOOP\r\n"),
            b"c OK DELETE completed\r\nd OK NOOP completed\r\n",
        )

    def test_nothing_happened(self) -> None:
        """A NOOP in a big quiet mailbox makes no listing of its own."""
        view = self.one.server._session.view  # type: ignore[attr-defined]
        listing = view.listing
        self.one.say(b"a NOOP\r\n" * 10)
        self.assertIs(view.listing, listing)


class PipelineTests(SynchronousTestCase):
    """A client need not wait (RFC 9051 section 5.5)."""

    def test_hundreds_at_once(self) -> None:
        """A thousand commands in one read are answered in their order, one each."""
        made = World(5).selected()
        kinds = (
            *(b"NOOP", b"FETCH 1:* (FLAGS)", b"STORE 2 +FLAGS.SILENT (\\Seen)"),
            *(b"APPEND INBOX {2+}\r\nhi", b"SEARCH ALL", b"COPY 1 INBOX"),
            b"UID STORE 3 FLAGS (\\Deleted)",
        )
        sent = [(b"t%d" % n, kinds[n % len(kinds)]) for n in range(1000)]
        heard = lines(made.say(b"".join(b"%b %b\r\n" % pair for pair in sent)))
        tagged = [line.split(b" ")[:2] for line in heard if not line.startswith(b"* ")]
        self.assertEqual(tagged, [[tag, b"OK"] for tag, _ in sent])

    def test_what_one_does_the_next_sees(self) -> None:
        """A command that depends on the one before is not run before its end."""
        made = World(5).selected()
        heard = made.say(
            b"a STORE 1:2 FLAGS (\\Deleted)\r\nb SEARCH DELETED\r\nc EXPUNGE\r\n"
            b"d FETCH 1 (UID)\r\ne FETCH 4 (UID)\r\nf SELECT away\r\n"
            b"g FETCH 1 (UID)\r\nh SELECT INBOX\r\ni FETCH 1 (UID)\r\n"
        )
        told = lines(heard)
        for line in (b"* SEARCH 1 2", b"* 1 FETCH (UID 3)"):
            self.assertIn(line, told)
        self.assertEqual(told.count(b"* 1 EXPUNGE"), 2)
        self.assertEqual(told.count(b"* 1 FETCH (UID 3)"), 2)
        self.assertIn(b"e BAD expected a message number of this mailbox", told)
        self.assertIn(b"g BAD Not a command of this state", told)


class LateChangesTests(SynchronousTestCase):
    """A store that needs time for everything."""

    def test_idle_while_waiting(self) -> None:
        """A change that comes while one is being told is told next."""
        world = World(1)
        made = world.selected()
        made.say(b"a IDLE\r\n")
        gate: Deferred[None] = Deferred()
        real = MemoryMailbox.changes

        async def slow(mailbox: Any, since: int) -> Any:
            found = await real(mailbox, since)
            await gate
            return found

        self.patch(MemoryMailbox, "changes", slow)
        world.put(b"x: y\r\n\r\n")
        made.settle()
        self.assertTrue(made.waiting)
        world.put(b"x: y\r\n\r\n")
        gate.callback(None)
        made.settle()
        self.assertEqual(
            lines(made.heard()),
            [b"* 2 EXISTS", b"* 3 RECENT", b"* 3 EXISTS", b"* 3 RECENT"],
        )
        self.assertEqual(made.say(b"DONE\r\n"), b"a OK IDLE completed\r\n")


class BigMailboxTests(SynchronousTestCase):
    """A mailbox of many messages."""

    def test_select_and_expunge_among_many(self) -> None:
        """Ten thousand messages, every second one expunged by another session."""
        world = World()
        done(
            world.account.append(
                INBOX, [NewMessage(MemoryContent(b"a: b\r\n\r\n"))] * 10_000
            )
        )
        one, two = world.selected(), world.selected()
        odd = b",".join(b"%d" % number for number in range(1, 10_000, 2))
        two.say(b"a UID STORE %b +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\n" % odd)
        self.assertIn(b"* 10000 FETCH (UID 10000)", one.say(b"a FETCH 10000 UID\r\n"))
        heard = lines(one.say(b"b NOOP\r\n"))
        expunged = [line for line in heard if line.endswith(b"EXPUNGE")]
        self.assertEqual(len(expunged), 5000)
        self.assertEqual(
            expunged[:2] + expunged[-1:],
            [b"* 1 EXPUNGE", b"* 2 EXPUNGE", b"* 5000 EXPUNGE"],
        )
        self.assertIn(b"* 5000 FETCH (UID 10000)", one.say(b"c FETCH 5000 UID\r\n"))


class PatternTests(SynchronousTestCase):
    """The wildcards of LIST."""

    def test_matches(self) -> None:
        """``*`` crosses levels, ``%`` does not, INBOX has no case."""
        for reference, pattern, name, expected in (
            ("", "*", "a/b", True),
            ("", "%", "a/b", False),
            ("", "%/%", "a/b", True),
            ("a/", "%", "a/b", True),
            ("x", "/a", "/a", True),
            ("", "a*b", "a/x/b", True),
            ("", "a%b", "axxb", True),
            ("", "a%b", "a/b", False),
            ("", "%a%", "xxaxx", True),
            ("", "*a%b", "xa/yab", True),
            ("", "*a%b", "xa/b", False),
            ("", "a%*b", "a/b", True),
            ("", "*%", "a/b", True),
            ("", "a.c", "abc", False),
            ("", "inbox", "INBOX", True),
            ("", "i%X", "INBOX", True),
            ("", "inbox/a", "INBOX/a", True),
            ("", "inbox/a", "INBOX/A", False),
            ("", "Abc", "abc", False),
            ("", "%b%c*d%e", "abbc/xd1e", True),
            ("", "", "a", False),
        ):
            matches = mailbox_matcher(reference, pattern)
            self.assertEqual(matches(name), expected, (reference, pattern, name))

    def test_hostile_pattern(self) -> None:
        """No pattern takes more than a moment."""
        for wildcard in ("*", "%", "*a%"):
            matches = mailbox_matcher("", f"a{wildcard}" * 200 + "b")
            self.assertFalse(matches("a" * 1000))

    def test_too_long(self) -> None:
        """A pattern longer than any name is refused."""
        made: Conversation = World().logged_in()
        heard = made.say(b'a LIST "" {5000+}\r\n' + b"%" * 5000 + b"\r\n")
        self.assertEqual(heard, b"a BAD expected a shorter pattern\r\n")


class IdleTests(SynchronousTestCase):
    """Waiting costs nothing."""

    def test_store_in_trouble(self) -> None:
        """A mailbox that cannot be asked now is not asked again and again."""
        world = World(5)
        made = world.selected()
        self.assertEqual(made.say(b"a IDLE\r\n"), b"+ idling\r\n")
        asked = []

        async def fail(since: int) -> Any:
            asked.append(since)
            raise TemporaryFailure

        mailbox: Any = made.server._session.view.mailbox  # type: ignore[attr-defined]
        mailbox.changes, changes = fail, mailbox.changes
        world.put(b"x: y\r\n\r\n")
        self.assertEqual(made.heard(), b"")
        self.assertEqual(len(asked), 1)
        mailbox.changes = changes
        world.put(b"x: y\r\n\r\n")
        self.assertIn(b"* 7 EXISTS\r\n", made.heard())
        self.assertTrue(made.say(b"DONE\r\n").startswith(b"a OK"))


class KeywordTests(SynchronousTestCase):
    """A mailbox has a bound for keywords, of which the client is told."""

    def test_limit(self) -> None:
        """With the last one there is no ``\\*`` any more, and then LIMIT.

        Source: RFC 9051 section 7.1 (PERMANENTFLAGS).
        """
        session = World(2).selected()
        words = b" ".join(b"k%d" % n for n in range(IMAPLimits().keywords - 1))
        heard = session.say(b"a STORE 1 +FLAGS.SILENT (%b)\r\n" % words)
        self.assertIn(b" \\*)] Flags permitted\r\n", heard)
        heard = session.say(b"b STORE 1 +FLAGS.SILENT last\r\n")
        self.assertIn(b" last)] Flags permitted\r\nb OK ", heard)
        for command in (b"STORE 2 +FLAGS more", b"APPEND INBOX (more) {3+}\r\na:b"):
            heard = session.say(b"c %b\r\n" % command)
            self.assertEqual(heard[:13], b"c NO [LIMIT] ")
        heard = session.say(b"d STORE 2 +FLAGS LAST\r\n")
        self.assertEqual(
            heard.partition(b"\r\n")[0], b"* 2 FETCH (FLAGS (last \\Recent))"
        )
