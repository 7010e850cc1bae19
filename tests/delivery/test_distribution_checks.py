"""One message past the checks."""

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mailframe.errors import (
    NoSuchUser,
    NotPermitted,
    PolicyDeferral,
    PolicyRefusal,
)
from mailframe.interfaces.check import AddField, ChangeField, Decision, Verdict
from mailframe.interfaces.delivery import IDoorkeeper, IMailReceiver
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, ReversePath
from mailframe.model.mailbox import MailboxName
from tests.delivery.check import AttentiveCheck, ToldCheck
from tests.delivery.distribution_case import (
    ALICE,
    BOB,
    MESSAGE,
    STRANGER,
    DistributionTestCase,
)
from tests.delivery.world import _inbox


class CheckedTests(DistributionTestCase):
    """What checks do to a message."""

    def test_doorkeeper(self) -> None:
        """A receiver looks at sessions only when there is something to look with."""
        self.assertFalse(IDoorkeeper.providedBy(self.make().receiver))
        world = self.make(checks=[ToldCheck(connect=Verdict(Decision.REFUSE, "no"))])
        receiver: Any = world.receiver
        verifyObject(IDoorkeeper, receiver)
        verifyObject(IMailReceiver, receiver)
        self.refused(receiver.connected(world.origin()), PolicyRefusal)
        self.run_now(receiver.greeted(world.origin()))
        receiver.left(world.origin())

    def test_inquiries(self) -> None:
        """VRFY and ETRN are refused before anything is looked up."""
        no = Verdict(Decision.REFUSE, "no")
        world = self.make(checks=[AttentiveCheck(**{"vrfy": no, "relay.example": no})])
        receiver: Any = world.receiver
        self.refused(receiver.verify(world.origin(), "alice"), PolicyRefusal)
        asking = receiver.start_queue(world.origin(), "@relay.example")
        self.refused(asking, PolicyRefusal)
        asking = receiver.start_queue(world.origin(), "other.example")
        self.assertNotIsInstance(self.refused(asking, NotPermitted), PolicyRefusal)

    def test_stages(self) -> None:
        """Each stage can refuse; the check is let go once."""
        for stage in ("mail", "rcpt", "end"):
            for decision, kind in (
                (Decision.REFUSE, PolicyRefusal),
                (Decision.DEFER, PolicyDeferral),
            ):
                check = ToldCheck(**{stage: Verdict(decision)})
                self.make(checks=[check])
                self.fails(kind, ALICE)
                self.assertEqual(check.asked.count("over"), 1)
                self.assertEqual(self.stored("alice"), [])

    def test_unknown_first(self) -> None:
        """Checks see no recipient that does not exist; they may hear of it."""
        for check in (ToldCheck(), AttentiveCheck()):
            self.make(checks=[check])
            self.fails(NoSuchUser, Address("nobody", "example.org"))
            heard = ["rejected"] if isinstance(check, AttentiveCheck) else []
            self.assertEqual(check.asked, ["mail", *heard, "over"])

    def test_content(self) -> None:
        """Checks see the content, and the sender waits for the slow ones."""
        slow: Deferred[None] = Deferred()
        check = ToldCheck(content=slow)
        self.make(checks=[check])
        begun = self.run_now(
            self.world.receiver.begin(self.world.origin(), ReversePath(None))
        )
        self.run_now(begun.recipient(ForwardPath(ALICE)))
        waiting = Deferred.fromCoroutine(begun.write(MESSAGE))
        self.assertNoResult(waiting)
        slow.callback(None)
        self.successResultOf(waiting)
        check.answers.clear()
        self.assertEqual(self.run_now(begun.finish()), [None])
        self.assertEqual(b"".join(check.octets), MESSAGE)

    def test_header(self) -> None:
        """Fields of the checks stand before ours, and everybody gets them."""
        field = b"Authentication-Results: mx.example.org; none\r\n"
        check = ToldCheck(end=Verdict(Decision.NEUTRAL, header=field))
        world = self.make(checks=[check])
        self.to(ALICE, STRANGER, origin=world.origin(client_address="192.0.2.99"))
        (stored,) = self.stored("alice")
        self.assertIn(b"\r\n" + field + b"Received: ", stored)
        self.assertTrue(self.spool.entries[0].octets.startswith(field))

    def test_edits(self) -> None:
        """Header and body are changed for everybody."""
        edits = (AddField(b"X", b"y", 0), ChangeField(b"Subject", 1, b"bye"))
        body = MemoryContent(b"other\r\n")
        for replaced, expected in (
            (None, b"X: y\r\nSubject: bye\r\n\r\nbody\r\n"),
            (body, b"X: y\r\nSubject: bye\r\n\r\nother\r\n"),
        ):
            verdict = Verdict(Decision.NEUTRAL, edits=edits, body=replaced)
            self.make(checks=[ToldCheck(end=verdict)])
            self.assertEqual(self.to(ALICE), [None])
            self.assertTrue(self.stored("alice")[0].endswith(b"0000\r\n" + expected))

    def test_large_header(self) -> None:
        """A header too large to be changed stays as it is."""
        verdict = Verdict(Decision.NEUTRAL, edits=(AddField(b"X", b"y", 0),))
        self.make(checks=[ToldCheck(end=verdict)])
        content = b"A: " + b"x" * 1_100_000 + b"\r\n\r\nbody"
        self.assertEqual(self.to(ALICE, content=content, piece=500_000), [None])
        self.assertTrue(self.stored("alice")[0].endswith(content))

    def test_quarantine(self) -> None:
        """Suspect mail goes to Junk, which is made; and is held in the spool."""
        check = ToldCheck(end=Verdict(Decision.QUARANTINE, "spam"))
        world = self.make(checks=[check])
        trusted = world.origin(client_address="192.0.2.99")
        for _ in range(2):
            self.assertEqual(self.to(ALICE, STRANGER, origin=trusted), [None, None])
        self.assertEqual(self.stored("alice"), [])
        account = world.account("alice@example.org")
        self.assertEqual(len(self.run_now(_inbox(account, "Junk"))), 2)
        boxes = {one.name: one for one in self.run_now(account.list_mailboxes())}
        self.assertEqual(boxes[MailboxName("Junk")].special_use, {"\\Junk"})
        self.assertTrue(all(one.held for one in self.spool.entries))

    def test_quarantine_for_some(self) -> None:
        """One recipient's suspicion is not the others'."""
        check = ToldCheck(bob=Verdict(Decision.QUARANTINE))
        self.make(checks=[check])
        self.assertEqual(self.to(ALICE, BOB), [None, None])
        self.assertEqual(len(self.stored("alice")), 1)
        self.assertEqual(self.stored("bob"), [])

    def test_refused_for_some(self) -> None:
        """LMTP refuses one recipient; SMTP cannot, and puts it into Junk."""
        no = Verdict(Decision.REFUSE, "no")
        verdict = Verdict(Decision.NEUTRAL, recipients={BOB: no})
        world = self.make(checks=[ToldCheck(end=verdict)])
        found = self.to(ALICE, BOB, origin=world.origin(service="lmtp"))
        self.assertEqual([type(one) for one in found], [type(None), PolicyRefusal])
        self.make(checks=[ToldCheck(end=verdict)])
        self.assertEqual(self.to(ALICE, BOB), [None, None])
        junk = _inbox(self.world.account("bob@example.org"), "Junk")
        self.assertEqual(len(self.run_now(junk)), 1)
        self.make(checks=[ToldCheck(end=verdict)])
        self.assertIsInstance(self.to(BOB)[0], PolicyRefusal)

    def test_discard(self) -> None:
        """The peer hears yes, and nobody gets anything."""
        self.make(checks=[ToldCheck(end=Verdict(Decision.DISCARD))])
        self.assertEqual(self.to(ALICE, BOB), [None, None])
        self.assertEqual(self.world.accounts, {})
