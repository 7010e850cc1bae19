"""How mail leaves, from the file: its ``[queue]`` table and its ``[[route]]`` tables.

::

    [queue]
    retry = ["5m", "10m", "20m", "1h"]
    lifetime = "5d"

    [[route]]
    domain = ["example.org", ".example.org"]
    to = ["smtp.example.net:587", "backup.example.net:587"]
    tls = "verify"
    user = "us"
    password-file = "/etc/mailframe/relay.password"

``docs/howto/routes.rst`` has all of it.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mailframe.config_key import BadConfig
from mailframe.interfaces.delivery import Hop
from mailframe.model.address import ascii_domain
from mailframe.model.secret import Secret
from mailframe.net.routing import Route, parse_hop
from mailframe.net.tls_policy import LEVELS
from mailframe.queue.destinations import Pace
from mailframe.queue.schedule import Schedule, Schedules
from mailframe.sasl.client import Login

TABLES = {"queue": "[queue]", "route": "[[route]]"}
"""The tables of the file, and how they are written."""

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

MOST = 10_000
"""Simultaneous deliveries that can be asked for."""

_SPAN = re.compile(r"([0-9]{1,9})([smhd])")

_TIMES = ("retry", "lifetime", "warn-after")
_QUEUE = (*_TIMES, "concurrency", "first-concurrency", "total", "ca-file")
_ROUTE = (
    *("domain", "sender", "after", "to", "tls", "user", "password-file"),
    *(*_TIMES, "concurrency"),
)


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """How mail leaves.

    Attributes:
        routes: Where mail goes otherwise than by MX, in order.
        logins: Who we are there, by ``HOST:PORT``.
        levels: How much TLS, by domain.
        schedules: When to try again.
        pace: How much at the same time.
        authorities: PEM files of the authorities that are believed; empty for
            those of the system.
    """

    routes: tuple[Route, ...] = ()
    logins: Mapping[str, Login] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)
    schedules: Schedules = Schedules()  # noqa: RUF009 - a frozen value
    pace: Pace = Pace()  # noqa: RUF009 - a frozen value
    authorities: tuple[Path, ...] = ()


def queue_config(given: Mapping[str, Any]) -> QueueConfig:
    """Return what the tables say.

    Args:
        given: All settings; ``queue`` and ``route`` are read.

    Raises:
        BadConfig: A key does not exist, or has no such value.
    """
    table = _table("[queue]", given.get("queue", {}), _QUEUE)
    schedule = _schedule("[queue]", table, Schedule())
    pace = _pace(table)
    schedules: dict[str, Schedule] = {}
    most: dict[str, int] = {}
    levels: dict[str, str] = {}
    logins: dict[str, Login] = {}
    routes: list[Route] = []
    found = given.get("route", [])
    if not isinstance(found, list):
        raise BadConfig("route: must be tables, such as [[route]]")
    for number, one in enumerate(found, 1):
        where = f"[[route]] {number}"
        route = _table(where, one, _ROUTE)
        domains = tuple(_domain(where, name) for name in _texts(where, route, "domain"))
        senders = tuple(text.lower() for text in _texts(where, route, "sender"))
        after = _number(where, route, "after", 0, MOST) or 0
        level = _level(where, route)
        hops = _hops(where, route, level, logins)
        if hops:
            routes.append(Route(hops, domains, senders, after))
        of_domain = bool(domains) and not senders and not after
        of_destination = [key for key in (*_TIMES, "concurrency") if key in route]
        if not of_domain and (of_destination or (level and not hops)):
            key = (*of_destination, "tls")[0]
            raise BadConfig(f"{where}: {key} needs domain without sender or after")
        if not (hops or of_destination or level):
            raise BadConfig(f"{where}: says nothing; to, tls, retry or concurrency do")
        for name in domains:
            if set(_TIMES) & set(route):
                schedules.setdefault(name, _schedule(where, route, schedule))
            if "concurrency" in route:
                concurrency = _number(where, route, "concurrency", 1, MOST)
                most.setdefault(name, concurrency or 1)
            if level and not hops:
                levels.setdefault(name, level)
    return QueueConfig(
        tuple(routes),
        logins,
        levels,
        Schedules(schedule, schedules),
        replace(pace, by_destination=most),
        tuple(Path(one).absolute() for one in _texts("[queue]", table, "ca-file")),
    )


def _table(where: str, found: object, names: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise BadConfig(f"{where}: must be a table")
    for name in found:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1, 0.0)[0]
            raise BadConfig(f"{where}: there is no key {name!r}; nearest is {near!r}")
    return found


def _texts(where: str, table: Mapping[str, Any], name: str) -> list[str]:
    value = table.get(name, [])
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise BadConfig(f"{where}: {name} must be a text or a list of texts")
    return values


def _text(where: str, table: Mapping[str, Any], name: str) -> str | None:
    value = table.get(name)
    if value is not None and not isinstance(value, str):
        raise BadConfig(f"{where}: {name} must be a text")
    return value


def _number(
    where: str, table: Mapping[str, Any], name: str, least: int, most: int
) -> int | None:
    value = table.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadConfig(f"{where}: {name} must be a number")
    if not least <= value <= most:
        raise BadConfig(f"{where}: {name} is from {least} to {most}")
    return value


def _domain(where: str, text: str) -> str:
    """Return ``example.org``, or ``.example.org`` for all below it, in A-labels."""
    dot = "." if text.startswith(".") else ""
    try:
        return dot + ascii_domain(text.removeprefix(".").lower())
    except ValueError:
        raise BadConfig(f"{where}: {text}: not a domain") from None


def _level(where: str, table: Mapping[str, Any]) -> str | None:
    level = _text(where, table, "tls")
    if level is not None and level not in LEVELS:
        raise BadConfig(f"{where}: tls is one of {', '.join(LEVELS)}")
    return level


def _hops(
    where: str, table: Mapping[str, Any], level: str | None, logins: dict[str, Login]
) -> tuple[Hop, ...]:
    """Return the servers of a route, and note who we are there."""
    login = _login(where, table)
    usual = "encrypt" if login else "may"
    hops = []
    for text in _texts(where, table, "to"):
        try:
            hop = parse_hop(text.removeprefix("smtp:"), tls=level or usual)
        except ValueError as error:
            raise BadConfig(f"{where}: to: {error}") from None
        hops.append(hop)
        if login:
            logins[f"{hop.host}:{hop.port}"] = login
    if login and not hops:
        raise BadConfig(f"{where}: user needs to")
    return tuple(hops)


def _login(where: str, table: Mapping[str, Any]) -> Login | None:
    user = _text(where, table, "user")
    path = _text(where, table, "password-file")
    if (user is None) != (path is None):
        raise BadConfig(f"{where}: user and password-file go together")
    if user is None or path is None:
        return None
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise BadConfig(f"{where}: {path}: {error.strerror}") from None
    if not lines or not lines[0]:
        raise BadConfig(f"{where}: {path}: no password in its first line")
    return Login(user.encode(), Secret(lines[0]))


def _schedule(where: str, table: Mapping[str, Any], usual: Schedule) -> Schedule:
    waits = tuple(_span(where, "retry", one) for one in _texts(where, table, "retry"))
    lifetime = _text(where, table, "lifetime")
    warn_after = _text(where, table, "warn-after")
    try:
        return replace(
            usual,
            waits=waits or usual.waits,
            lifetime=_span(where, "lifetime", lifetime) if lifetime else usual.lifetime,
            warn_after=_span(where, "warn-after", warn_after)
            if warn_after
            else usual.warn_after,
        )
    except ValueError as error:
        raise BadConfig(f"{where}: {error}") from None


def _span(where: str, name: str, text: str) -> float:
    """Return seconds of ``90s``, ``5m``, ``4h`` or ``5d``."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise BadConfig(f"{where}: {name}: {text}: not 30s, 5m, 4h, 5d or the like")
    return int(found[1]) * UNITS[found[2]]


def _pace(table: Mapping[str, Any]) -> Pace:
    usual = Pace()
    most = _number("[queue]", table, "concurrency", 1, MOST) or usual.most
    first = _number("[queue]", table, "first-concurrency", 1, MOST) or usual.first
    total = _number("[queue]", table, "total", 1, MOST) or usual.total
    return replace(usual, first=min(first, most), most=most, total=total)
