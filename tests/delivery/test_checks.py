"""Checks in their order, with their defaults and their time."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailframe.delivery.checks import Checks
from mailframe.delivery.configured_check import Configured
from mailframe.delivery.message_checks import MessageChecks
from mailframe.errors import (
    BadSyntax,
    MailError,
    NoSuchUser,
    PolicyDeferral,
    PolicyRefusal,
    TemporaryFailure,
)
from mailframe.interfaces.check import (
    AddRecipient,
    Decision,
    IDataCheck,
    IInquiryCheck,
    IMessageCheck,
    IRejectionCheck,
    IVisitCheck,
    Verdict,
)
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from tests.delivery.check import AttentiveCheck, ToldCheck
from tests.delivery.world import DeliveryTestCase

REFUSE = Verdict(Decision.REFUSE, "no", code=554, enhanced="5.7.9")
DEFER = Verdict(Decision.DEFER, "later")
ACCEPT = Verdict(Decision.ACCEPT)
JUNK = Verdict(Decision.QUARANTINE)
ALICE = Address("alice", "example.org")


def origin(**changes: Any) -> Origin:
    """Return an origin."""
    given = {
        "service": "smtp",
        "protocol": "ESMTP",
        "helo": "x",
        "client_address": "192.0.2.1",
        "server_name": "mx.example.org",
    }
    return Origin(**{**given, **changes})


class ChecksTests(DeliveryTestCase):
    """What comes of what checks say."""

    def setUp(self) -> None:
        """A clock."""
        self.clock = Clock()

    def _checks(self, *checks: ToldCheck, **more: Any) -> Checks:
        configured = [
            Configured(f"check {n}", one, **more) for n, one in enumerate(checks)
        ]
        return Checks(configured, self.clock)

    def _begin(self, *checks: ToldCheck, **more: Any) -> MessageChecks:
        message = self._checks(*checks, **more).begin(origin())
        self.run_now(message.mail(origin(), ReversePath(None)))
        return message

    def _rcpt(self, message: MessageChecks, local: str = "alice") -> Any:
        return message.rcpt(ForwardPath(Address(local, "example.org")))

    def test_contract(self) -> None:
        """The test's checks are some."""
        for interface in (
            *(IMessageCheck, IVisitCheck, IRejectionCheck),
            *(IDataCheck, IInquiryCheck),
        ):
            verifyObject(interface, AttentiveCheck())

    def test_left(self) -> None:
        """Whoever wants to know hears that a client is gone, whatever others do."""
        bug = AttentiveCheck(left=ZeroDivisionError())
        last, other = AttentiveCheck(), ToldCheck()
        self._checks(bug, other, last).left(origin())
        self.assertEqual((last.asked, other.asked), (["left"], []))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_rejected(self) -> None:
        """Whoever was not asked about a recipient hears that it is refused."""
        first, last, other = AttentiveCheck(), AttentiveCheck(), ToldCheck()
        message = self._begin(first, ToldCheck(bob=DEFER), other, last)
        error = NoSuchUser("nobody")
        path = ForwardPath(Address("nobody", "example.org"))
        self.run_now(message.rejected(path, error))
        self.refused(self._rcpt(message, "bob"), PolicyDeferral)
        self.assertEqual(first.refusals, [("nobody", error)])
        self.assertEqual([who for who, _ in last.refusals], ["nobody", "bob"])
        self.assertIsInstance(last.refusals[1][1], PolicyDeferral)
        self.assertEqual(other.asked, ["mail"])

    def test_rejected_in_vain(self) -> None:
        """Trouble there does not change the refusal."""
        for answer in (ZeroDivisionError(), TemporaryFailure("away"), REFUSE):
            check = AttentiveCheck(rejected=answer)
            message = self._begin(check, on_failure=Decision.REFUSE)
            path = ForwardPath(Address("nobody", "example.org"))
            self.run_now(message.rejected(path, NoSuchUser("nobody")))
            self.assertEqual(len(check.refusals), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_data(self) -> None:
        """Who wants to is asked before the content; nobody else costs anything."""
        self.assertIsNone(self._begin(ToldCheck()).data())
        for answer, kind in ((REFUSE, PolicyRefusal), (DEFER, PolicyDeferral)):
            last = AttentiveCheck()
            message = self._begin(ToldCheck(), AttentiveCheck(data=answer), last)
            self.refused(message.data(), kind)
            self.assertEqual(last.asked, ["mail"])
        last = AttentiveCheck()
        message = self._begin(AttentiveCheck(), AttentiveCheck(data=ACCEPT), last)
        self.run_now(message.data())
        self.assertEqual(last.asked, ["mail"])
        discard = Verdict(Decision.DISCARD)
        message = self._begin(AttentiveCheck(data=discard))
        self.run_now(message.data())
        self.assertTrue(self.run_now(message.end()).discard)

    def test_envelope(self) -> None:
        """It can be changed at every stage of a message."""
        edit = AddRecipient(ALICE)
        add = Verdict(Decision.NEUTRAL, envelope=(edit,))
        stages = ("mail", "rcpt", "data", "end")
        message = self._begin(AttentiveCheck(**dict.fromkeys(stages, add)))
        self.run_now(self._rcpt(message))
        self.run_now(message.data())
        self.assertEqual(self.run_now(message.end()).envelope, [edit] * 4)

    def test_taken(self) -> None:
        """Every check knows which recipients are taken, by all of them."""
        first = ToldCheck(carol=ACCEPT)
        message = self._begin(first, ToldCheck(bob=REFUSE))
        for local in ("alice", "carol"):
            self.run_now(self._rcpt(message, local))
        self.refused(self._rcpt(message, "bob"), PolicyRefusal)
        (memory,) = first.memories
        self.assertEqual(memory["recipients"], [ALICE, Address("carol", "example.org")])

    def test_unchecked(self) -> None:
        """Where no check looks, messages share what asks; it remembers nothing."""
        checks = self._checks(ToldCheck(), spares=lambda one: True)
        message = checks.begin(origin(), "ID1")
        self.assertIs(message, checks.begin(origin(), "ID2"))
        path = ForwardPath(ALICE)
        before = repr(vars(message))
        self.run_now(message.mail(origin(), ReversePath(None)))
        self.run_now(message.rcpt(path))
        self.run_now(message.rejected(path, NoSuchUser("alice")))
        self.assertIsNone(message.data())
        self.assertIsNone(message.content(b"x"))
        self.run_now(message.end())
        message.over()
        self.assertEqual(repr(vars(message)), before)

    def test_inquiries(self) -> None:
        """VRFY and ETRN can be refused, by who wants to be asked."""
        for command in ("vrfy", "etrn"):
            for answer, kind in ((REFUSE, PolicyRefusal), (DEFER, PolicyDeferral)):
                checks = self._checks(ToldCheck(), AttentiveCheck(**{"a.b": answer}))
                self.refused(checks.asked(origin(), command, "a.b"), kind)
                self.run_now(checks.asked(origin(), command, "c.d"))

    def test_session(self) -> None:
        """Connect and HELO refuse, defer, or skip the others."""
        for stage, ask in (("connect", "connected"), ("helo", "greeted")):
            for answer, kind in ((REFUSE, PolicyRefusal), (DEFER, PolicyDeferral)):
                checks = self._checks(ToldCheck(), ToldCheck(**{stage: answer}))
                error: Any = self.refused(getattr(checks, ask)(origin()), kind)
                self.assertEqual(error.text, answer.text)
                self.assertEqual(error.code, answer.code)
            last = ToldCheck(**{stage: REFUSE})
            checks = self._checks(ToldCheck(**{stage: ACCEPT}), last)
            self.run_now(getattr(checks, ask)(origin()))
            self.assertEqual(last.asked, [])

    def test_spared(self) -> None:
        """A check does not look at those it spares."""
        check = ToldCheck(connect=REFUSE, mail=REFUSE)
        checks = self._checks(check, spares=lambda one: one.user is not None)
        user = origin(user="alice@example.org")
        self.run_now(checks.connected(user))
        self.run_now(checks.begin(user).mail(user, ReversePath(None)))
        self.assertEqual(check.asked, [])
        self.refused(checks.connected(origin()), PolicyRefusal)

    def test_whole_message(self) -> None:
        """Every stage in its order, one memory for the transaction."""
        check = ToldCheck()
        message = self._begin(check)
        self.run_now(self._rcpt(message))
        self.assertIsNone(message.content(b"ab"))
        outcome = self.run_now(message.end())
        message.over()
        message.over()
        self.assertEqual(check.asked, ["mail", "rcpt", "end", "over"])
        self.assertEqual(check.octets, [b"ab"])
        self.assertFalse(outcome.quarantine or outcome.discard or outcome.header)

    def test_order(self) -> None:
        """NEUTRAL and QUARANTINE go on, ACCEPT ends; at MAIL, for good."""
        neutral = Verdict(Decision.NEUTRAL, header=b"X-A: 1\r\n")
        first = ToldCheck(mail=neutral, end=JUNK)
        second = ToldCheck(
            mail=ACCEPT, end=Verdict(Decision.NEUTRAL, header=b"B: 2\r\n")
        )
        third = ToldCheck(mail=REFUSE, end=REFUSE)
        message = self._begin(first, second, third)
        outcome = self.run_now(message.end())
        message.over()
        self.assertEqual(outcome.header, b"X-A: 1\r\nB: 2\r\n")
        self.assertTrue(outcome.quarantine)
        self.assertEqual(third.asked, [])

    def test_recipients(self) -> None:
        """The verdict on one recipient is on it alone."""
        check = ToldCheck(bob=REFUSE, carol=JUNK, dave=DEFER)
        message = self._begin(check)
        self.run_now(self._rcpt(message))
        self.refused(self._rcpt(message, "bob"), PolicyRefusal)
        self.refused(self._rcpt(message, "dave"), PolicyDeferral)
        self.run_now(self._rcpt(message, "carol"))
        outcome = self.run_now(message.end())
        self.assertEqual(outcome.recipients, {Address("carol", "example.org"): None})
        self.assertFalse(outcome.quarantine)

    def test_recipients_at_end(self) -> None:
        """At the end there may be another verdict for some."""
        some = {ALICE: REFUSE, Address("bob", "example.org"): JUNK}
        message = self._begin(ToldCheck(end=Verdict(Decision.NEUTRAL, recipients=some)))
        outcome = self.run_now(message.end())
        self.assertIsInstance(outcome.recipients[ALICE], PolicyRefusal)
        self.assertIsNone(outcome.recipients[Address("bob", "example.org")])

    def test_refused_at_end(self) -> None:
        """The whole message is refused, deferred or discarded."""
        for answer, kind in ((REFUSE, PolicyRefusal), (DEFER, PolicyDeferral)):
            self.refused(self._begin(ToldCheck(end=answer)).end(), kind)
        for stage in ("mail", "rcpt", "end"):
            message = self._begin(ToldCheck(**{stage: Verdict(Decision.DISCARD)}))
            self.run_now(self._rcpt(message))
            self.assertTrue(self.run_now(message.end()).discard)

    def test_failure(self) -> None:
        """Each failure is answered for by the default."""
        for failure in (TemporaryFailure("x"), BadSyntax("y"), ZeroDivisionError()):
            for default, kind in (
                (Decision.DEFER, PolicyDeferral),
                (Decision.REFUSE, PolicyRefusal),
                (Decision.ACCEPT, None),
            ):
                for stage in ("rcpt", "content", "end"):
                    self._fails(ToldCheck(**{stage: failure}), default, kind, stage)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 9)

    def _fails(self, check: Any, default: Decision, kind: Any, stage: str) -> None:
        after = ToldCheck()
        message = self._begin(check, after, on_failure=default)
        if stage == "rcpt":
            asked: Any = self._rcpt(message)
        else:
            message.content(b"x")
            asked = message.end()
        if kind is None:
            self.run_now(asked)
            # To go on is not to skip the others.
            self.assertIn(stage, [*after.asked, "content"])
        else:
            self.refused(asked, kind)
        message.over()

    def test_failed_at_mail(self) -> None:
        """A check that failed at MAIL and does not matter is left out."""
        check = ToldCheck(mail=TemporaryFailure("away"), rcpt=REFUSE, end=REFUSE)
        message = self._begin(check, on_failure=Decision.ACCEPT)
        self.run_now(self._rcpt(message))
        self.assertIsNone(message.content(b"x"))
        self.run_now(message.end())
        message.over()
        self.assertEqual((check.asked, check.octets), (["mail", "over"], []))

    def test_bad_default(self) -> None:
        """A default says yes, later or no."""
        with self.assertRaises(ValueError):
            Configured("x", ToldCheck(), on_failure=Decision.QUARANTINE)

    def test_time(self) -> None:
        """A check that takes too long is answered for."""
        for stage in ("rcpt", "end"):
            never: Deferred[Any] = Deferred()
            message = self._begin(ToldCheck(**{stage: never}), timeout=5.0)
            asked = self._rcpt(message) if stage == "rcpt" else message.end()
            waiting = Deferred.fromCoroutine(asked)
            self.clock.advance(4.9)
            self.assertNoResult(waiting)
            self.clock.advance(0.2)
            self.failureResultOf(waiting, PolicyDeferral)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow_content(self) -> None:
        """Content waits for the slowest; who is too slow is asked no more."""
        slow: Deferred[None] = Deferred()
        slower: Deferred[None] = Deferred()
        first = ToldCheck(content=slow)
        second = ToldCheck(content=slower)
        message = self._begin(first, second, timeout=5.0)
        waiting: Any = message.content(b"a")
        done = Deferred.fromCoroutine(waiting)
        slow.callback(None)
        self.assertNoResult(done)
        self.clock.advance(6)
        self.successResultOf(done)
        first.answers["content"] = None
        self.assertIsNone(message.content(b"b"))
        self.assertEqual((first.octets, second.octets), ([b"a", b"b"], [b"a"]))
        self.refused(message.end(), PolicyDeferral)

    def test_mail_refused(self) -> None:
        """Who was asked is let go, whatever came of it."""
        first, second = ToldCheck(), ToldCheck(mail=REFUSE)
        message = self._checks(first, second).begin(origin())
        self.refused(message.mail(origin(), ReversePath(None)), PolicyRefusal)
        message.over()
        self.assertEqual(first.asked, ["mail", "over"])
        self.assertEqual(second.asked, ["mail", "over"])

    def test_refusals_are_mail_errors(self) -> None:
        """Temporary and permanent are kinds of what protocols know."""
        self.assertTrue(issubclass(PolicyDeferral, TemporaryFailure))
        self.assertFalse(issubclass(PolicyRefusal, TemporaryFailure))
        self.assertTrue(issubclass(PolicyRefusal, MailError))
