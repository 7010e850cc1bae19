"""TLS reports: what is counted, and what the domain is told (RFC 8460)."""

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import TemporaryFailure
from mailframe.net.tls_report import (
    DAY,
    MAX_DOMAINS,
    MAX_FAILURES,
    AppliedPolicy,
    Report,
    TLSFailure,
    TLSReports,
)
from tests.net.test_mta_sts import FakeResolver

STS = AppliedPolicy("sts", ("version: STSv1", "mode: testing"), ("*.example.com",))


class ReportTests(SynchronousTestCase):
    """One day after the other."""

    def setUp(self) -> None:
        """Begin on a day."""
        self.clock = Clock()
        self.clock.advance(20_000 * DAY)
        resolver: Any = FakeResolver()
        self.resolver = resolver
        resolver.texts = ["v=TLSRPTv1; rua=mailto:r@example.com,https://x/, ftp:x"]
        self.sent: list[tuple[str, str, Any]] = []
        self.trouble: dict[str, Exception] = {}
        self.reports = self.make()

    def make(self, delay: float = 0.0) -> TLSReports:
        """Return reports that are sent to a list."""

        async def send(report: Report) -> None:
            if report.uri in self.trouble:
                raise self.trouble[report.uri]
            self.sent.append((report.domain, report.uri, json.loads(report.text)))

        return TLSReports(
            self.resolver,
            send,
            organization="example.org",
            contact="postmaster@example.org",
            now=self.clock.seconds,
            delay=delay,
        )

    def send_due(self) -> int:
        """Send what is due."""
        done = Deferred.fromCoroutine(self.reports.send_due())
        found: int = self.successResultOf(done)
        return found

    def test_report(self) -> None:
        """A day's sessions, by policy and by failure."""
        self.reports.succeeded("example.com", STS)
        self.reports.succeeded("example.com")
        failure = TLSFailure("certificate-expired", "mx.example.com", "192.0.2.1")
        for _ in range(2):
            self.reports.failed("example.com", failure, STS)
        self.assertEqual(self.send_due(), 0)
        self.clock.advance(DAY)
        self.assertEqual(self.send_due(), 2)
        (domain, mail, report), (_, post, same) = self.sent
        self.assertEqual(domain, "example.com")
        self.assertEqual((mail, post), ("mailto:r@example.com", "https://x/"))
        self.assertEqual(report, same)
        self.assertEqual(
            report["date-range"],
            {
                "start-datetime": "2024-10-04T00:00:00Z",
                "end-datetime": "2024-10-04T23:59:59Z",
            },
        )
        sts, none = report["policies"]
        self.assertEqual(
            sts,
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-domain": "example.com",
                    "policy-string": ["version: STSv1", "mode: testing"],
                    "mx-host": ["*.example.com"],
                },
                "summary": {
                    "total-successful-session-count": 1,
                    "total-failure-session-count": 2,
                },
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "receiving-ip": "192.0.2.1",
                        "receiving-mx-hostname": "mx.example.com",
                        "failed-session-count": 2,
                    }
                ],
            },
        )
        self.assertEqual(none["policy"]["policy-type"], "no-policy-found")
        self.assertEqual(self.send_due(), 0)

    def test_unwanted(self) -> None:
        """Who publishes no address gets no report."""
        for texts in ([], ["v=TLSRPTv1"], ["v=TLSRPTv1; rua=mailto:a@b"] * 2):
            self.resolver.texts = texts
            self.reports.succeeded("example.com")
            self.clock.advance(DAY)
            self.assertEqual(self.send_due(), 0)

    def test_trouble(self) -> None:
        """A report that cannot be sent holds up no other, and is tried for a day.

        Source: RFC 8460 section 5.5.
        """
        self.reports.succeeded("a.example")
        self.clock.advance(DAY)
        self.trouble = {"https://x/": TemporaryFailure("busy")}
        self.assertEqual(self.send_due(), 1)
        self.assertEqual(self.send_due(), 0)
        for _ in range(23):
            self.clock.advance(3600)
            self.assertEqual(self.send_due(), 0)
        self.trouble.clear()
        self.clock.advance(3600)
        self.assertEqual(self.send_due(), 1)
        self.assertEqual([uri for _, uri, _ in self.sent][1:], ["https://x/"])
        self.assertEqual(self.reports.state()["finished"], [])

    def test_bug(self) -> None:
        """A bug in sending is logged, and given up in the end."""
        self.reports.succeeded("a.example")
        self.clock.advance(DAY)
        self.trouble = {"https://x/": ZeroDivisionError()}
        for _ in range(3):
            self.send_due()
            self.clock.advance(DAY)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)
        self.assertEqual(self.reports.state()["finished"], [])

    def test_delay(self) -> None:
        """Reports are sent some time after midnight."""
        self.reports = self.make(delay=7200)
        self.reports.succeeded("a.example")
        self.clock.advance(DAY)
        self.assertEqual(self.send_due(), 0)
        self.clock.advance(7200)
        self.assertEqual(self.send_due(), 2)

    def test_restart(self) -> None:
        """What was counted survives a restart, of today and of days before."""
        failure = TLSFailure("certificate-expired", "mx.example.com", "192.0.2.1")
        self.reports.failed("example.com", failure, STS)
        self.reports.succeeded("example.com")
        state = json.loads(json.dumps(self.reports.state()))
        self.reports = self.make()
        self.reports.restore(state)
        self.reports.failed("example.com", failure, STS)
        self.clock.advance(DAY)
        self.reports.succeeded("other.example")
        state = json.loads(json.dumps(self.reports.state()))
        self.reports = self.make()
        self.reports.restore(state)
        self.assertEqual(self.send_due(), 2)
        sts, none = self.sent[0][2]["policies"]
        self.assertEqual(sts["failure-details"][0]["failed-session-count"], 2)
        self.assertEqual(none["summary"]["total-successful-session-count"], 1)
        self.clock.advance(DAY)
        self.assertEqual(self.send_due(), 2)
        for junk in ({}, {"today": 1, "finished": [], "day": 1}, {"today": [["a", 1]]}):
            self.assertRaises(ValueError, self.make().restore, junk)

    def test_bounds(self) -> None:
        """No day is remembered without end."""
        for number in range(MAX_DOMAINS + 5):
            self.reports.succeeded(f"d{number}.example")
        for number in range(MAX_FAILURES + 5):
            self.reports.failed("d0.example", TLSFailure("x", f"mx{number}"))
        self.clock.advance(DAY)
        self.assertEqual(self.send_due(), 2 * MAX_DOMAINS)
        first = self.sent[0][2]["policies"][0]
        self.assertEqual(len(first["failure-details"]), MAX_FAILURES + 1)
        self.assertEqual(
            first["summary"]["total-failure-session-count"], MAX_FAILURES + 5
        )
