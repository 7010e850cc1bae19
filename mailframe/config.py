"""What a host is told, checked: the TOML file and the options into a HostConfig.

:mod:`mailframe.config_keys` says what can be set.
"""

import difflib
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mailframe import config_limits, config_queue
from mailframe.config_key import BadConfig, Key
from mailframe.config_keys import KEYS, SERVICES
from mailframe.config_queue import QueueConfig, queue_config
from mailframe.config_reception import ReceptionConfig, reception_config
from mailframe.config_tls import TLSConfig, tls_config
from mailframe.config_value import (
    days,
    domain,
    domains,
    endpoint,
    path,
    seconds,
)
from mailframe.limits import Limits
from mailframe.toml import read_toml

__all__ = [
    "SANDBOX_LISTENERS",
    "BadConfig",
    "HostConfig",
    "Listener",
    "host_config",
    "read_file",
]


_BY_NAME = {key.name: key for key in KEYS}


@dataclass(frozen=True, slots=True)
class Listener:
    """One port to listen on.

    Attributes:
        service: A key of :data:`SERVICES`.
        endpoint: A Twisted server endpoint string.
    """

    service: str
    endpoint: str


SANDBOX_LISTENERS = tuple(
    Listener(service, f"tcp:{port}:interface=127.0.0.1")
    for service, port in (
        ("smtp", 8025),
        ("submission", 8587),
        ("submissions", 8465),
        ("imap", 8143),
        ("imaps", 8993),
        ("pop3", 8110),
        ("pop3s", 8995),
    )
)
"""Where the sandbox listens: loopback, ports that need no privilege."""


@dataclass(frozen=True, slots=True)
class HostConfig:
    """All a host needs to know, checked.

    Attributes:
        hostname: Our name.
        domains: The domains we receive for; the first is the default one.
        state_dir: Where everything is kept.
        auth: Checker strings, in order, or the ``[auth]`` table of the file.
        realm: The realm string.
        listeners: What to listen on.
        tls: Which certificates are served, and to whom.
        allow_plaintext_auth: Whether passwords may cross any network bare.
        sandbox: Whether nobody said what to serve, for whom, or to whom.
        reception: What mail is taken and where it goes.
        limits: What peers may make us hold.
        smarthosts: Where all outbound mail goes, best first; empty for by MX.
        resolvers: The name servers that are asked; empty for the system's.
        no_tls_reports: Whether nobody is told how TLS with their domain went.
        queue: How mail leaves.
        fetch: TOML file of remote accounts, or ``None``.
        pickup_dir: Where programs drop mail, or ``None`` for in ``state_dir``.
        pop3_apop: Whether POP3 offers APOP.
        pop3_expire: Days for which POP3 says that mail stays, ``None`` for ever.
        pop3_login_delay: Seconds between two POP3 logins of a user.
        urlauth_submitters: Users whose sessions follow URLs for a submission
            server elsewhere.
    """

    hostname: str
    domains: tuple[str, ...]
    state_dir: Path
    auth: tuple[str, ...] | Mapping[str, Any]
    realm: str
    listeners: tuple[Listener, ...]
    reception: ReceptionConfig
    limits: Limits
    tls: TLSConfig = field(default_factory=TLSConfig)
    allow_plaintext_auth: bool = False
    sandbox: bool = field(default=False)
    smarthosts: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    no_tls_reports: bool = False
    queue: QueueConfig = field(default_factory=QueueConfig)
    fetch: Path | None = None
    pickup_dir: Path | None = None
    pop3_apop: bool = False
    pop3_expire: int | None = None
    pop3_login_delay: int = 0
    urlauth_submitters: tuple[str, ...] = ()


def read_file(path: str) -> dict[str, Any]:
    """Return the settings of a TOML file, by key.

    Raises:
        BadConfig: It cannot be read, or has a key that does not exist.
    """
    try:
        found = read_toml(path)
    except ValueError as error:
        raise BadConfig(f"--config {error}") from None
    if config_limits.TABLE in found:
        table = found.pop(config_limits.TABLE)
        found.setdefault("limit", [])
        found["limit"] = config_limits.from_table(path, table) + found["limit"]
    for name, value in found.items():
        if name in config_queue.TABLES:
            continue  # Checked by host_config.
        key = _BY_NAME.get(name)
        if key is None:
            names = [*_BY_NAME, config_limits.TABLE, *config_queue.TABLES]
            near = difflib.get_close_matches(name, names, 1, 0.0)[0]
            raise BadConfig(f"{path}: there is no key {name!r}; nearest is {near!r}")
        found[name] = _typed(path, key, value)
    return found


def _typed(path: str, key: Key, value: object) -> Any:
    """Return ``value`` as its key wants it."""
    if key.name == "auth" and isinstance(value, dict):
        # A table: docs/howto/logins.rst has its keys, mailframe.auth.compose
        # checks them.
        return value
    if key.kind == "list":
        values = value if isinstance(value, list) else [value]
        if all(isinstance(one, str) for one in values):
            return values
        wanted = "a text or a list of texts"
    elif key.kind == "number":
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        wanted = "a number"
    elif key.kind == "switch":
        if isinstance(value, bool):
            return value
        wanted = "true or false"
    else:
        if isinstance(value, str):
            return value
        wanted = "a text"
    raise BadConfig(f"{path}: {key.name} must be {wanted}")


def host_config(settings: Mapping[str, Any]) -> HostConfig:
    """Return the checked configuration.

    Args:
        settings: Values by key name; what is missing, empty or ``None`` takes
            its default.

    Raises:
        BadConfig: A value is wrong, or asks for what does not exist yet.
    """
    given = {name: value for name, value in settings.items() if value}
    for key in KEYS:
        if key.missing and given.get(key.name, 1) != 1:
            raise BadConfig(
                f"--{key.name}: {key.missing}: not part of this version of mailframe"
            )
    state_dir = Path(given.get("state-dir", "mailframe-data")).absolute()
    hostname = domain("hostname", given.get("hostname") or socket.getfqdn())
    config = HostConfig(
        hostname=hostname,
        domains=domains(given, "domain"),
        state_dir=state_dir,
        auth=given["auth"]
        if isinstance(given.get("auth"), dict)
        else (tuple(given.get("auth", ()))),
        realm=given.get("realm") or f"maildir:{state_dir}/mail/%d/%n",
        listeners=tuple(
            Listener(service, endpoint(service, text))
            for service in SERVICES
            for text in given.get(service, ())
        ),
        reception=reception_config(given),
        limits=config_limits.limits_from(given.get("limit", ())),
        tls=tls_config(given, hostname),
        allow_plaintext_auth=bool(given.get("allow-plaintext-auth")),
        smarthosts=tuple(given.get("smarthost", ())),
        resolvers=tuple(given.get("resolver", ())),
        no_tls_reports=bool(given.get("no-tls-reports")),
        queue=queue_config(given),
        fetch=path(given.get("fetch")),
        pickup_dir=path(given.get("pickup-dir")),
        pop3_apop=bool(given.get("pop3-apop")),
        pop3_expire=days(given, "pop3-expire"),
        pop3_login_delay=seconds(given, "pop3-login-delay"),
        urlauth_submitters=tuple(given.get("urlauth-submitter", ())),
    )
    sandbox = not (config.listeners or config.domains or config.auth)
    return replace(
        config,
        sandbox=sandbox,
        domains=config.domains or ("localhost",),
        auth=config.auth or (f"passwd:{state_dir}/passwd",),
        listeners=config.listeners or SANDBOX_LISTENERS,
    )
