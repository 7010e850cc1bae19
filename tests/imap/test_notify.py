"""NOTIFY: what the transcripts do not show."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.errors import NotPermitted, TemporaryFailure
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.testing.mailbox_contract import new
from tests.imap.world import World, done

EVENTS = b"(MessageNew MessageExpunge)"
ALL_OF_SELECTED = b"(selected (MessageNew (UID) MessageExpunge FlagChange))"
PERSONAL = b"(personal (MessageNew MessageExpunge FlagChange MailboxName))"


@implementer(IMailAccount)
class Unwatched:
    """An account that cannot be watched."""

    def __init__(self, account: Any) -> None:
        self._account = account

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account, name)


class NotifyTests(SynchronousTestCase):
    """RFC 5465."""

    def setUp(self) -> None:
        """Have a client and somebody else."""
        self.world = World(5)
        self.made = self.world.selected()
        self.other = self.world.selected()

    def ask(self, groups: bytes) -> None:
        self.assertIn(b"a OK", self.made.say(b"a NOTIFY SET %b\r\n" % groups))

    def test_unwatched(self) -> None:
        """An account that cannot be watched announces nothing."""
        self.world.door.account = Unwatched(self.world.account)
        made = self.world.logged_in()
        self.assertNotIn(b"NOTIFY", made.say(b"a CAPABILITY\r\n"))
        heard = made.say(b"b NOTIFY SET %b\r\n" % PERSONAL)
        self.assertIn(b"b NO [CANNOT]", heard)

    def test_vanished(self) -> None:
        """With QRESYNC what is gone is told as VANISHED, with the mod-sequence."""
        self.made.say(b"a UNSELECT\r\nb ENABLE QRESYNC\r\nc SELECT INBOX\r\n")
        self.ask(ALL_OF_SELECTED)
        self.other.say(b"x STORE 2:3 +FLAGS.SILENT (\\Deleted)\r\nx EXPUNGE\r\n")
        heard = self.made.heard()
        self.assertIn(b"* VANISHED 2:3\r\n", heard)
        self.assertTrue(heard.endswith(b"* OK [HIGHESTMODSEQ 4] Highest\r\n"), heard)

    def test_uidonly(self) -> None:
        """With UIDONLY new messages are told by UID."""
        self.made.say(b"b ENABLE UIDONLY\r\n")
        self.ask(b"(selected (MessageNew (UID FLAGS) MessageExpunge))")
        self.world.put(b"a: b\r\n\r\n")
        heard = self.made.heard()
        self.assertIn(b"* 6 EXISTS\r\n", heard)
        self.assertIn(b"* 6 UIDFETCH (UID 6 FLAGS (\\Recent))\r\n", heard)

    def test_search_update(self) -> None:
        """A context tells items of new messages (RFC 5465 section 7)."""
        for space, tag in ((b" ", b"a00"), (b"", b"a01")):
            heard = self.made.say(
                b"%b UID SEARCH RETURN (COUNT UPDATE%b(UID BODY[HEADER.FIELDS "
                b'(TO FROM SUBJECT)])) FROM "boss"\r\n' % (tag, space)
            )
            self.assertIn(b"COUNT 0", heard)
        self.made.say(b'b CANCELUPDATE "a01"\r\n')
        self.world.put(b"From: boss@x\r\nSubject: hi\r\n\r\n")
        self.world.put(b"From: other@x\r\n\r\n")
        heard = self.made.say(b"c NOOP\r\n")
        self.assertIn(b"* 7 EXISTS\r\n", heard)
        self.assertIn(b'* ESEARCH (TAG "a00") UID ADDTO (0 6)\r\n', heard)
        self.assertIn(
            b"* 6 FETCH (UID 6 BODY[HEADER.FIELDS (TO FROM SUBJECT)] {29}\r\n"
            b"From: boss@x\r\nSubject: hi\r\n\r\n)\r\n",
            heard,
        )
        self.assertEqual(heard.count(b" FETCH "), 1)
        # Not told: it matches because of its flags, and is not new.
        self.made.say(b"d UID SEARCH RETURN (UPDATE (UID)) FLAGGED\r\n")
        self.other.say(b"x UID STORE 1 +FLAGS.SILENT (\\Flagged)\r\n")
        heard = self.made.say(b"e NOOP\r\n")
        self.assertIn(b"ADDTO (0 1)", heard)
        self.assertNotIn(b"FETCH (UID 1)", heard)

    def test_own_messages(self) -> None:
        """Of what the client itself stores or copies nothing is fetched."""
        self.ask(ALL_OF_SELECTED)
        for command in (b"b APPEND INBOX {6+}\r\na: b\r\n\r\n", b"b COPY 1 INBOX\r\n"):
            heard = self.made.say(command)
            self.assertIn(b" EXISTS\r\n", heard)
            self.assertNotIn(b"FETCH", heard)

    def test_seen_stays(self) -> None:
        """Nothing that is told marks a message as seen."""
        self.ask(b"(selected (MessageNew (BODY[]) MessageExpunge))")
        self.world.put(b"a: b\r\n\r\n")
        self.assertIn(b"* 6 FETCH (BODY[] {8}\r\na: b\r\n\r\n)\r\n", self.made.heard())
        self.assertIn(b"UNSEEN 6", self.made.say(b"b STATUS INBOX (UNSEEN)\r\n"))

    def test_coalesced(self) -> None:
        """However much happens in a mailbox, it is told once."""
        done(self.world.account.create(mailbox_name("a")))
        self.ask(PERSONAL)
        self.made.connection.slow = slow = Deferred()
        self.made.feed(b"b FETCH 1:5 BODY[]\r\n" * 2)
        session: Any = self.made.server._session  # type: ignore[attr-defined]
        session.pause = lambda: slow if not slow.called else None
        self.made.feed(b"c NOOP\r\n")
        self.made.feed(b"d FETCH 1 FLAGS\r\n")
        self.assertTrue(self.made.waiting)
        for number in range(9):
            done(self.world.account.append(mailbox_name("a"), [new(number)]))
        slow.callback(None)
        heard = self.made.heard()
        self.assertEqual(heard.count(b"* STATUS a (UIDNEXT 10 MESSAGES 9 "), 1)
        self.assertEqual(heard.count(b"* STATUS"), 1)

    def test_trouble(self) -> None:
        """A store in trouble is asked again when something happens, not before."""
        done(self.world.account.create(mailbox_name("a")))
        self.ask(PERSONAL + b" " + ALL_OF_SELECTED)
        asked = []

        async def fail(*_: Any) -> Any:
            asked.append(1)
            raise TemporaryFailure

        account: Any = self.world.account
        account.status, status = fail, account.status
        done(account.append(mailbox_name("a"), [new(1)]))
        self.assertEqual(self.made.heard(), b"")
        self.assertEqual(len(asked), 1)
        account.status = status
        view: Any = self.made.server._session.view  # type: ignore[attr-defined]
        view.mailbox.changes, changes = fail, view.mailbox.changes
        done(account.append(INBOX, [new(1)]))
        heard = self.made.heard()
        self.assertEqual(len(asked), 2)
        self.assertTrue(heard.startswith(b"* STATUS a (UIDNEXT 2 MESSAGES 1 "), heard)
        view.mailbox.changes = changes
        done(account.append(INBOX, [new(1)]))
        self.assertIn(b"* 7 EXISTS", self.made.heard())

    def test_no_access(self) -> None:
        """A mailbox whose figures this user may not know any more."""
        done(self.world.account.create(mailbox_name("a")))
        self.ask(PERSONAL)

        async def refuse(*_: Any) -> Any:
            raise NotPermitted

        account: Any = self.world.account
        account.status, status = refuse, account.status
        for number in (1, 2):
            done(account.append(mailbox_name("a"), [new(number)]))
        self.assertEqual(self.made.heard(), b'* LIST (\\NoAccess) "/" a\r\n')
        account.status = status
        done(account.append(mailbox_name("a"), [new(3)]))
        heard = self.made.heard()
        self.assertTrue(heard.startswith(b'* LIST (\\HasNoChildren) "/" a\r\n'), heard)
        self.assertIn(b"* STATUS a (UIDVALIDITY 8 UIDNEXT 4", heard)
        account.status = refuse
        heard = self.made.say(b"b NOTIFY SET STATUS (mailboxes a %b)\r\n" % EVENTS)
        self.assertEqual(
            heard, b'* LIST (\\NoAccess) "/" a\r\nb OK NOTIFY completed\r\n'
        )

    def test_subscribed(self) -> None:
        """What "subscribed" means changes with the subscriptions."""
        done(self.world.account.create(mailbox_name("a")))
        self.ask(b"(subscribed (MessageNew MessageExpunge))")
        done(self.world.account.append(mailbox_name("a"), [new(1)]))
        self.assertEqual(self.made.heard(), b"")
        done(self.world.account.subscribe(mailbox_name("a"), True))
        self.assertEqual(
            self.made.heard(), b"* STATUS a (UIDVALIDITY 8 UIDNEXT 2 MESSAGES 1)\r\n"
        )
        done(self.world.account.append(mailbox_name("a"), [new(1)]))
        self.assertEqual(self.made.heard(), b"* STATUS a (UIDNEXT 3 MESSAGES 2)\r\n")
        done(self.world.account.subscribe(mailbox_name("a"), False))
        self.assertEqual(self.made.heard(), b"")
        done(self.world.account.append(mailbox_name("a"), [new(1)]))
        self.assertEqual(self.made.heard(), b"")

    def test_let_go(self) -> None:
        """Nothing is watched any more after the end, or UNAUTHENTICATE."""
        self.ask(PERSONAL)
        watchers = self.world.account.watchers
        self.assertTrue(watchers)
        self.assertIn(b"b OK", self.made.say(b"b UNAUTHENTICATE\r\n"))
        self.assertFalse(watchers)
        again = self.world.selected()
        again.say(b"a NOTIFY SET %b\r\n" % PERSONAL)
        again.say(b"b NOTIFY SET (personal (MailboxMetadataChange Nothing))\r\n")
        self.assertTrue(watchers)
        again.lose()
        self.assertFalse(watchers)

    def test_not_into_a_message(self) -> None:
        """Nothing is told while a message of the client's comes."""
        self.ask(ALL_OF_SELECTED)
        self.made.feed(b"b APPEND INBOX {10+}\r\na: b")
        self.world.put(b"a: b\r\n\r\n")
        self.assertEqual(self.made.heard(), b"")
        heard = self.made.say(b"\r\n\r\nxx\r\n")
        self.assertIn(b"* 7 EXISTS", heard)

    def test_several_sequences(self) -> None:
        """Numbers stay right while expunges are told between commands."""
        self.ask(ALL_OF_SELECTED)
        self.other.say(b"x STORE 2 +FLAGS.SILENT (\\Deleted)\r\nx EXPUNGE\r\n")
        self.assertIn(b"* 2 EXPUNGE\r\n", self.made.heard())
        heard = self.made.say(b"b FETCH 1:* UID\r\n")
        self.assertIn(b"* 2 FETCH (UID 3)\r\n", heard)
        self.assertIn(b"* 4 FETCH (UID 5)\r\n", heard)
