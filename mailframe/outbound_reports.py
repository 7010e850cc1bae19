"""The daily TLS reports of the host: counted, kept over restarts, sent.

Part of :mod:`mailframe.outbound`.
"""

import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from mailframe.model.address import Address
from mailframe.net.dns import Resolver
from mailframe.net.tls_report import Report, TLSReports
from mailframe.net.tls_report_send import ReportSender, Submit
from mailframe.replaced_file import replace_file

JITTER = 4 * 3600.0
"""Seconds after midnight in which reports are sent (RFC 8460 section 4.2)."""


class HouseReports:
    """The reports of one host.

    Attributes:
        counts: To be told how TLS went.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, resolver: Resolver, hostname: str, domain: str, path: Path
    ) -> None:
        """Count from now on.

        Args:
            reactor: Provides IReactorTime and IReactorTCP.
            resolver: Tells who wants reports.
            hostname: Our name.
            domain: The default domain: its postmaster writes the reports.
            path: The file that keeps them.
        """
        self._reactor = reactor
        self._resolver = resolver
        self._hostname = hostname
        self._postmaster = Address("postmaster", domain)
        self._path = path
        self._send: ReportSender | None = None
        self.counts = TLSReports(
            resolver,
            self._sent,
            organization=hostname,
            contact=str(self._postmaster),
            now=reactor.seconds,
            delay=random.random() * JITTER,  # noqa: S311 - only when
        )

    def serve(
        self,
        submit: Submit,
        identify: Callable[[], str],
    ) -> None:
        """Send by this from now on."""
        self._send = ReportSender(
            self._reactor,
            self._resolver,
            submit,
            submitter=self._hostname,
            sender=self._postmaster,
            identify=identify,
        )

    async def _sent(self, report: Report) -> None:
        assert self._send is not None
        await self._send(report)

    def read(self) -> None:
        """Go on with what was kept; nothing when that cannot be read."""
        try:
            self.counts.restore(json.loads(self._path.read_text("utf-8")))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            self._log.error("{path}: {error}", path=str(self._path), error=error)

    async def look(self, run: Callable[..., Awaitable[None]]) -> None:
        """Send what is due, and keep what is new; to be called every minute.

        Args:
            run: Calls a function with arguments in a thread.
        """
        await self.counts.send_due()
        await self.save(run)

    async def save(self, run: Callable[..., Awaitable[None]]) -> None:
        """Keep what is new."""
        if not self.counts.changed:
            return
        self.counts.changed = False
        try:
            octets = json.dumps(self.counts.state()).encode()
            await run(replace_file, self._path, octets)
        except OSError as error:
            self.counts.changed = True
            self._log.error("TLS reports are not kept: {error}", error=error)
