"""Collects from all accounts elsewhere, each by itself, as long as it runs."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mailframe.errors import BadSyntax, MailError
from mailframe.fetch.conversation import CONNECT_TIMEOUT, connect, make_tls
from mailframe.fetch.imap_pass import IMAPPass
from mailframe.fetch.landing import AccountFor, Landing
from mailframe.fetch.memory import FetchMemory, RunInThread
from mailframe.fetch.options import FetchAccount
from mailframe.fetch.pop3_pass import POP3Pass
from mailframe.fetch.source import Source
from mailframe.imap.client import IMAPClient
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.interfaces.content import IIntake
from mailframe.pop3.client import POP3Client

_log = Logger()

LONGEST_PAUSE = 3600.0
"""Seconds between two attempts, at most, when the last ones failed."""


class FetchService(Service):
    """Collects while it runs.

    An account that fails is tried again after twice the time, up to an hour;
    it delays no other.
    """

    def __init__(
        self,
        accounts: Sequence[FetchAccount],
        *,
        path: Path,
        run: RunInThread,
        account_for: AccountFor,
        intake: IIntake,
        hostname: str,
        reactor: Any,
    ) -> None:
        """Prepare; nothing is connected to before it starts.

        Args:
            accounts: Which ones.
            path: Of the memory, an SQLite file that must be kept.
            run: Runs a call in a thread.
            account_for: Gives a local account by its canonical address.
            intake: Where messages rest while they arrive.
            hostname: Our name.
            reactor: Provides IReactorTime, IReactorTCP and a resolver.

        Raises:
            ValueError: A file of authorities is not as it should be.
        """
        self._memory = FetchMemory(path, run)
        self._reactor = reactor
        self._running: list[Deferred[None]] = []
        landing = Landing(
            self._memory,
            account_for,
            hostname=hostname,
            now=reactor.seconds,
            make_token=lambda: secrets.token_hex(16),
        )
        self._sources = [
            Source(one, landing, intake, make_tls(one.authorities), secrets.token_bytes)
            for one in accounts
        ]

    def startService(self) -> None:
        """Begin to collect."""
        super().startService()  # type: ignore[no-untyped-call]
        self._running = [
            Deferred.fromCoroutine(self._for_ever(source)) for source in self._sources
        ]

    def stopService(self) -> "Deferred[None]":
        """Break off; what was under way is found out at the next start."""
        super().stopService()  # type: ignore[no-untyped-call]
        running, self._running = self._running, []
        for one in running:
            one.cancel()
        ended: Deferred[Any] = DeferredList(running, consumeErrors=True)
        return ended.addCallback(lambda _: self._memory.close())

    async def collect(self) -> int:
        """Look into every account once; return how many messages came.

        Raises:
            MailError: Of the first one that failed; the later ones were not
                looked into.
            BadSyntax: The same.
            UnauthorizedLogin: The same.
        """
        return sum([await self._once(source) for source in self._sources])

    async def _for_ever(self, source: Source) -> None:
        failures = 0
        while True:
            try:
                await self._session(source)
                failures = 0
            except (CancelledError, GeneratorExit):
                return
            except (MailError, BadSyntax, UnauthorizedLogin) as error:
                failures += 1
                _log.warn("{job}: {error!r}", job=str(source.job), error=error)
            except Exception:
                failures += 1
                _log.failure("{job}: not collected", job=str(source.job))
            pause = source.job.interval
            if failures:
                pause = max(pause, min(LONGEST_PAUSE, pause * 2.0 ** min(failures, 12)))
            try:
                await deferLater(self._reactor, pause)
            except CancelledError:
                return

    async def _once(self, source: Source) -> int:
        """Look into one account."""
        return await self._session(source, wait=False)

    async def _session(self, source: Source, wait: bool = True) -> int:
        job = source.job
        pop3 = job.protocol == "pop3"
        endpoint = HostnameEndpoint(
            self._reactor, job.host.encode(), job.port, timeout=CONNECT_TIMEOUT
        )
        client = POP3Client() if pop3 else IMAPClient()
        conversation = await connect(endpoint, client, self._reactor)
        try:
            if pop3:
                return self._tell(source, await POP3Pass(source, conversation).run())
            imap = IMAPPass(source, conversation)
            await imap.log_in()
            count = self._tell(source, await imap.run())
            while wait and await imap.wait():
                count += self._tell(source, await imap.run())
            await imap.log_out()
            return count
        finally:
            conversation.abort()

    def _tell(self, source: Source, count: int) -> int:
        if count:
            _log.info("{job}: {count} collected", job=str(source.job), count=count)
        return count
