"""TLS reports: how sessions with each domain went, told to the domain once a day.

Source: RFC 8460 sections 3 and 4.
"""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from twisted.logger import Logger
from twisted.names import dns

from mailframe.net.dns import LookupFailed, Resolver, strings

_log = Logger()

MAX_DOMAINS = 10_000
"""Domains remembered in one day; more are not reported on."""

MAX_FAILURES = 100
"""Kinds of failures of one policy."""

DAY = 86_400
"""Seconds of what a report covers."""

# tlsrpt-record = tlsrpt-version 1*(field-delim tlsrpt-field)
#                                                    ; RFC 8460 section 3
_RECORD = re.compile(r"v=TLSRPTv1[ \t]*;")
_RUA = re.compile(r"(?:^|;)[ \t]*rua[ \t]*=[ \t]*([^;]+)")
_URI = re.compile(r"(?:mailto:|https://)[\x21-\x7e]{1,1000}")


@dataclass(frozen=True, slots=True)
class AppliedPolicy:
    """Which policy was applied to a session.

    Attributes:
        kind: ``sts``, ``tlsa`` or ``no-policy-found``.
        lines: The policy itself, as RFC 8460 section 4.4 has it.
        mx: The MX names of an ``sts`` policy.
    """

    kind: str = "no-policy-found"
    lines: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()


NO_POLICY = AppliedPolicy()


@dataclass(frozen=True, slots=True)
class TLSFailure:
    """One kind of failure.

    Attributes:
        problem: A result type of RFC 8460 section 4.3.
        mx: Name of the host, ``""`` when it did not come so far.
        address: Its address, ``""`` likewise.
    """

    problem: str
    mx: str = ""
    address: str = ""


@dataclass(slots=True)
class _Sessions:
    good: int = 0
    bad: Counter[TLSFailure] = field(default_factory=Counter)


Send = Callable[[str, Sequence[str], bytes], Awaitable[None]]


class TLSReports:
    """Counts sessions of one day after the other."""

    def __init__(
        self,
        resolver: Resolver,
        send: Send,
        *,
        organization: str,
        contact: str,
        now: Callable[[], float],
    ) -> None:
        """Begin with today.

        Args:
            resolver: Tells who wants reports.
            send: Sends one: the domain it is about, the URIs (``mailto:``,
                ``https:``) it goes to, and the JSON text. What it raises is
                logged, and the report is lost.
            organization: Who we are.
            contact: Our address for questions.
            now: Seconds since 1970.
        """
        self._resolver = resolver
        self._send = send
        self._organization = organization
        self._contact = contact
        self._now = now
        self._day = self._today()
        self._sessions: dict[str, dict[AppliedPolicy, _Sessions]] = {}
        self._done: list[tuple[int, dict[str, dict[AppliedPolicy, _Sessions]]]] = []

    def succeeded(self, domain: str, policy: AppliedPolicy = NO_POLICY) -> None:
        """Count a session that was as its policy wants it."""
        found = self._of(domain, policy)
        if found is not None:
            found.good += 1

    def failed(
        self, domain: str, failure: TLSFailure, policy: AppliedPolicy = NO_POLICY
    ) -> None:
        """Count a session that was not, whether mail was sent or not."""
        found = self._of(domain, policy)
        if found is None:
            return
        if failure not in found.bad and len(found.bad) >= MAX_FAILURES:
            failure = TLSFailure(failure.problem)
        found.bad[failure] += 1

    async def send_due(self) -> int:
        """Send what is complete: everything of the days before today.

        Call it soon after midnight UTC, with some jitter.

        Returns:
            How many reports were sent.

        Source: RFC 8460 sections 3 and 5.
        """
        self._turn()
        done, self._done = self._done, []
        sent = 0
        for day, sessions in done:
            for domain, policies in sessions.items():
                uris = await self._wanted(domain)
                if not uris:
                    continue
                text = json.dumps(self.report(day, domain, policies)).encode()
                try:
                    await self._send(domain, uris, text)
                except Exception:
                    _log.failure("the TLS report to {domain}", domain=domain)
                else:
                    sent += 1
        return sent

    def report(
        self, day: int, domain: str, policies: dict[AppliedPolicy, _Sessions]
    ) -> dict[str, Any]:
        """Return a report as JSON has it (RFC 8460 section 4.4).

        Args:
            day: Days since 1970.
            domain: Whom it is about.
            policies: Its sessions, by policy.
        """
        start = datetime.fromtimestamp(day * DAY, UTC)
        end = datetime.fromtimestamp(day * DAY + DAY - 1, UTC)
        return {
            "organization-name": self._organization,
            "date-range": {
                "start-datetime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
                "end-datetime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            },
            "contact-info": self._contact,
            "report-id": f"{start:%Y-%m-%d}_{domain}@{self._organization}",
            "policies": [
                _policy(domain, policy, sessions)
                for policy, sessions in policies.items()
            ],
        }

    def _today(self) -> int:
        return int(self._now() // DAY)

    def _turn(self) -> None:
        """Put away what belongs to a day that is over."""
        today = self._today()
        if today != self._day:
            if self._sessions:
                self._done.append((self._day, self._sessions))
                del self._done[:-2]
            self._day, self._sessions = today, {}

    def _of(self, domain: str, policy: AppliedPolicy) -> _Sessions | None:
        self._turn()
        if domain not in self._sessions and len(self._sessions) >= MAX_DOMAINS:
            return None
        return self._sessions.setdefault(domain, {}).setdefault(policy, _Sessions())

    async def _wanted(self, domain: str) -> list[str]:
        """Return where reports on a domain go (RFC 8460 section 3)."""
        try:
            answer = await self._resolver.lookup(f"_smtp._tls.{domain}", dns.TXT)
        except LookupFailed:
            return []
        texts = [strings(one) for one in answer.records]
        records = [text for text in texts if _RECORD.match(text)]
        match = _RUA.search(records[0]) if len(records) == 1 else None
        if match is None:
            return []
        uris = (uri.strip(" \t") for uri in match[1].split(","))
        return [uri for uri in uris if _URI.fullmatch(uri)]


def _policy(domain: str, policy: AppliedPolicy, sessions: _Sessions) -> dict[str, Any]:
    said: dict[str, Any] = {"policy-type": policy.kind, "policy-domain": domain}
    if policy.lines:
        said["policy-string"] = list(policy.lines)
    if policy.mx:
        said["mx-host"] = list(policy.mx)
    found: dict[str, Any] = {
        "policy": said,
        "summary": {
            "total-successful-session-count": sessions.good,
            "total-failure-session-count": sessions.bad.total(),
        },
    }
    if sessions.bad:
        found["failure-details"] = [
            _failure(failure, count) for failure, count in sessions.bad.items()
        ]
    return found


def _failure(failure: TLSFailure, count: int) -> dict[str, Any]:
    said: dict[str, Any] = {"result-type": failure.problem}
    if failure.address:
        said["receiving-ip"] = failure.address
    if failure.mx:
        said["receiving-mx-hostname"] = failure.mx
    return {**said, "failed-session-count": count}
