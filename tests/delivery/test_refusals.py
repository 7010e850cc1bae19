"""Refused mail in the log."""

from typing import Any

from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from zope.interface import implementer

from mailframe.delivery.checks import Checks
from mailframe.delivery.configured_check import Configured
from mailframe.delivery.inbound import InboundReceiver
from mailframe.delivery.submission import SubmissionReceiver
from mailframe.errors import MailError
from mailframe.interfaces.check import Decision, Verdict
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, ReversePath
from tests.delivery.check import ToldCheck
from tests.delivery.world import DeliveryTestCase, World

ALICE = Address("alice", "example.org")
SENDER = ReversePath(Address("x", "b.example"))


class RefusalTests(DeliveryTestCase):
    """One line for each, and none for what is taken."""

    def setUp(self) -> None:
        """Listen to the log."""
        self.lines: list[str] = []

        @implementer(ILogObserver)
        def keep(event: Any) -> None:
            if event.get("log_namespace") == "mailframe.delivery.refusals":
                self.lines.append(formatEvent(event))

        globalLogPublisher.addObserver(keep)
        self.addCleanup(globalLogPublisher.removeObserver, keep)

    def _world(self, **answers: Any) -> World:
        check = Configured("dnsbl", ToldCheck(**answers))
        return World(InboundReceiver, checks=Checks([check], None))

    def test_recipients(self) -> None:
        """Where, from whom, for whom and why."""
        world = World(InboundReceiver)
        transaction = self.run_now(world.receiver.begin(world.origin(), SENDER))
        for local, domain in (
            ("alice", "example.org"),
            ("mallory", "example.org"),
            ("y", "c.example"),
        ):
            waiting = transaction.recipient(ForwardPath(Address(local, domain)))
            if local == "alice":
                self.run_now(waiting)
            else:
                self.refused(waiting, MailError)
        begin = (
            'mail refused service=smtp client=192.0.2.1 helo="client.example" at=RCPT'
            ' from="x@b.example" to='
        )
        self.assertEqual(
            self.lines,
            [
                begin
                + '"mallory@example.org" reason="NoSuchUser: mallory@example.org"',
                begin + '"y@c.example"'
                ' reason="RelayDenied: c.example is not one of our domains"',
            ],
        )

    def test_checks(self) -> None:
        """The check is named, at every stage."""
        no = Verdict(Decision.REFUSE, "listed")
        later = Verdict(Decision.DEFER)
        world = self._world(connect=no, helo=later)
        receiver: Any = world.receiver
        origin = world.origin(helo="", client_address=None)
        self.refused(receiver.connected(origin), MailError)
        self.refused(receiver.greeted(world.origin()), MailError)
        self.assertEqual(
            self.lines,
            [
                'mail refused service=smtp client=local helo="" at=connect'
                ' reason="PolicyRefusal of dnsbl: listed"',
                'mail deferred service=smtp client=192.0.2.1 helo="client.example"'
                ' at=HELO reason="PolicyDeferral of dnsbl"',
            ],
        )

    def test_end(self) -> None:
        """A message that is refused at its end, as a whole or for some."""
        for answer, expected in (
            (Verdict(Decision.REFUSE, "spam"), 'at=end from="x@b.example" reason="'),
            (
                Verdict(
                    Decision.NEUTRAL,
                    recipients={ALICE: Verdict(Decision.REFUSE, "not she")},
                ),
                'at=end from="x@b.example" to="alice@example.org" reason="',
            ),
        ):
            self.lines.clear()
            world = self._world(end=answer)
            origin = world.origin(service="lmtp")
            transaction = self.run_now(world.receiver.begin(origin, SENDER))
            self.run_now(transaction.recipient(ForwardPath(ALICE)))
            transaction.write(b"\r\n")
            if answer.decision is Decision.REFUSE:
                self.refused(transaction.finish(), MailError)
            else:
                self.run_now(transaction.finish())
            (line,) = self.lines
            self.assertIn(expected + "PolicyRefusal of dnsbl: ", line)

    def test_submission(self) -> None:
        """Who sends under another's name is named."""
        world = World(SubmissionReceiver)
        origin = world.origin(user="bob@example.org", service="submission")
        self.refused(world.receiver.begin(origin, ReversePath(ALICE)), MailError)
        (line,) = self.lines
        self.assertIn(
            ' at=MAIL user="bob@example.org" from="alice@example.org"'
            ' reason="NotPermitted: bob@example.org may not send as',
            line,
        )

    def test_hostile(self) -> None:
        """Nothing a client says looks like another line, or ends its quotes."""
        world = World(InboundReceiver)
        origin = world.origin(helo='x" at="\n\u2028')
        transaction = self.run_now(world.receiver.begin(origin, SENDER))
        bad = Address('a" to="\r\n\\' + "\u00e4" * 400, "example.org")
        self.refused(transaction.recipient(ForwardPath(bad)), MailError)
        (line,) = self.lines
        self.assertIn(' helo="x? at=???" at=RCPT ', line)
        self.assertIn(' to="a? to=????', line)
        self.assertTrue(line.isascii() and line.isprintable())
        self.assertLess(len(line), 800)
