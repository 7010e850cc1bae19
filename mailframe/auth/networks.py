"""From where a service may be used, and from where by whom.

A client's address counts as it is: an IPv4 address in an IPv6 one is the IPv4
address. A Unix socket is in no network, and nothing said here keeps it out.

Source: RFC 4632 section 3.1 (CIDR), RFC 4291 section 2.5.5.2.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mailframe.auth.refusal import RefusedLogin
from mailframe.interfaces.auth import Mind

_SEPARATORS = re.compile(r"[,\s]+")
_FIELDS = frozenset(("allow_nets", "deny_nets", "services"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network: {error}") from None


@lru_cache(maxsize=4096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return a client's address, ``None`` if it is none; clients come again."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


class Networks:
    """Some networks, by CIDR."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Take the networks.

        Args:
            texts: Each ``address/length``, or an address alone.

        Raises:
            ValueError: One of them is not a network; the text names it.
        """
        self._networks = tuple(map(_network, texts))

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._networks)

    def contain(self, address: str) -> bool:
        """Tell whether an address is in one of them; what is no address is not."""
        if not self._networks:
            return False
        found = _address(address)
        return found is not None and any(found in one for one in self._networks)


_NO_NETWORKS = Networks(())


@dataclass(frozen=True, slots=True)
class NetworkRule:
    """What is allowed from where.

    Attributes:
        allow: If there are any, only from these.
        deny: Never from these, even if they are in ``allow``.
        services: If there are any, only these services.
    """

    allow: Networks = _NO_NETWORKS
    deny: Networks = _NO_NETWORKS
    services: frozenset[str] = frozenset()

    def check(self, mind: Mind | None) -> None:
        """Do nothing if this login is allowed.

        Raises:
            RefusedLogin: It is not.
        """
        if mind is None:
            return
        if self.services and mind.service not in self.services:
            raise RefusedLogin("service")
        address = mind.client_address
        if address is None:
            return
        if self.deny.contain(address) or (
            self.allow and not self.allow.contain(address)
        ):
            raise RefusedLogin("network")


NO_RULE = NetworkRule()


def rule_of(fields: Mapping[str, str]) -> NetworkRule:
    """Return what a source says of its user, in ``UserEntry.extra``.

    ``allow_nets`` and ``deny_nets`` are networks with commas or spaces between
    them, ``services`` are services. ``local`` among the networks, a Unix socket,
    needs no saying.

    Raises:
        ValueError: One of them cannot be understood.
    """
    if not _FIELDS & fields.keys():
        return NO_RULE
    words = {
        name: [word for word in _SEPARATORS.split(fields.get(name, "")) if word]
        for name in _FIELDS
    }
    allow = [word for word in words["allow_nets"] if word != "local"]
    if not allow and "allow_nets" in fields:
        # Allowed from nowhere else than here: not the same as nothing said.
        allow = ["0.0.0.0/32"]
    return NetworkRule(
        Networks(allow), Networks(words["deny_nets"]), frozenset(words["services"])
    )


def check_fields(fields: Mapping[str, str], mind: Mind | None) -> None:
    """Do nothing if a user of whom a source says this may log in so.

    Args:
        fields: ``UserEntry.extra``.
        mind: Where the login comes from; of ``None`` networks and services are
            not looked at.

    Raises:
        RefusedLogin: Not from there, not this service, or never.
    """
    if fields.get("nologin", "no").lower() not in ("no", "n", "0", "false"):
        raise RefusedLogin("closed")
    try:
        rule = rule_of(fields)
    except ValueError:
        # What keeps people out must not be overlooked.
        raise RefusedLogin("network") from None
    rule.check(mind)


class NetworkGuard:
    """Keep logins out that come from where they must not."""

    def __init__(
        self,
        services: Mapping[str, NetworkRule],
        users: Mapping[str, NetworkRule],
        directory: Any = None,
    ) -> None:
        """Know the rules.

        Args:
            services: By the service's name.
            users: By canonical address, the domain in lower case.
            directory: Provides ``IUserDirectory``, and is asked for what it
                says of a user; ``None`` asks nobody.
        """
        self._services = services
        self._users = {name.casefold(): rule for name, rule in users.items()}
        self._directory = directory

    def check_service(self, mind: Mind | None) -> None:
        """Do nothing if anybody at all may log in so; no secret is needed.

        Raises:
            RefusedLogin: Nobody may.
        """
        if mind is not None:
            self._services.get(mind.service, NO_RULE).check(mind)

    async def check_user(self, address: str, mind: Mind | None) -> None:
        """Do nothing if this user, whose secret was right, may log in so.

        Args:
            address: The canonical address.
            mind: Where the login comes from.

        Raises:
            RefusedLogin: Not from there, not this service, or never.
            TemporaryFailure: The directory cannot be asked now.
        """
        self._users.get(address.casefold(), NO_RULE).check(mind)
        if self._directory is None:
            return
        entry = await self._directory.find(address)
        if entry is not None:
            check_fields(entry.extra, mind)
