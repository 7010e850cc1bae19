"""TLS reports: how sessions with each domain went, told to the domain once a day.

Source: RFC 8460 sections 3, 4 and 5.
"""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from twisted.logger import Logger
from twisted.names import dns

from mailframe.errors import MailError
from mailframe.net.dns import LookupFailed, Resolver, strings

_log = Logger()

MAX_DOMAINS = 10_000
"""Domains remembered in one day; more are not reported on."""

MAX_FAILURES = 100
"""Kinds of failures of one policy."""

DAY = 86_400
"""Seconds of what a report covers."""

AGAIN = 3600.0
"""Seconds until a report that could not be sent is tried again."""

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


Policies = dict[AppliedPolicy, _Sessions]


@dataclass(frozen=True, slots=True)
class Report:
    """One report, for one of the addresses it goes to.

    Attributes:
        domain: Whom it is about.
        uri: Where it goes: ``mailto:`` or ``https:``.
        day: Days since 1970.
        name: Its ``report-id``.
        text: JSON.
    """

    domain: str
    uri: str
    day: int
    name: str
    text: bytes


@dataclass(slots=True)
class _Finished:
    """What is still to be reported of a day that is over.

    Attributes:
        day: Days since 1970.
        domain: Whom it is about.
        policies: Its sessions.
        uris: Where the report still has to go; ``None`` before that is known.
    """

    day: int
    domain: str
    policies: Policies
    uris: list[str] | None = None


Send = Callable[[Report], Awaitable[None]]


class TLSReports:
    """Counts sessions of one day after the other.

    Attributes:
        changed: Whether there is something to keep since that was last set to
            False.
    """

    def __init__(
        self,
        resolver: Resolver,
        send: Send,
        *,
        organization: str,
        contact: str,
        now: Callable[[], float],
        delay: float = 0.0,
    ) -> None:
        """Begin with today.

        Args:
            resolver: Tells who wants reports.
            send: Sends one. When it raises, it is asked again later, up to a
                day long.
            organization: Who we are.
            contact: Our address for questions.
            now: Seconds since 1970.
            delay: Seconds after midnight UTC when reports are sent: up to four
                hours, by chance, so that not all of the world's come at once.
        """
        self._resolver = resolver
        self._send = send
        self._organization = organization
        self._contact = contact
        self._now = now
        self._delay = delay
        self._day = self._today()
        self._sessions: dict[str, Policies] = {}
        self._finished: list[_Finished] = []
        self._next = 0.0
        self._sending = False
        self.changed = False

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
        """Send what is complete and due; call it every minute or so.

        Returns:
            How many reports were sent.

        Source: RFC 8460 sections 4.2 (a day of UTC; jitter) and 5.5 (redelivery
        for 24 hours).
        """
        self._turn()
        now = self._now()
        if self._sending or not self._finished or now < self._next:
            return 0
        if now < self._today() * DAY + self._delay:
            return 0
        self._sending = True
        self._next = now + AGAIN
        sent = 0
        try:
            for one in list(self._finished):
                sent += await self._send_one(one)
                if not one.uris or one.day + 2 < self._today():
                    self._finished.remove(one)
                self.changed = True
        finally:
            self._sending = False
        return sent

    async def _send_one(self, one: _Finished) -> int:
        """Send the reports on one domain; those that fail stay in ``uris``."""
        if one.uris is None:
            one.uris = await self._wanted(one.domain)
        text = self.report(one.day, one.domain, one.policies)
        octets = json.dumps(text).encode()
        left = []
        for uri in one.uris:
            report = Report(one.domain, uri, one.day, text["report-id"], octets)
            try:
                await self._send(report)
            except MailError as error:
                _log.info(
                    "TLS report on {domain} to {uri}: {error!r}",
                    domain=one.domain,
                    uri=uri,
                    error=error,
                )
                left.append(uri)
            except Exception:
                _log.failure("TLS report on {domain}", domain=one.domain)
                left.append(uri)
        sent, one.uris = len(one.uris) - len(left), left
        return sent

    # What is kept over a restart.

    def state(self) -> dict[str, Any]:
        """Return all that is known, as JSON has it."""
        finished = [
            [one.day, one.domain, _packed(one.policies), one.uris]
            for one in self._finished
        ]
        today = [
            [domain, _packed(policies)] for domain, policies in self._sessions.items()
        ]
        return {"day": self._day, "today": today, "finished": finished}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with what :meth:`state` returned.

        Raises:
            ValueError: It is nothing of the kind.
        """
        try:
            self._sessions = {
                domain: _unpacked(packed) for domain, packed in state["today"]
            }
            self._finished = [
                _Finished(day, domain, _unpacked(packed), uris)
                for day, domain, packed, uris in state["finished"]
            ]
            self._day = int(state["day"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no reports: {error!r}") from None
        self._turn()

    def report(self, day: int, domain: str, policies: Policies) -> dict[str, Any]:
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
            self._finished += [
                _Finished(self._day, domain, policies)
                for domain, policies in self._sessions.items()
            ]
            self._day, self._sessions = today, {}
            self._next = 0.0

    def _of(self, domain: str, policy: AppliedPolicy) -> _Sessions | None:
        self._turn()
        self.changed = True
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


def _packed(policies: Policies) -> list[Any]:
    return [
        [
            [policy.kind, policy.lines, policy.mx],
            sessions.good,
            [
                [one.problem, one.mx, one.address, count]
                for one, count in sessions.bad.items()
            ],
        ]
        for policy, sessions in policies.items()
    ]


def _unpacked(packed: list[Any]) -> Policies:
    return {
        AppliedPolicy(kind, tuple(lines), tuple(mx)): _Sessions(
            good, Counter({TLSFailure(*names): count for *names, count in bad})
        )
        for (kind, lines, mx), good, bad in packed
    }


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
