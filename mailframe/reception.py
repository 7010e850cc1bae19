"""Who takes mail, and what is looked at on its way: receivers from configuration.

Part of :mod:`mailframe.wiring`; made once for all listeners of a host.
"""

import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from mailframe.auth.worker_threads import WorkerThreads
from mailframe.choice import make_lookup
from mailframe.config import BadConfig, HostConfig
from mailframe.config_reception import ReceptionConfig
from mailframe.delivery.addresses import Addresses
from mailframe.delivery.agents import Agents
from mailframe.delivery.check_option import make_configured
from mailframe.delivery.checks import Checks
from mailframe.delivery.configured_check import Configured
from mailframe.delivery.courtesies import Courtesies
from mailframe.delivery.domains import Domains
from mailframe.delivery.held_back import HeldBack
from mailframe.delivery.inbound import InboundReceiver
from mailframe.delivery.local_users import LocalUsers
from mailframe.delivery.own_addresses import OwnAddresses
from mailframe.delivery.srs import SRS, read_secrets
from mailframe.delivery.submission import SubmissionReceiver
from mailframe.delivery.system_owner import system_user
from mailframe.delivery.transports import Transports
from mailframe.errors import MailError, TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory
from mailframe.interfaces.check import CheckHost, ICheckFactory
from mailframe.interfaces.content import IIntake
from mailframe.interfaces.plugin import Host, getPlugins
from mailframe.memory_content import MemoryContent
from mailframe.model.address import canonical_domain
from mailframe.model.envelope import Envelope
from mailframe.outbound import Outbound
from mailframe.outbound_routes import name_servers
from mailframe.policy.networks import Networks
from mailframe.policy.relay_control import RelayControl

_log = Logger()

THREAD_SLACK = 600.0
"""Seconds a thread may take longer than what it runs: a slow disk."""

WAITING_FILES = 10_000
"""Pieces of messages that wait for a thread that writes files."""


class Reception:
    """Makes the receivers of one host, which share users, tables and checks.

    Attributes:
        users: Finds the account of an address of ours.
        agents: Delivers to programs and files.
        own: The IP addresses of this host.
    """

    def __init__(
        self,
        config: HostConfig,
        host: Host,
        directory: IUserDirectory,
        account_for: Callable[[str], Awaitable[Any]],
        intake: IIntake,
        queue: Outbound,
    ) -> None:
        """Make what the receivers share.

        Args:
            config: Of the host.
            host: The same for plugins.
            directory: Who there is.
            account_for: Gives the account of a user.
            intake: Where messages rest until they are delivered.
            queue: Takes what leaves this host, and tells senders of success.

        Raises:
            BadConfig: A table, a network or a check is not what it should be.
        """
        self._host = host
        self._tables: list[Any] = []
        try:
            given = config.reception
            ours = (*config.domains, *given.virtual_domains)
            control = RelayControl(given.relay_from)
            domains = Domains(
                config.domains, given.virtual_domains, given.relay_domains
            )
            transports = _transports(given, domains)
            self.own = _own_addresses(given)
            self._checks = [
                make_configured(
                    text,
                    getPlugins(ICheckFactory),
                    CheckHost(
                        host.state_dir,
                        config.hostname,
                        (*ours, *given.relay_domains),
                        host.reactor,
                        intake,
                        tuple(name_servers(config.resolvers)),
                    ),
                    control.permits,
                )
                for text in given.checks
            ]
        except (ValueError, OSError) as error:
            raise BadConfig(str(error)) from None
        self.users = LocalUsers(directory, ours, separators=given.separators)
        addresses = Addresses(
            self.users,
            domains,
            aliases=self._table("aliases", given.aliases),
            virtual=[self._table("virtual", text) for text in given.virtual],
            relay_recipients=self._table("relay-recipients", given.relay_recipients),
            srs=self._srs(config),
            allow_commands=given.allow_programs,
            allow_files=given.allow_files,
            transports=transports,
            own=self.own,
            limits=config.limits.addresses,
        )
        self.agents = self._agents(config)
        self._spool = queue.spool
        self._shared: dict[str, Any] = {
            "domains": config.domains,
            "account_for": account_for,
            "intake": intake,
            "now": host.reactor.seconds,
            "addresses": addresses,
            "spool": queue.spool,
            "may_relay": control.permits,
            "checks": _all(self._checks, host.reactor),
            "agent": self.agents,
            "courtesies": self._courtesies(given, addresses, queue.start_queue),
            "reporter": queue,
            "limits": config.limits.smtp,
            "delivery_limits": config.limits.delivery,
            "held_back": HeldBack(
                queue.spool, config.limits.delivery, host.reactor.seconds
            ),
        }
        self._directory = directory

    def receiver(self, service: str) -> InboundReceiver:
        """Return the receiver for ``smtp``, ``lmtp``, ``submission`` or ``local``.

        The last is for programs of this machine: they may send anywhere, past the
        checks that are for them, too. ``report`` is for what we tell ourselves.
        """
        if service in ("local", "report"):
            local = service == "local"
            checks = [one for one in self._checks if local and one.local]
            shared = {
                **self._shared,
                "may_relay": lambda origin: True,
                "checks": _all(checks, self._host.reactor),
            }
            return InboundReceiver(self._directory, **shared)
        kind = SubmissionReceiver if service == "submission" else InboundReceiver
        return kind(self._directory, **self._shared)

    async def submit(self, envelope: Envelope, octets: bytes) -> None:
        """Take a report of the queue's; when this returns, it is durable.

        It is mail like any other: its address may be an alias, or one that was
        rewritten. What nobody here takes goes into the queue, whose failure is
        the postmaster's to hear of.

        Raises:
            TemporaryFailure: Not now.
        """
        try:
            receiver = self.receiver("report")
            transaction = await receiver.begin(envelope.origin, envelope.reverse_path)
            for path in envelope.forward_paths:
                await transaction.recipient(path)
            waiting = transaction.write(octets)
            if waiting is not None:
                await waiting
            (verdict,) = await transaction.finish()
            if verdict is None:
                return
        except TemporaryFailure:
            raise
        except MailError as refusal:
            verdict = refusal
        _log.info("a report is not taken: {refusal!r}", refusal=verdict)
        now = self._host.reactor.seconds()
        await self._spool.add(envelope, MemoryContent(octets), now)

    def close(self) -> None:
        """Let go of what checks and tables hold, and end the programs that run."""
        self.agents.stop()
        for one in (*self._tables, *(found.check for found in self._checks)):
            close = getattr(one, "close", None)
            if close is not None:
                close()

    def _courtesies(
        self,
        given: ReceptionConfig,
        addresses: Addresses,
        start: Callable[[str], Awaitable[int]],
    ) -> Courtesies:
        """Return what answers EXPN and ETRN.

        Raises:
            BadConfig: A network is none.
        """

        def asked(option: str, texts: tuple[str, ...]) -> Any:
            try:
                return Networks(texts).has if texts else None
            except ValueError as error:
                raise BadConfig(f"--{option}: {error}") from None

        return Courtesies(
            addresses,
            may_expand=asked("expn-from", given.expn_from),
            may_start=asked("etrn-from", given.etrn_from),
            start=start,
        )

    def _table(self, option: str, text: str) -> Any:
        """Return a table, or ``None`` for no text.

        Raises:
            BadConfig: It is none.
        """
        if not text:
            return None
        table = make_lookup(option, text, self._host)
        self._tables.append(table)
        return table

    def _agents(self, config: HostConfig) -> Agents:
        """Return what delivers to programs and files, with threads of its own.

        Raises:
            BadConfig: There is no such user to run programs as.
        """
        reactor, limits = self._host.reactor, config.limits.agents
        given = config.reception
        user = None
        try:
            user = system_user(given.program_user)
        except ValueError as error:
            if os.geteuid() == 0:
                raise BadConfig(f"--program-user {error}") from None
        programs = WorkerThreads(
            reactor,
            "programs",
            threads=limits.programs,
            waiting=limits.programs,
            limit=limits.program_seconds + THREAD_SLACK,
        )
        files = WorkerThreads(
            reactor,
            "mbox",
            threads=limits.files,
            waiting=WAITING_FILES,
            limit=limits.lock_seconds * 2 + THREAD_SLACK,
        )
        return Agents(
            programs=programs.run,
            files=files.run,
            now=reactor.seconds,
            directory=self._host.state_dir,
            user=user,
            allow_programs=given.allow_programs or _has(given, "pipe:"),
            allow_files=given.allow_files or _has(given, "mbox:"),
            limits=limits,
        )

    def _srs(self, config: HostConfig) -> SRS:
        """Return the rewriter of senders, with a secret made once."""
        path = Path(self._host.state_dir, "srs-secrets")
        try:
            if not path.exists():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(secrets.token_hex(32) + "\n")
            return SRS(
                config.domains[0],
                read_secrets(path.read_bytes()),
                self._host.reactor.seconds,
            )
        except (OSError, ValueError) as error:
            raise BadConfig(f"{path}: {error}") from None


def _all(checks: list[Configured], clock: Any) -> Checks | None:
    return Checks(checks, clock) if checks else None


def _has(given: ReceptionConfig, kind: str) -> bool:
    """Tell whether a domain's mail is delivered this way."""
    return any(text.startswith(kind) for text in given.transports.values())


def _own_addresses(given: ReceptionConfig) -> OwnAddresses:
    """Return the addresses of this host the operator names.

    Raises:
        ValueError: One is none.
    """
    try:
        return OwnAddresses(given.public_addresses)
    except ValueError as error:
        raise ValueError(f"--public-address: {error}") from None


def _transports(given: ReceptionConfig, domains: Domains) -> Transports:
    """Return how the mail of our own domains is delivered.

    Raises:
        ValueError: A transport is none.
    """
    ours = domains.ours()
    try:
        return Transports(
            {
                name: text
                for name, text in given.transports.items()
                if canonical_domain(name) in ours
            }
        )
    except ValueError as error:
        raise ValueError(f"--transport {error}") from None
