"""Mail that leaves this host: the queue, where it goes, and who carries it.

Part of :mod:`mailframe.wiring`.
"""

import os
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.config import BadConfig, HostConfig
from mailframe.delivery.agents import Agent
from mailframe.delivery.destination import SERVERS
from mailframe.delivery.local_relay import LocalRelay
from mailframe.delivery.local_users import LocalUsers
from mailframe.delivery.trace import make_id
from mailframe.errors import MailError, TemporaryFailure
from mailframe.interfaces.content import IContent
from mailframe.interfaces.delivery import Hop, IRelay, IRouter
from mailframe.interfaces.plugin import Host
from mailframe.model.address import Address, ascii_domain, canonical_domain
from mailframe.model.envelope import Envelope
from mailframe.net.dns import Resolver, system_servers
from mailframe.net.mta_sts import Policies, PolicyFile
from mailframe.net.mta_sts_fetch import PolicyFetcher
from mailframe.net.relay import SMTPRelay
from mailframe.net.routing import MXRouter, TableRouter
from mailframe.net.tls_policy import TLSLevels, TrustRoots
from mailframe.net.tls_report import AppliedPolicy, TLSFailure
from mailframe.outbound_reports import HouseReports
from mailframe.outbound_routes import (
    name_servers,
    ours,
    server,
    smarthosts,
    transports,
)
from mailframe.outbound_senders import Senders
from mailframe.queue.control import QueueControl
from mailframe.queue.control_socket import ControlFactory
from mailframe.queue.notices import Notices, Submit
from mailframe.queue.runner import QueueRunner
from mailframe.queue.spool import DiskSpool
from mailframe.storage.journal import Journal, JournalBusy
from mailframe.storage.maildir.disks import Disks
from mailframe.storage.os_layer import REAL
from mailframe.storage.writer import BatchWriter, end_of_turn

_log = Logger()

HERE = Hop("", 0, True, "none")
"""The hop that is this host itself."""

SOCKET_PATH = 100
"""Octets the path of a Unix socket may have, about."""

LINGER = 0.05
"""Seconds within which the results of deliveries are recorded together. Nobody
waits for that; a crash in between costs those recipients a second copy, as it
does before each record."""

SAVE_INTERVAL = 60.0
"""Seconds between two looks whether MTA-STS policies are to be saved."""


@implementer(IRouter)
class HouseRouter:
    """Keeps mail for our own users here, and asks another router for the rest.

    Programs and files are here too; a server that a table names is a hop.
    """

    def __init__(self, domains: Sequence[str], others: IRouter) -> None:
        """Know our domains."""
        self._ours = {canonical_domain(domain) for domain in domains}
        self._others = others

    async def route(
        self, domain: str, sender: Address | None, attempts: int = 0
    ) -> Sequence[Hop]:
        """Return the hops, best first; see IRouter.

        Args:
            domain: A domain, or what a recipient goes by
                (:attr:`mailframe.model.envelope.ForwardPath.via`).
            sender: The reverse-path.
            attempts: How often it was tried before.
        """
        if domain.startswith(("|", "/")):
            return (HERE,)
        if domain.startswith(SERVERS):
            return (server(domain),)
        if canonical_domain(domain) in self._ours:
            return (HERE,)
        found: Sequence[Hop] = await self._others.route(
            ascii_domain(domain), sender, attempts
        )
        return found


@implementer(IRouter)
class NoRouter:
    """Lets nothing leave: mail for others waits in the queue, and it says why."""

    async def route(
        self, domain: str, sender: Address | None, attempts: int = 0
    ) -> Sequence[Hop]:
        """Put it off.

        Raises:
            TemporaryFailure: Always.
        """
        raise TemporaryFailure("this is the sandbox: nothing leaves this machine")


@implementer(IRelay)
class HouseRelay:
    """Carries mail into our own accounts, or over the network."""

    def __init__(self, here: IRelay, network: IRelay) -> None:
        """Have both ways."""
        self._here = here
        self._network = network

    def deliver(
        self, hop: Hop, envelope: Envelope, content: IContent
    ) -> Awaitable[Sequence[MailError | None]]:
        """Hand one message to one hop; see IRelay."""
        relay: Any = self._here if hop is HERE else self._network
        found: Awaitable[Sequence[MailError | None]] = relay.deliver(
            hop, envelope, content
        )
        return found


class Outbound:
    """The queue of one host and what empties it.

    Attributes:
        spool: Takes mail that is to leave.
    """

    def __init__(self, config: HostConfig, host: Host, pool: Any) -> None:
        """Build it; nothing is touched before :meth:`open`.

        Args:
            config: Of the host.
            host: The same for plugins.
            pool: Threads for files.

        Raises:
            BadConfig: A smarthost is not one.
        """
        self._config = config
        self._reactor = reactor = host.reactor
        self._directory = Path(host.state_dir, "queue")
        self._run = partial(deferToThreadPool, reactor, pool)
        disks = Disks()

        def sync(directory: str) -> None:
            disks.note(directory)
            disks.sync()

        journal = Journal(str(self._directory / "journal"))
        self.spool = DiskSpool(
            str(self._directory / "spool"),
            journal=journal,
            open_writer=partial(
                BatchWriter,
                journal,
                call_from_thread=reactor.callFromThread,
                at_end_of_turn=end_of_turn(reactor),
            ),
            run=self._run,
            files=REAL,
            sync=sync,
            now=reactor.seconds,
            linger=partial(reactor.callLater, LINGER),
        )
        self._runner: QueueRunner | None = None
        self._notices: Notices | None = None
        self._port: Any = None
        self._saving: Any = None
        servers = name_servers(config.resolvers)
        resolver = Resolver(
            reactor, servers or system_servers(Path("/etc/resolv.conf"))
        )
        self._policies = Policies(
            resolver,
            PolicyFetcher(reactor, resolver),
            now=reactor.seconds,
            failed=self._policy_failed,
        )
        self._policy_file = PolicyFile(Path(host.state_dir, "mta-sts"))
        hops, logins = smarthosts(config.smarthosts)
        queue = config.queue
        router: Any = NoRouter()
        if not config.sandbox:
            router = TableRouter(
                hops
                or MXRouter(
                    resolver,
                    our_names=(config.hostname,),
                    shuffle=random.Random().shuffle,  # noqa: S311 - which host first
                    levels=TLSLevels(queue.levels),
                    policies=self._policies,
                ),
                (*transports(config), *queue.routes),
            )
        self._router = router
        try:
            roots = TrustRoots(queue.authorities)
        except OSError as error:
            raise BadConfig(f"ca-file: {error.filename}: {error.strerror}") from None
        self._reports: HouseReports | None = None
        if not (config.sandbox or config.no_tls_reports):
            self._reports = HouseReports(
                reactor,
                resolver,
                config.hostname,
                config.domains[0],
                Path(host.state_dir, "tls-reports"),
            )
        self._relay = SMTPRelay(
            reactor,
            hostname=config.hostname,
            roots=roots,
            resolver=resolver,
            reports=None if self._reports is None else self._reports.counts,
            logins={**logins, **queue.logins},
        )

    def serve(
        self,
        users: LocalUsers,
        account_for: Callable[[str], Awaitable[Any]],
        agent: Agent,
        submit: Submit,
    ) -> None:
        """Join the queue with the accounts of this host.

        Args:
            users: Finds accounts.
            account_for: Gives the account of a user.
            agent: Delivers to programs and files.
            submit: Takes reports.
        """
        config = self._config
        numbers = count(secrets.randbits(16))

        def identify() -> str:
            return make_id(self._reactor.seconds(), next(numbers), secrets.randbits(32))

        self._notices = Notices(
            config.hostname,
            submit=submit,
            identify=identify,
            postmaster=Address("postmaster", config.domains[0]),
            is_forged=Senders(ours(config), config.reception.relay_from).is_forged,
        )
        if self._reports is not None:
            self._reports.serve(submit, identify)
        self._runner = QueueRunner(
            self.spool,
            HouseRouter(ours(config), self._router),
            HouseRelay(LocalRelay(users, account_for, agent), self._relay),
            clock=self._reactor,
            notices=self._notices,
            random=random.random,
            schedules=config.queue.schedules,
            pace=config.queue.pace,
        )

    async def start_queue(self, domain: str) -> int:
        """Have the mail for a domain tried now; return how many messages that is."""
        assert self._runner is not None
        name = ascii_domain(domain)
        self._runner.destinations.revive(name)
        return await self.spool.hasten(None, name, self._reactor.seconds())

    async def succeeded(
        self,
        message_id: str,
        envelope: Envelope,
        actions: Sequence[str],
        content: IContent,
    ) -> None:
        """Tell a sender who asked for it of success; see Reporter."""
        assert self._notices is not None
        now = self._reactor.seconds()
        await self._notices.succeeded(message_id, envelope, actions, content, now)

    def open(self) -> None:
        """Open the spool, begin to deliver, and listen for the operator.

        Raises:
            BadConfig: That cannot be done.
        """
        assert self._runner is not None
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            self._policies.kept.update(self._policy_file.read())
            if self._reports is not None:
                self._reports.read()
            self.spool.open()
            self._listen(self._runner)
        except (OSError, MailError, JournalBusy, CannotListenError) as error:
            raise BadConfig(f"--state-dir: {self._directory}: {error}") from None
        self._runner.start()
        self._saving = self._reactor.callLater(SAVE_INTERVAL, self._save)

    def _listen(self, runner: QueueRunner) -> None:
        """Let the operator in through a socket in the state directory."""
        path = os.path.join(self._directory.parent, "queue.sock")
        if len(os.fsencode(path)) > SOCKET_PATH:
            _log.warn(
                "{path}: too long for a socket: no mailframe queue here", path=path
            )
            return
        control = QueueControl(
            self.spool, self._reactor.seconds, runner.destinations.revive
        )
        self._port = ControlFactory(control, self._reactor).listen(path)

    async def close(self, seconds: float) -> None:
        """Stop delivering and close the spool.

        Args:
            seconds: How long deliveries that are under way may take.
        """
        if self._runner is None or self._saving is None:
            return
        port, self._port = self._port, None
        self._saving.cancel()
        self._saving = None
        if port is not None:
            await port.stopListening()
        stopped = Deferred.fromCoroutine(_awaited(self._runner.stop()))
        stopped.addTimeout(seconds, self._reactor, lambda result, late: None)
        await stopped
        await self._policies.save(self._policy_file, self._run)
        if self._reports is not None:
            await self._reports.save(self._run)
        self._relay.close()
        await self.spool.close()

    def _policy_failed(self, domain: str, problem: str) -> None:
        """Report on an MTA-STS policy that cannot be had (RFC 8460 section 4.3.2)."""
        if self._reports is not None:
            self._reports.counts.failed(
                domain, TLSFailure(problem), AppliedPolicy("sts")
            )

    def _save(self) -> None:
        self._saving = self._reactor.callLater(SAVE_INTERVAL, self._save)
        Deferred.fromCoroutine(self._policies.save(self._policy_file, self._run))
        if self._reports is not None:
            looking = Deferred.fromCoroutine(self._reports.look(self._run))
            looking.addErrback(lambda failure: _log.failure("TLS reports", failure))


async def _awaited(what: Awaitable[Any]) -> Any:
    return await what
