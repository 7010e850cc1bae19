"""Tests of :mod:`mailframe.queue.notices` and :mod:`mailframe.queue.reports`."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import (
    MailError,
    NoSuchUser,
    OverQuota,
    RemoteReply,
    TemporaryFailure,
)
from mailframe.interfaces.delivery import Hop
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import (
    BodyType,
    DeliverBy,
    Envelope,
    ForwardPath,
    Origin,
    ReversePath,
)
from mailframe.queue.contract import Outcome, State
from mailframe.queue.reports import Kind, Line, Report, build, mailbox
from mailframe.queue.schedule import DAY, HOUR
from mailframe.queue.verdict import outcome_of
from mailframe.testing.spool_contract import START
from tests.queue.fakes import POSTMASTER, House, raising

MESSAGE = b"From: a@example.org\r\nSubject: hello\r\n\r\nThe body\r\n"


ALICE = Address("a", "example.org")


def refused(
    code: int = 550, enhanced: str | None = "5.1.1", text: str = "nobody"
) -> Any:
    """Return another host's refusal."""
    error = NoSuchUser("no") if code >= 500 else TemporaryFailure("later")
    error.reply = RemoteReply(code, enhanced, text, "mx.x.example")
    return error


def sent(*paths: ForwardPath, sender: Address | None = ALICE, **more: Any) -> Envelope:
    """Return an envelope."""
    origin = Origin("smtp", "ESMTP", "c.example", "192.0.2.1", "mail.example.org")
    return Envelope(ReversePath(sender, **more), paths, origin)


def to(text: str, *notify: str, **more: Any) -> ForwardPath:
    """Return a forward-path; ``notify`` may be ``NEVER``."""
    local, _, domain = text.rpartition("@")
    words = frozenset(notify) - {"NEVER"} if notify else None
    return ForwardPath(Address(local, domain), words, **more)


def parsed(octets: bytes) -> EmailMessage:
    """Return a report as the standard library reads it, which finds no fault."""
    found = message_from_bytes(octets, policy=policy.SMTP)
    for part in found.walk():
        assert not part.defects, part.defects
    return found


def blocks(report: EmailMessage) -> list[EmailMessage]:
    """Return the fields of the second part, block by block."""
    status: Any = report.get_payload(1)
    return list(status.get_payload())


class NoticesTestCase(SynchronousTestCase):
    """A test with a house whose one destination does as told."""

    def setUp(self) -> None:
        self.house = House()
        self.house.runner.start()

    def try_all(
        self, envelope: Any, answer: Any, seconds: Any = 0.0, octets: Any = MESSAGE
    ) -> Any:
        """Queue a message, let ``seconds`` pass, return the reports."""
        self.house.relay.answers["mx.x.example"] = answer
        self.house.add_envelope(envelope, octets)
        self.house.go_on(seconds)
        return [parsed(octets) for _, octets in self.house.reports]


class FailureTests(NoticesTestCase):
    """A failure is told."""

    def test_report(self) -> None:
        """The report has its three parts, for people, programs and memory."""
        (report,) = self.try_all(
            sent(to("b@x.example"), envid="my id"), lambda *args: refused()
        )
        ((envelope, octets),) = self.house.reports
        self.assertIsNone(envelope.reverse_path.address)
        self.assertEqual(
            envelope.forward_paths,
            (ForwardPath(Address("a", "example.org"), frozenset()),),
        )
        self.assertEqual(report.get_content_type(), "multipart/report")
        self.assertEqual(report.get_param("report-type"), "delivery-status")
        self.assertEqual(report["To"], "a@example.org")
        self.assertEqual(report["Auto-Submitted"], "auto-replied")
        self.assertEqual(report["Message-ID"], "<report000001@mail.example.org>")
        self.assertEqual(report["Date"], "Tue, 14 Nov 2023 22:13:20 +0000")
        words, status, original = report.get_payload()
        self.assertIn("<b@x.example>", words.get_content())
        self.assertIn("mx.x.example said: 550 5.1.1 nobody", words.get_content())
        self.assertEqual(status.get_content_type(), "message/delivery-status")
        message, recipient = blocks(report)
        self.assertEqual(message["Reporting-MTA"], "dns; mail.example.org")
        self.assertEqual(message["Original-Envelope-Id"], "my id")
        self.assertEqual(message["Arrival-Date"], "Tue, 14 Nov 2023 22:13:20 +0000")
        self.assertEqual(recipient["Final-Recipient"], "rfc822;b@x.example")
        self.assertIsNone(recipient["Original-Recipient"])
        self.assertEqual(recipient["Action"], "failed")
        self.assertEqual(recipient["Status"], "5.1.1")
        self.assertEqual(recipient["Remote-MTA"], "dns; mx.x.example")
        self.assertEqual(recipient["Diagnostic-Code"], "smtp; 550 5.1.1 nobody")
        self.assertEqual(original.get_content_type(), "message/rfc822")
        self.assertEqual(original.get_payload(0)["Subject"], "hello")
        self.assertIn(MESSAGE, octets)
        for line in octets.split(b"\r\n"):
            self.assertLess(len(line), 200)
            self.assertNotIn(b"\n", line)

    def test_several_recipients(self) -> None:
        """One report tells of all recipients that failed, and of no other."""
        (report,) = self.try_all(
            sent(to("b@x.example"), to("c@x.example"), to("d@x.example")),
            lambda *args: [refused(), None, refused()],
        )
        self.assertEqual(
            [one["Final-Recipient"] for one in blocks(report)[1:]],
            ["rfc822;b@x.example", "rfc822;d@x.example"],
        )

    def test_notify(self) -> None:
        """Who asked for NEVER, or not for failures, is not told."""
        paths = [
            to("b@x.example", "NEVER"),
            to("c@x.example", "SUCCESS", "DELAY"),
            to("d@x.example", "FAILURE"),
            to("e@x.example"),
        ]
        (report,) = self.try_all(sent(*paths), lambda *args: refused())
        self.assertEqual(
            [one["Final-Recipient"] for one in blocks(report)[1:]],
            ["rfc822;d@x.example", "rfc822;e@x.example"],
        )
        self.assertEqual(self.house.messages(), [])

    def test_orcpt(self) -> None:
        """The original recipient is named as the sender wrote it."""
        (report,) = self.try_all(
            sent(to("b@x.example", orcpt=("rfc822", "Bob+x@old.example"))),
            lambda *args: refused(),
        )
        self.assertEqual(
            blocks(report)[1]["Original-Recipient"], "rfc822;Bob+x@old.example"
        )

    def test_ret(self) -> None:
        """RET says how much of the message is returned."""
        large = MESSAGE + b"x" * 70 + b"\r\n" + (b"y" * 78 + b"\r\n") * 700
        for ret, octets, found in (
            ("HDRS", MESSAGE, "text/rfc822-headers"),
            ("FULL", MESSAGE, "message/rfc822"),
            (None, large, "text/rfc822-headers"),
            ("FULL", large, "message/rfc822"),
            ("FULL", large * 20, "text/rfc822-headers"),
        ):
            self.house.reports.clear()
            (report,) = self.try_all(
                sent(to("b@x.example"), ret=ret), lambda *args: refused(), octets=octets
            )
            self.assertEqual(report.get_payload(2).get_content_type(), found)

    def test_require_tls(self) -> None:
        """A report is protected as the message was, and holds no text of it."""
        (report,) = self.try_all(
            sent(to("b@x.example"), ret="FULL", require_tls=True),
            lambda *args: refused(),
        )
        self.assertEqual(
            report.get_payload(2).get_content_type(), "text/rfc822-headers"
        )
        ((envelope, _),) = self.house.reports
        self.assertTrue(envelope.reverse_path.require_tls)

    def test_binary(self) -> None:
        """Of a binary message the header is returned."""
        (report,) = self.try_all(
            sent(to("b@x.example"), ret="FULL", body=BodyType.BINARY_MIME),
            lambda *args: refused(),
            octets=MESSAGE + b"\0\n\r\xff",
        )
        original = report.get_payload(2)
        self.assertEqual(original.get_content_type(), "text/rfc822-headers")

    def test_eight_bit(self) -> None:
        """An eight-bit message is returned as it is, and declared."""
        octets = MESSAGE + "gr\u00fc\u00dfe\r\n".encode()
        (report,) = self.try_all(
            sent(to("b@x.example"), body=BodyType.EIGHT_BIT_MIME),
            lambda *args: refused(),
            octets=octets,
        )
        ((envelope, found),) = self.house.reports
        self.assertIn(octets, found)
        self.assertEqual(envelope.reverse_path.body, BodyType.EIGHT_BIT_MIME)
        self.assertFalse(envelope.reverse_path.smtputf8)
        self.assertEqual(report.get_payload(2)["Content-Transfer-Encoding"], "8bit")

    def test_expired(self) -> None:
        """After five days the report says so, with what the host said last."""
        reports = self.try_all(
            sent(to("b@x.example", "FAILURE")),
            lambda *args: refused(450, "4.2.0", "busy"),
            6 * DAY,
        )
        (report,) = reports
        recipient = blocks(report)[1]
        self.assertEqual(recipient["Action"], "failed")
        self.assertEqual(recipient["Status"], "4.2.0")
        words = " ".join(report.get_payload(0).get_content().split())
        self.assertIn(
            "could not be delivered in time: mx.x.example said: 450 4.2.0 busy", words
        )

    def test_forged_sender(self) -> None:
        """Whoever certainly did not send it is not told."""
        self.house = House(is_forged=lambda envelope: envelope.origin.user is None)
        self.house.runner.start()
        reports = self.try_all(sent(to("b@x.example")), lambda *args: refused())
        self.assertEqual(reports, [])
        self.assertEqual(self.house.messages(), [])

    def test_hostile_reply(self) -> None:
        """What a peer says cannot break out of its field."""
        text = (
            "no\r\nStatus: 2.0.0\r\n\r\n--=report000001=--\0\x1b[2J\u2028" + "w" * 5000
        )
        (report,) = self.try_all(
            sent(to("b@x.example")), lambda *args: refused(text=text)
        )
        self.assertEqual(len(report.get_payload()), 3)
        self.assertEqual(len(blocks(report)), 2)
        self.assertEqual(blocks(report)[1].get_all("Status"), ["5.1.1"])
        ((_, octets),) = self.house.reports
        self.assertNotIn(b"\x1b", octets)
        self.assertLess(max(map(len, octets.split(b"\r\n"))), 998)

    def test_boundary_in_the_message(self) -> None:
        """A message that has our boundary in it does not end the report."""
        (report,) = self.try_all(
            sent(to("b@x.example")),
            lambda *args: refused(),
            octets=MESSAGE + b"--=report000001=--\r\nmore\r\n",
        )
        self.assertEqual(len(report.get_payload()), 3)


class DoubleTests(NoticesTestCase):
    """A report is never answered with a report."""

    def test_postmaster(self) -> None:
        """The failure of a message without a sender is told the postmaster."""
        (report,) = self.try_all(
            sent(to("b@x.example"), sender=None), lambda *args: refused()
        )
        ((envelope, _),) = self.house.reports
        self.assertEqual(envelope.forward_paths[0].address, POSTMASTER)
        self.assertIsNone(envelope.reverse_path.address)
        self.assertEqual(
            report.get_payload(2).get_content_type(), "text/rfc822-headers"
        )

    def test_end(self) -> None:
        """When the postmaster cannot be reached either, nobody is told."""
        for address in ("postmaster@x.example", "Mailer-Daemon@x.example"):
            reports = self.try_all(
                sent(to(address), sender=None), lambda *args: refused()
            )
            self.assertEqual(reports, [])
        self.assertEqual(self.house.messages(), [])

    def test_no_warning(self) -> None:
        """A message without a sender that is delayed is nobody's worry."""
        reports = self.try_all(
            sent(to("b@x.example"), sender=None),
            raising(TemporaryFailure("down")),
            DAY,
        )
        self.assertEqual(reports, [])

    def test_never(self) -> None:
        """NOTIFY=NEVER holds for those, too."""
        reports = self.try_all(
            sent(to("b@x.example", "NEVER"), sender=None), lambda *args: refused()
        )
        self.assertEqual(reports, [])


class DelayTests(NoticesTestCase):
    """A delay is told, once."""

    def test_once(self) -> None:
        """After four hours the sender is told, and until when it is tried."""
        paths = [
            to("b@x.example"),
            to("c@x.example", "FAILURE"),
            to("d@x.example", "DELAY"),
        ]
        down = raising(TemporaryFailure("connection refused"))
        self.assertEqual(self.try_all(sent(*paths, ret="FULL"), down, 4 * HOUR - 1), [])
        self.house.go_on(2 * DAY)
        ((_, octets),) = self.house.reports
        report = parsed(octets)
        found = blocks(report)[1:]
        self.assertEqual(
            [one["Final-Recipient"] for one in found],
            ["rfc822;b@x.example", "rfc822;d@x.example"],
        )
        self.assertEqual({one["Action"] for one in found}, {"delayed"})
        self.assertEqual(
            found[0]["Will-Retry-Until"], "Sun, 19 Nov 2023 22:13:20 +0000"
        )
        self.assertEqual(found[0]["Diagnostic-Code"], "x-mailframe; connection refused")
        self.assertEqual(
            report.get_payload(2).get_content_type(), "text/rfc822-headers"
        )

    def test_again_when_it_could_not_be_sent(self) -> None:
        """A warning that could not be sent is sent after the next attempt."""
        self.house.submit_error = TemporaryFailure("full")
        down = raising(TemporaryFailure("down"))
        self.try_all(sent(to("b@x.example")), down, 5 * HOUR)
        self.house.submit_error = None
        self.house.go_on(5 * HOUR)
        self.assertEqual(len(self.house.reports), 1)


class SuccessTests(NoticesTestCase):
    """Success is told when that was asked for, by whoever is last to know."""

    def test_relayed(self) -> None:
        """A peer that does not report itself is told of as "relayed"."""
        (report,) = self.try_all(
            sent(to("b@x.example", "SUCCESS"), to("c@x.example"), ret="FULL"),
            lambda *args: None,
        )
        message, recipient = blocks(report)
        self.assertEqual(recipient["Action"], "relayed")
        self.assertEqual(recipient["Status"], "2.0.0")
        self.assertEqual(recipient["Remote-MTA"], "dns; mx.x.example")
        self.assertEqual(
            report.get_payload(2).get_content_type(), "text/rfc822-headers"
        )

    def test_peer_reports(self) -> None:
        """When the peer reports itself we do not."""
        self.house.relay.reporting.add("mx.x.example")
        reports = self.try_all(sent(to("b@x.example", "SUCCESS")), lambda *args: None)
        self.assertEqual(reports, [])

    def test_traced(self) -> None:
        """Who traces hears of this hop, whatever the peer tells (RFC 2852)."""
        self.house.relay.reporting.add("mx.x.example")
        by = DeliverBy(START + 1e9, bounce=False, trace=True)
        (report,) = self.try_all(
            sent(to("b@x.example"), to("c@x.example", "NEVER"), deliver_by=by),
            lambda *args: None,
        )
        (recipient,) = blocks(report)[1:]
        self.assertEqual(recipient["Final-Recipient"], "rfc822;b@x.example")
        self.assertEqual(recipient["Action"], "relayed")

    def test_unwatched(self) -> None:
        """So does who has a time, where nobody minds it any more (RFC 2852)."""
        for bounce, host, expected in (
            (False, "other", 1),
            (False, "mx.x.example", 0),
            (True, "other", 0),
        ):
            self.house.reports.clear()
            self.house.relay.reporting = {host}
            by = DeliverBy(START + 1e6, bounce=bounce)
            reports = self.try_all(
                sent(to("b@x.example"), deliver_by=by), lambda *args: None
            )
            self.assertEqual(len(reports), expected)
            for report in reports:
                self.assertEqual(blocks(report)[1]["Action"], "relayed")

    def test_times(self) -> None:
        """What was asked of time is told (RFC 2852 section 5, RFC 4865 5.1.2)."""
        (report,) = self.try_all(
            sent(
                to("b@x.example", "SUCCESS"),
                deliver_by=DeliverBy(START + HOUR, bounce=True),
                asked_hold="for;60",
            ),
            lambda *args: None,
        )
        message = blocks(report)[0]
        self.assertEqual(message["Deliver-By-Date"], "Tue, 14 Nov 2023 23:13:20 +0000")
        self.assertEqual(message["Future-Release-Request"], "for;60")
        self.assertEqual(message["Arrival-Date"], "Tue, 14 Nov 2023 22:13:20 +0000")

    def test_priority(self) -> None:
        """A report is as urgent as what it tells of (RFC 6710 section 4.6)."""
        for priority in (4, -4):
            self.house.reports.clear()
            self.try_all(
                sent(to("b@x.example", "SUCCESS"), priority=priority),
                lambda *args: None,
            )
            ((envelope, _),) = self.house.reports
            self.assertEqual(envelope.reverse_path.priority, priority)

    def test_delivered(self) -> None:
        """Over LMTP the message has arrived."""
        self.house.router.answers["x.example"] = [Hop("mx.x.example", lmtp=True)]
        (report,) = self.try_all(sent(to("b@x.example", "SUCCESS")), lambda *args: None)
        self.assertEqual(blocks(report)[1]["Action"], "delivered")

    def test_without_the_queue(self) -> None:
        """Who had the mail at once is told of the same way; nobody is not."""
        for sender, expected in ((ALICE, 1), (None, 1)):
            envelope = sent(
                to("b@example.org", "SUCCESS"),
                to("list@example.org", "SUCCESS"),
                sender=sender,
                envid="E",
            )
            told = self.house.notices.succeeded(
                "ID", envelope, ("delivered", "expanded"), MemoryContent(MESSAGE), START
            )
            self.successResultOf(Deferred.fromCoroutine(told))
            self.assertEqual(len(self.house.reports), expected)
        message, first, second = blocks(parsed(self.house.reports[0][1]))
        self.assertEqual(message["Original-Envelope-Id"], "E")
        self.assertEqual((first["Action"], second["Action"]), ("delivered", "expanded"))
        self.assertEqual(first["Final-Recipient"], "rfc822;b@example.org")

    def test_report_lost(self) -> None:
        """A success that cannot be told does not keep the message."""
        self.house.submit_error = TemporaryFailure("full")
        self.try_all(sent(to("b@x.example", "SUCCESS")), lambda *args: None)
        self.assertEqual(self.house.messages(), [])


class GlobalTests(NoticesTestCase):
    """Reports on internationalized mail (RFC 6533)."""

    def test_form(self) -> None:
        """Addresses are written in UTF-8, and the types say so."""
        (report,) = self.try_all(
            sent(
                to("b\u00f6b@x.example", orcpt=("utf-8", "b\u00f6b@old.example")),
                smtputf8=True,
            ),
            lambda *args: refused(text="unbekannt: b\u00f6b"),
        )
        ((envelope, octets),) = self.house.reports
        self.assertTrue(envelope.reverse_path.smtputf8)
        self.assertEqual(report.get_param("report-type"), "global-delivery-status")
        types = [part.get_content_type() for part in report.get_payload()]
        self.assertEqual(
            types, ["text/plain", "message/global-delivery-status", "message/global"]
        )
        text = octets.decode()
        self.assertIn("\r\nFinal-Recipient: utf-8;b\u00f6b@x.example\r\n", text)
        self.assertIn("\r\nOriginal-Recipient: utf-8;b\u00f6b@old.example\r\n", text)
        self.assertIn("unbekannt: b\u00f6b", text)

    def test_headers(self) -> None:
        """The header alone has its own type."""
        (report,) = self.try_all(
            sent(to("b@x.example"), smtputf8=True, ret="HDRS"), lambda *args: refused()
        )
        self.assertEqual(
            report.get_payload(2).get_content_type(), "message/global-headers"
        )

    def test_ascii_else(self) -> None:
        """Without need, what a peer says is put into ASCII."""
        self.try_all(sent(to("b@x.example")), lambda *args: refused(text="b\u00f6b"))
        ((_, octets),) = self.house.reports
        self.assertTrue(octets.isascii())
        self.assertIn(b"550 5.1.1 b?b", octets)


class RepeatedTests(NoticesTestCase):
    """One address does not get reports without end."""

    def test_bound(self) -> None:
        """More than so many in an hour are not sent; the next hour is new."""
        self.house = House(per_hour=3)
        self.house.runner.start()
        self.house.relay.answers["mx.x.example"] = lambda *args: refused()
        for _ in range(10):
            self.house.add("b@x.example", sender="a@example.org")
        self.house.add("b@x.example", sender="other@example.org")
        self.house.go_on(1)
        self.assertEqual(len(self.house.reports), 4)
        self.assertEqual(self.house.messages(), [])
        self.house.go_on(HOUR)
        self.house.add("b@x.example", sender="a@example.org")
        self.house.go_on(1)
        self.assertEqual(len(self.house.reports), 5)


class VerdictTests(SynchronousTestCase):
    """What a refusal means."""

    def test_table(self) -> None:
        """State and status follow the kind and the code of the refusal."""
        full = OverQuota("full")
        full.reply = RemoteReply(552, "5.2.2", "full", "h")
        odd = MailError("odd")
        odd.status = "4.9.9"
        for error, state, status in (
            (None, State.DELIVERED, "2.0.0"),
            (refused(), State.FAILED, "5.1.1"),
            (refused(554, None), State.FAILED, "5.1.1"),
            (refused(451, None), State.DEFERRED, "4.0.0"),
            (full, State.FAILED, "5.2.2"),
            (OverQuota("full"), State.DEFERRED, "4.2.2"),
            (odd, State.FAILED, "5.9.9"),
            (MailError("no"), State.FAILED, "5.0.0"),
        ):
            found = outcome_of(error, "h")
            self.assertEqual((found.state, found.status), (state, status))


class BuildTests(SynchronousTestCase):
    """Corners of the form."""

    def test_no_header_end(self) -> None:
        """A message of which only a part of the header is at hand is whole lines."""
        report = Report(
            Kind.FAILED,
            "h.example",
            Address('we"ird  one', "example.org"),
            "id",
            sent(to("b@x.example")),
            (Line(to("b c@x.example"), Outcome(State.FAILED, "5.0.0"), "failed"),),
            START,
            START,
            START,
            "unique",
            False,
            b"Subject: cut her",
        )
        found = parsed(build(report))
        self.assertEqual(found["To"], '"we\\"ird  one"@example.org')
        self.assertEqual(blocks(found)[1]["Final-Recipient"], 'rfc822;"b c"@x.example')
        self.assertIsNone(blocks(found)[1]["Diagnostic-Code"])

    def test_mailbox(self) -> None:
        """The local postmaster has no domain."""
        self.assertEqual(mailbox(Address("postmaster", "")), "postmaster")
