"""TLS reports: what is counted, and what the domain is told (RFC 8460)."""

import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.net.tls_report import (
    DAY,
    MAX_DOMAINS,
    MAX_FAILURES,
    AppliedPolicy,
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
        self.sent: list[tuple[str, Sequence[str], Any]] = []
        self.trouble: Exception | None = None

        async def send(domain: str, uris: Sequence[str], text: bytes) -> None:
            if self.trouble is not None:
                raise self.trouble
            self.sent.append((domain, uris, json.loads(text)))

        self.reports = TLSReports(
            self.resolver,
            send,
            organization="example.org",
            contact="postmaster@example.org",
            now=self.clock.seconds,
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
        self.assertEqual(self.send_due(), 1)
        ((domain, uris, report),) = self.sent
        self.assertEqual(domain, "example.com")
        self.assertEqual(uris, ["mailto:r@example.com", "https://x/"])
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
        """A report that cannot be sent holds up no other."""
        self.reports.succeeded("a.example")
        self.clock.advance(DAY)
        self.trouble = ZeroDivisionError()
        self.assertEqual(self.send_due(), 0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_bounds(self) -> None:
        """No day is remembered without end."""
        for number in range(MAX_DOMAINS + 5):
            self.reports.succeeded(f"d{number}.example")
        for number in range(MAX_FAILURES + 5):
            self.reports.failed("d0.example", TLSFailure("x", f"mx{number}"))
        self.clock.advance(DAY)
        self.assertEqual(self.send_due(), MAX_DOMAINS)
        first = self.sent[0][2]["policies"][0]
        self.assertEqual(len(first["failure-details"]), MAX_FAILURES + 1)
        self.assertEqual(
            first["summary"]["total-failure-session-count"], MAX_FAILURES + 5
        )
