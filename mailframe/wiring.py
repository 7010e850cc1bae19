"""Configuration into services: the one place where concrete classes meet.

Nothing else builds objects; whoever wants to know what talks to what reads
this file.
"""

import errno
import os
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from mailframe.auth.chain import chained
from mailframe.auth.compose import compose
from mailframe.auth.granting import GrantingRealm, accounts_of
from mailframe.auth.kept_secret import kept_secret
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.certificates import make_acme, make_tls
from mailframe.choice import make_checker, make_realm
from mailframe.config import BadConfig, HostConfig
from mailframe.config_keys import IMPLICIT_TLS
from mailframe.delivery.pickup import Pickup
from mailframe.fetch.options import read_accounts
from mailframe.fetch.service import FetchService
from mailframe.imap.url_access import URLAccess
from mailframe.interfaces.auth import IUserDirectory
from mailframe.interfaces.plugin import Host, IHomeRealm
from mailframe.listening import Listening, said
from mailframe.net.collector import collect_rarely
from mailframe.net.factory import MailFactory
from mailframe.net.imap import IMAPFactory
from mailframe.net.mallopt import keep_large_blocks
from mailframe.net.pop3 import POP3Factory
from mailframe.net.smtp import SMTPFactory
from mailframe.outbound import Outbound
from mailframe.policy.networks import Networks
from mailframe.policy.priority_control import PriorityControl
from mailframe.pop3.login_delays import LoginDelays
from mailframe.pop3.options import POP3Options
from mailframe.reception import Reception
from mailframe.smtp.options import SMTPOptions
from mailframe.storage.intake import FileIntake, IntakeBusy
from mailframe.storage.journal import JournalBusy
from mailframe.storage.maildrop import Maildrops
from mailframe.storage.sharing.realm import groups_of, with_sharing

_log = Logger()

INTAKE_THREADS = 4
"""How many large messages are written to disk at the same time."""

STOP_TIMEOUT = 20.0
"""Seconds sessions have to end when the host stops."""


class MailService(MultiService):
    """A whole mail host.

    Give it a parent, or start it as a part of your own program; everything
    it needs is made when it is constructed, ports are bound when it starts.
    """

    def __init__(self, config: HostConfig, reactor: Any) -> None:
        """Build the host.

        Args:
            config: What it is to be.
            reactor: The reactor to run in.

        Raises:
            BadConfig: Something in it is wrong; nothing was started.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._config = config
        self._reactor = reactor
        self._received_by: Reception | None = None
        self._pickup: Any = None
        _make_private(config.state_dir)
        keep_large_blocks()
        collect_rarely()
        default_domain = config.domains[0]
        threads = WorkerThreads(reactor, "auth", threads=4, waiting=1000, limit=30.0)
        try:
            decoy_key = kept_secret(str(config.state_dir / "decoy-key"))
            composed = compose(
                config.auth,
                lambda text, domain: make_checker(text, domain, threads, decoy_key),
                default_domain=default_domain,
                state_dir=str(config.state_dir),
                clock=reactor,
                run=threads.run,
            )
        except (ValueError, OSError) as error:
            raise BadConfig(f"auth: {said(error)}") from None
        self._host = Host(str(config.state_dir), config.domains, reactor)
        self._realm = make_realm(config.realm, self._host)
        if IService.providedBy(self._realm):
            self.addService(self._realm)  # type: ignore[no-untyped-call]
        self._directories = [
            one
            for one in (composed.directory, self._realm)
            if IUserDirectory.providedBy(one)
        ]
        self._directory = chained(self._directories)
        avatars = self._realm
        if self._directories:
            avatars = GrantingRealm(self._realm, self._directory, reactor.seconds)
            if IHomeRealm.providedBy(self._realm):
                self._realm.directory = self._directory
        self._account_for = accounts_of(avatars)
        groups = groups_of(self._directory)
        self._portal = composed.portal(with_sharing(avatars, self._realm, groups))
        self._pool = ThreadPool(0, INTAKE_THREADS, "intake")
        self._run = partial(deferToThreadPool, reactor, self._pool)
        self._intake = FileIntake(str(config.state_dir / "incoming"), run=self._run)
        self._outbound = Outbound(config, self._host, self._pool)
        self._maildrops = Maildrops()
        acme = make_acme(config, self._run, reactor)
        if acme is not None:
            self.addService(acme)  # type: ignore[no-untyped-call]
        self._public_tls, self._users_tls = make_tls(config, acme, reactor.seconds)
        self._fetch = self._make_fetch()
        self._url_access = self._make_url_access()
        self._options = self._make_options()
        self._pop3_options = self._make_pop3_options()
        self._listening = Listening(
            config.listeners, self._factory, self._users_tls, reactor
        )

    # The life of a service.

    def privilegedStartService(self) -> None:
        """Bind the ports, while there is still the privilege to.

        Raises:
            BadConfig: One of them cannot be bound; none stays bound.
        """
        self._listening.bind()
        try:
            MultiService.privilegedStartService(self)  # type: ignore[no-untyped-call]
        except CannotListenError as error:
            self._listening.unbind()
            raise BadConfig(f"port {error.port}: {said(error.socketError)}") from None

    def startService(self) -> None:
        """Take the state directory and start the store.

        Raises:
            BadConfig: That cannot be done; no port stays bound.
        """
        self._listening.bind()
        self._learn_addresses()
        try:
            self._intake.open()
            MultiService.startService(self)  # type: ignore[no-untyped-call]
            self._pool.start()
            if self._pickup is not None:
                self._outbound.open()
                self._pickup.startService()
            if self._fetch is not None:
                self._fetch.startService()
        except BadConfig:
            self._listening.unbind()
            raise
        except (OSError, IntakeBusy, JournalBusy) as error:
            self._listening.unbind()
            raise BadConfig(f"--state-dir: {said(error)}") from None

    def stopService(self) -> "Deferred[None]":
        """Take no more connections, let sessions end, then stop the store."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if not self.running:
            return
        await self._listening.shut_down(STOP_TIMEOUT)
        for service in (self._fetch, self._pickup):
            if service is not None:
                await maybeDeferred(service.stopService)
        await self._outbound.close(STOP_TIMEOUT)
        await maybeDeferred(MultiService.stopService, self)
        if self._received_by is not None:
            self._received_by.close()
        self._pool.stop()
        self._intake.close()

    @property
    def addresses(self) -> list[tuple[str, Any]]:
        """Return what is listened on, as pairs of service and ``IAddress``."""
        return self._listening.addresses

    def _learn_addresses(self) -> None:
        """Tell reception what is listened on: mail may be for user@[IP]."""
        if self._received_by is not None:
            for _, address in self.addresses:
                self._received_by.own.learn(getattr(address, "host", ""))

    # What it is made of.

    def _factory(self, service: str) -> MailFactory:
        """Return what serves a service."""
        plain = IMPLICIT_TLS.get(service, service)
        limits = self._config.limits
        common: dict[str, Any] = {
            "reactor": self._reactor,
            "hostname": self._config.hostname,
            "tls_context": self._public_tls
            if plain in ("smtp", "lmtp")
            else self._users_tls,
            "allow_plaintext_auth": self._config.allow_plaintext_auth,
            "connections": limits.connections,
        }
        if plain == "imap":
            return IMAPFactory(
                self._portal,
                intake=self._intake,
                limits=limits.imap,
                url_access=self._url_access,
                **common,
            )
        if plain == "pop3":
            return POP3Factory(
                self._portal,
                maildrop_of=self._maildrops,
                options=self._pop3_options,
                limits=limits.pop3,
                **common,
            )
        portal = self._portal if plain == "submission" else None
        receiver = self._reception(service).receiver(plain)
        return SMTPFactory(
            receiver,
            portal=portal,
            service=plain,
            options=self._options,
            limits=limits.smtp,
            **common,
        )

    def _make_url_access(self) -> URLAccess | None:
        """Return what follows URLs into accounts, if it can be told whose there are."""
        if not self._directories:
            return None
        return URLAccess(
            self._known_account,
            default_domain=self._config.domains[0],
            hostname=self._config.hostname,
            now=self._reactor.seconds,
            submitters=self._config.urlauth_submitters,
        )

    async def _known_account(self, address: str) -> Any:
        """Return the account of an address, ``None`` if there is no such user."""
        entry = await self._directory.find(address)
        return None if entry is None else await self._account_for(entry.address)

    def _reception(self, service: str) -> Reception:
        """Return what makes receivers; the first that asks has it made.

        Raises:
            BadConfig: Nobody knows which addresses exist, or a table or check
                is not what it should be.
        """
        if self._received_by is None:
            if not self._directories:
                raise BadConfig(
                    f"--{service}: no --auth can tell which addresses exist;"
                    " add one that can, such as passwd:FILE"
                )
            self._received_by = Reception(
                self._config,
                self._host,
                self._directory,
                self._account_for,
                self._intake,
                self._outbound,
            )
            self._outbound.serve(
                self._received_by.users,
                self._account_for,
                self._received_by.agents,
                self._received_by.submit,
            )
            config = self._config
            self._pickup = Pickup(
                str(config.pickup_dir or config.state_dir / "pickup"),
                self._received_by.receiver("local"),
                spool=self._outbound.spool,
                intake=self._intake,
                run=self._run,
                reactor=self._reactor,
                hostname=config.hostname,
                domain=config.domains[0],
            )
        return self._received_by

    def _make_fetch(self) -> FetchService | None:
        """Return what collects mail elsewhere, if anything does."""
        config = self._config
        if config.fetch is None:
            return None
        try:
            return FetchService(
                read_accounts(config.fetch),
                path=config.state_dir / "fetch.db",
                run=self._run,
                account_for=self._account_for,
                intake=self._intake,
                hostname=config.hostname,
                reactor=self._reactor,
            )
        except (ValueError, OSError) as error:
            raise BadConfig(f"--fetch {config.fetch}: {said(error)}") from None

    def _make_options(self) -> SMTPOptions:
        try:
            proxies = Networks(self._config.reception.xclient_from)
        except ValueError as error:
            raise BadConfig(f"--xclient-from: {error}") from None
        given = self._config.reception
        try:
            urgent = PriorityControl(given.raise_priority)
        except ValueError as error:
            raise BadConfig(f"--raise-priority: {error}") from None
        return SMTPOptions(
            normalize_newlines=given.normalize_newlines,
            expand=bool(given.expn_from),
            hold_seconds=given.future_release,
            require_tls=given.require_tls,
            may_xclient=proxies.has,
            may_xforward=proxies.has,
            may_raise_priority=urgent.permits,
            priority_policy=given.priority_policy,
            content_by_url=self._url_access,
        )

    def _make_pop3_options(self) -> POP3Options:
        config, delays = self._config, None
        if config.pop3_login_delay:
            delays = LoginDelays(config.pop3_login_delay, self._reactor.seconds)
        return POP3Options(
            apop=config.pop3_apop, expire=config.pop3_expire, login_delays=delays
        )


def _make_private(path: Path) -> None:
    """Make the state directory, for us alone."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise BadConfig(f"--state-dir {path}: {error.strerror}") from None
