"""Who takes mail, and what is looked at on its way: receivers from configuration.

Part of :mod:`mailframe.wiring`; made once for all listeners of a host.
"""

import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mailframe.choice import make_lookup
from mailframe.config import BadConfig, HostConfig
from mailframe.delivery.addresses import Addresses
from mailframe.delivery.check_option import make_configured
from mailframe.delivery.checks import Checks
from mailframe.delivery.domains import Domains
from mailframe.delivery.inbound import InboundReceiver
from mailframe.delivery.local_users import LocalUsers
from mailframe.delivery.srs import SRS, read_secrets
from mailframe.delivery.submission import SubmissionReceiver
from mailframe.interfaces.auth import IUserDirectory
from mailframe.interfaces.check import CheckHost, ICheckFactory
from mailframe.interfaces.content import IIntake
from mailframe.interfaces.plugin import Host, getPlugins
from mailframe.interfaces.spool import ISpool
from mailframe.policy.relay_control import RelayControl


class Reception:
    """Makes the receivers of one host, which share users, tables and checks.

    Attributes:
        users: Finds the account of an address of ours.
    """

    def __init__(
        self,
        config: HostConfig,
        host: Host,
        directory: IUserDirectory,
        account_for: Callable[[str], Awaitable[Any]],
        intake: IIntake,
        spool: ISpool | None,
    ) -> None:
        """Make what the receivers share.

        Raises:
            BadConfig: A table, a network or a check is not what it should be.
        """
        self._host = host
        try:
            ours = (*config.domains, *config.virtual_domains)
            control = RelayControl(config.relay_from)
            domains = Domains(
                config.domains, config.virtual_domains, config.relay_domains
            )
            self._checks = [
                make_configured(
                    text,
                    getPlugins(ICheckFactory),
                    CheckHost(
                        host.state_dir,
                        config.hostname,
                        (*ours, *config.relay_domains),
                        host.reactor,
                        intake,
                    ),
                    control.permits,
                )
                for text in config.checks
            ]
        except (ValueError, OSError) as error:
            raise BadConfig(str(error)) from None
        self.users = LocalUsers(directory, ours, separators=config.separators)
        aliases = None
        if config.aliases is not None:
            aliases = make_lookup("aliases", f"file:{config.aliases}", host)
        addresses = Addresses(
            self.users,
            domains,
            aliases=aliases,
            virtual=[make_lookup("virtual", text, host) for text in config.virtual],
            srs=None if spool is None else self._srs(config),
        )
        self._shared: dict[str, Any] = {
            "domains": config.domains,
            "account_for": account_for,
            "intake": intake,
            "now": host.reactor.seconds,
            "addresses": addresses,
            "spool": spool,
            "may_relay": control.permits,
            "checks": Checks(self._checks, host.reactor) if self._checks else None,
        }
        self._directory = directory

    def receiver(self, service: str) -> InboundReceiver:
        """Return the receiver for ``smtp``, ``lmtp``, ``submission`` or ``local``.

        The last is for programs of this machine: they may send anywhere.
        """
        if service == "local":
            shared = {**self._shared, "may_relay": lambda origin: True, "checks": None}
            return InboundReceiver(self._directory, **shared)
        kind = SubmissionReceiver if service == "submission" else InboundReceiver
        return kind(self._directory, **self._shared)

    def close(self) -> None:
        """Let go of what checks hold."""
        for configured in self._checks:
            close = getattr(configured.check, "close", None)
            if close is not None:
                close()

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
