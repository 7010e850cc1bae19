"""Tests of :mod:`mailframe.outbound_reports`: a host's TLS reports, day by day."""

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.model.envelope import Envelope
from mailframe.net.tls_report import DAY, TLSFailure
from mailframe.outbound_reports import JITTER, HouseReports
from tests.net.test_mta_sts import FakeResolver


class HouseReportsTests(SynchronousTestCase):
    """Counted, kept, and sent once."""

    def setUp(self) -> None:
        """Begin on a day."""
        self.clock = Clock()
        self.clock.advance(20_000 * DAY)
        self.resolver: Any = FakeResolver()
        self.resolver.texts = ["v=TLSRPTv1; rua=mailto:tls@example.com"]
        self.path = Path(self.mktemp())
        self.submitted: list[tuple[Envelope, bytes]] = []
        self.reports = self.start()

    def start(self) -> HouseReports:
        """Return the reports of a host that starts."""

        async def submit(envelope: Envelope, octets: bytes) -> None:
            self.submitted.append((envelope, octets))

        clock: Any = self.clock
        found = HouseReports(
            clock, self.resolver, "mail.example.org", "example.org", self.path
        )
        found.serve(submit, lambda: "1abc")
        found.read()
        return found

    def look(self) -> None:
        """Let a minute's work be done."""

        async def run(call: Any, *arguments: Any) -> None:
            call(*arguments)

        self.successResultOf(Deferred.fromCoroutine(self.reports.look(run)))

    def test_days(self) -> None:
        """A restart loses nothing, and a report is sent once, after its day."""
        failure = TLSFailure("starttls-not-supported", "mx.example.com", "192.0.2.1")
        self.reports.counts.failed("example.com", failure)
        self.look()
        self.reports = self.start()
        for _ in range(int(DAY + JITTER) // 3600):
            self.look()
            self.clock.advance(3600)
        self.look()
        ((envelope, octets),) = self.submitted
        self.assertEqual(str(envelope.forward_paths[0].address), "tls@example.com")
        self.assertIn(b"TLS-Report-Submitter: mail.example.org\r\n", octets)
        self.reports = self.start()
        self.clock.advance(DAY)
        self.look()
        self.assertEqual(len(self.submitted), 1)

    def test_damaged(self) -> None:
        """A file that cannot be read is not the end."""
        self.path.write_text("{")
        self.reports = self.start()
        self.reports.counts.succeeded("example.com")
        self.look()
        self.assertIn("example.com", self.path.read_text())
