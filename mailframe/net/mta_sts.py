"""MTA-STS: what a domain says of TLS, over HTTPS, remembered.

A TXT record tells that there is a policy and when it changes; the policy is
fetched over HTTPS, and holds until its end even when neither can be had again.

Source: RFC 8461 sections 3 to 5.
"""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twisted.logger import Logger
from twisted.names import dns

from mailframe.net.dns import LookupFailed, Resolver, strings
from mailframe.replaced_file import replace_file

_log = Logger()

MAX_POLICY = 65_536
"""Octets of a policy (RFC 8461 section 3.3)."""

MAX_AGE = 31_557_600
"""Seconds a policy may hold (RFC 8461 section 3.2)."""

MAX_PATTERNS = 100
"""Names of MX hosts in a policy."""

MAX_POLICIES = 10_000
"""Policies that are kept; the oldest go first."""

REFRESH = 86_400.0
"""Seconds after which a policy is fetched again though its id is the same
(RFC 8461 section 3.3)."""

RETRY = 300.0
"""Seconds before a policy that could not be fetched is asked for again
(RFC 8461 section 3.3)."""

# sts-text-record = sts-version 1*(sts-field-delim sts-field)
#                   [sts-field-delim]                ; RFC 8461 section 3.1
_RECORD = re.compile(r"v=STSv1[ \t]*;")
_ID = re.compile(r"(?:^|;)[ \t]*id[ \t]*=[ \t]*([A-Za-z0-9]{1,32})[ \t]*(?:;|$)")

# sts-policy-mx-value = ["*."] Domain                ; RFC 8461 section 3.2
_PATTERN = re.compile(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*")

Fetch = Callable[[str], Awaitable[str]]


class BadPolicy(Exception):
    """A policy cannot be had or read.

    Attributes:
        problem: ``sts-policy-fetch-error``, ``sts-webpki-invalid`` or
            ``sts-policy-invalid`` (RFC 8460 section 4.3).
    """

    def __init__(self, problem: str, detail: str) -> None:
        """Say what is wrong."""
        super().__init__(detail)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain demands.

    Attributes:
        id: Of the TXT record it was fetched for.
        mode: ``enforce``, ``testing`` or ``none``.
        mx: Names its MX hosts may have, ``*.`` for any one label.
        max_age: Seconds it holds.
        fetched: When it was fetched, seconds since 1970.
    """

    id: str
    mode: str
    mx: tuple[str, ...]
    max_age: int
    fetched: float

    def allows(self, host: str) -> bool:
        """Tell whether a host may take this domain's mail.

        Source: RFC 8461 section 4.1.
        """
        parent = "*." + host.partition(".")[2]
        return host in self.mx or parent in self.mx

    def lines(self) -> list[str]:
        """Return it as reports have it (RFC 8460 section 4.4)."""
        names = [f"mx: {name}" for name in self.mx]
        age = f"max_age: {self.max_age}"
        return ["version: STSv1", f"mode: {self.mode}", *names, age]


def parse(text: str, policy_id: str, fetched: float) -> Policy:
    """Read a policy.

    Raises:
        BadPolicy: It is none.

    Source: RFC 8461 section 3.2.
    """
    fields: dict[str, str] = {}
    names: list[str] = []
    for line in re.split(r"\r?\n", text):
        key, colon, value = line.partition(":")
        key, value = key.strip(" \t"), value.strip(" \t")
        if key == "mx" and colon:
            names.append(value.lower().rstrip("."))
        elif colon:
            fields.setdefault(key, value)
    mode, age = fields.get("mode", ""), fields.get("max_age", "")
    if fields.get("version") != "STSv1" or mode not in ("enforce", "testing", "none"):
        raise BadPolicy("sts-policy-invalid", "no version or mode")
    if not re.fullmatch(r"[0-9]{1,10}", age):
        raise BadPolicy("sts-policy-invalid", "no max_age")
    if len(names) > MAX_PATTERNS or not all(map(_PATTERN.fullmatch, names)):
        raise BadPolicy("sts-policy-invalid", "an mx that is no name")
    if not names and mode != "none":
        raise BadPolicy("sts-policy-invalid", "no mx")
    return Policy(policy_id, mode, tuple(names), min(int(age), MAX_AGE), fetched)


class PolicyFile:
    """Keeps policies across restarts."""

    def __init__(self, path: Path) -> None:
        """Use this file, which need not be there yet."""
        self._path = path

    def read(self) -> dict[str, Policy]:
        """Return what is in it; nothing when it cannot be read."""
        try:
            found = json.loads(self._path.read_text("utf-8"))
            return {
                domain: Policy(**{**one, "mx": tuple(one["mx"])})
                for domain, one in found.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            _log.error("{path}: {error!r}", path=str(self._path), error=error)
            return {}

    def write(self, policies: dict[str, Policy]) -> None:
        """Replace its content; after a crash it has the old or the new one.

        Raises:
            OSError: It cannot be written.
        """
        text = json.dumps({domain: asdict(one) for domain, one in policies.items()})
        replace_file(self._path, text.encode())


class Policies:
    """Knows the policy of every domain that has one."""

    def __init__(
        self,
        resolver: Resolver,
        fetch: Fetch,
        *,
        now: Callable[[], float],
        kept: dict[str, Policy] | None = None,
        failed: Callable[[str, str], None] = lambda domain, problem: None,
    ) -> None:
        """Begin with what is kept.

        Args:
            resolver: Asked for TXT records.
            fetch: Returns the text of a domain's policy, or raises BadPolicy;
                see :class:`mailframe.net.mta_sts_fetch.PolicyFetcher`.
            now: Seconds since 1970.
            kept: Policies of an earlier run, by domain.
            failed: Told the domain and the ``problem`` of a policy that cannot
                be had: that is for the domain's TLS report.
        """
        self._resolver = resolver
        self._fetch = fetch
        self._now = now
        self._failed = failed
        self._retry: dict[tuple[str, str], float] = {}
        self.kept: dict[str, Policy] = dict(kept or {})
        self.changed = False
        """Whether there is something to save."""

    async def policy(self, domain: str) -> Policy | None:
        """Return the policy that holds for a domain now, ``None`` without one.

        Args:
            domain: In A-labels, lower case.

        Source: RFC 8461 sections 3.3 and 5.1.
        """
        now = self._now()
        kept = self.kept.get(domain)
        if kept is not None and kept.fetched + kept.max_age <= now:
            self._forget(domain)
            kept = None
        found = await self._record_id(domain)
        if found is None:
            return kept
        fresh = kept is not None and now - kept.fetched < min(
            REFRESH, max(kept.max_age / 2, 1)
        )
        if kept is not None and kept.id == found and fresh:
            return kept
        if self._retry.get((domain, found), 0) > now:
            return kept
        try:
            policy = parse(await self._fetch(domain), found, now)
        except BadPolicy as error:
            _log.info("MTA-STS of {domain}: {error}", domain=domain, error=str(error))
            if len(self._retry) >= MAX_POLICIES:
                self._retry.clear()
            self._retry[domain, found] = now + RETRY
            self._failed(domain, error.problem)
            return kept
        self.kept.pop(domain, None)
        self.kept[domain] = policy
        self.changed = True
        while len(self.kept) > MAX_POLICIES:
            self._forget(next(iter(self.kept)))
        return policy

    async def save(self, file: PolicyFile, run: Callable[..., Awaitable[None]]) -> None:
        """Write what is kept, if it has changed; to be called now and then.

        Args:
            file: Where to.
            run: Calls a function with arguments in a thread. When it fails,
                that is logged, and the next call tries again.
        """
        if not self.changed:
            return
        self.changed = False
        try:
            await run(file.write, dict(self.kept))
        except OSError as error:
            self.changed = True
            _log.error("MTA-STS policies are not saved: {error}", error=str(error))

    def _forget(self, domain: str) -> None:
        del self.kept[domain]
        self.changed = True

    async def _record_id(self, domain: str) -> str | None:
        """Return the id the TXT record tells, ``None`` without exactly one record."""
        try:
            answer = await self._resolver.lookup(f"_mta-sts.{domain}", dns.TXT)
        except LookupFailed:
            return None
        texts: list[Any] = [strings(one) for one in answer.records]
        records = [text for text in texts if _RECORD.match(text)]
        if len(records) != 1:
            return None
        match = _ID.search(records[0])
        return match[1] if match else None
