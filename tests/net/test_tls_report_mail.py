"""TLS reports as mail and over HTTPS (RFC 8460 section 5)."""

import gzip
import json
from email import message_from_bytes
from typing import Any

from twisted.internet import defer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import MailError
from mailframe.model.address import Address
from mailframe.model.envelope import Envelope
from mailframe.net.tls_report import Report
from mailframe.net.tls_report_mail import message, recipient_of
from mailframe.net.tls_report_send import NEVER, ReportSender

REPORT = Report(
    "example.com",
    "mailto:tls@example.com",
    20_000,
    "2024-10-04_example.com@mail.example.org",
    json.dumps({"report-id": "x", "policies": ["y" * 2000]}).encode(),
)
SENDER = Address("postmaster", "example.org")


class MessageTests(SynchronousTestCase):
    """The form of RFC 8460 section 5.3."""

    def test_form(self) -> None:
        """Its fields, its type, and the report as it was."""
        octets = message(
            REPORT,
            Address("tls", "example.com"),
            submitter="mail.example.org",
            sender=SENDER,
            now=20_001 * 86_400.0,
            identity="1abc",
        )
        self.assertTrue(all(len(line) <= 78 for line in octets.split(b"\r\n")))
        self.assertNotIn(b"\n", octets.replace(b"\r\n", b""))
        found = message_from_bytes(octets)
        for name, value in (
            ("From", "<postmaster@example.org>"),
            ("To", "<tls@example.com>"),
            ("TLS-Report-Domain", "example.com"),
            ("TLS-Report-Submitter", "mail.example.org"),
            ("TLS-Required", "No"),
            ("Auto-Submitted", "auto-generated"),
            ("Date", "Sat, 05 Oct 2024 00:00:00 -0000"),
            ("Message-ID", "<1abc@mail.example.org>"),
        ):
            self.assertEqual(found[name], value)
        subject = " ".join(found["Subject"].split())
        self.assertEqual(
            subject,
            "Report Domain: example.com Submitter: mail.example.org Report-ID:"
            " <2024-10-04_example.com@mail.example.org>",
        )
        self.assertEqual(found.get_content_type(), "multipart/report")
        self.assertEqual(found.get_param("report-type"), "tlsrpt")
        parts: Any = found.get_payload()
        text, attached = parts
        self.assertEqual(text.get_content_type(), "text/plain")
        self.assertEqual(attached.get_content_type(), "application/tlsrpt+gzip")
        self.assertEqual(
            attached.get_filename(),
            "mail.example.org!example.com!1728000000!1728086399.json.gz",
        )
        whole = gzip.decompress(attached.get_payload(decode=True))
        self.assertEqual(whole, REPORT.text)

    def test_recipient(self) -> None:
        """Only an address counts of a ``mailto:`` URI."""
        for uri, address in (
            ("mailto:tls@Example.com", Address("tls", "example.com")),
            ("mailto:a%2Bb@example.com?subject=x", Address("a+b", "example.com")),
            ("mailto:", None),
            ("mailto:nobody", None),
            ("mailto:a@b%0d%0aBcc:c@d", None),
            ("mailto:a@b,c@d", None),
            ("mailto:<a@b>", None),
        ):
            self.assertEqual(recipient_of(uri), address)


class Answer:
    """What an HTTPS server says."""

    def __init__(self, code: int) -> None:
        self.code = code

    def deliverBody(self, protocol: Any) -> None:
        """Nobody wants it."""


class SenderTests(SynchronousTestCase):
    """By mail through our own queue, and over HTTPS."""

    def setUp(self) -> None:
        """Make a sender."""
        self.submitted: list[tuple[Envelope, bytes]] = []
        self.posted: list[tuple[bytes, bytes, Any, bytes]] = []
        self.answer: Any = Answer(201)
        clock: Any = Clock()

        async def submit(envelope: Envelope, octets: bytes) -> None:
            self.submitted.append((envelope, octets))

        self.send = ReportSender(
            clock,
            None,  # type: ignore[arg-type]
            submit,
            submitter="mail.example.org",
            sender=SENDER,
            identify=lambda: "1abc",
        )
        self.send._agent = self  # The agent itself is tested with MTA-STS.

    def request(self, method: bytes, uri: bytes, headers: Any, body: Any) -> Any:
        """Be the agent."""
        written: list[bytes] = []
        body.startProducing(type("Consumer", (), {"write": written.append}))
        kinds = headers.getRawHeaders(b"content-type")
        self.posted.append((method, uri, kinds, b"".join(written)))
        if isinstance(self.answer, Exception):
            return defer.fail(self.answer)
        return defer.succeed(self.answer)

    def sending(self, uri: str) -> "defer.Deferred[None]":
        """Send a report there."""
        report = Report("example.com", uri, REPORT.day, REPORT.name, REPORT.text)
        return defer.Deferred.fromCoroutine(self.send(report))

    def test_mail(self) -> None:
        """A message in the queue, of which nobody is told when it fails."""
        self.successResultOf(self.sending("mailto:tls@example.com"))
        ((envelope, octets),) = self.submitted
        self.assertEqual(envelope.reverse_path.address, SENDER)
        (path,) = envelope.forward_paths
        self.assertEqual(path.address, Address("tls", "example.com"))
        self.assertEqual(path.notify, NEVER)
        self.assertIn(b"TLS-Report-Domain: example.com\r\n", octets)

    def test_unusable(self) -> None:
        """An address that is none is passed over."""
        self.successResultOf(self.sending("mailto:nobody"))
        self.assertEqual(self.submitted, [])

    def test_post(self) -> None:
        """The compressed report, with its type."""
        self.successResultOf(self.sending("https://example.com/tls"))
        ((method, uri, kinds, body),) = self.posted
        self.assertEqual((method, uri), (b"POST", b"https://example.com/tls"))
        self.assertEqual(kinds, [b"application/tlsrpt+gzip"])
        self.assertEqual(gzip.decompress(body), REPORT.text)

    def test_refused(self) -> None:
        """What the endpoint does not take is tried again."""
        for self.answer in (Answer(500), OSError("no route")):
            self.failureResultOf(self.sending("https://example.com/tls"), MailError)
