"""Where mail goes next: the MX records of its domain, or where the operator says.

Source: RFC 5321 section 5, RFC 7505 (null MX), RFC 8461 section 5 (MTA-STS).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from itertools import groupby
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.names import dns
from zope.interface import implementer

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.interfaces.delivery import Hop, IRouter
from mailframe.model.address import Address, ascii_domain
from mailframe.net.dns import Addresses, Answer, LookupFailed, Resolver, host_name
from mailframe.net.mta_sts import Policies, Policy
from mailframe.net.tls_policy import TLSLevels

_log = Logger()

SMTP_PORT = 25

MAX_HOSTS = 20
"""MX hosts of one domain that are looked at, best first."""

KEPT_FOR = 60.0
"""Seconds a route is used at most; what the DNS says can be shorter."""

KEPT_MAX = 10_000
"""Domains whose routes are kept."""

OUR_NETWORKS = ("0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128")
"""Where an MX record must not lead: it would be ourselves."""

_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.|$))+")
_LITERAL = re.compile(r"\[(?:ipv6:)?([0-9a-f:.]+)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MXHop(Hop):
    """A host found through the DNS, and what was found.

    Hops are the same when host, port and TLS are: a connection to one may be
    used for another.

    Attributes:
        domain: Whose mail it takes, in A-labels.
        addresses: Where it is, in the order to be tried.
        secure: Whether the way here, MX and addresses, was validated by DNSSEC.
        name: The name the addresses are at, when the host is an alias.
        sts: The MTA-STS policy of the domain, ``None`` without one.
    """

    domain: str = field(default="", compare=False)
    addresses: tuple[str, ...] = field(default=(), compare=False)
    secure: bool = field(default=False, compare=False)
    name: str = field(default="", compare=False)
    sts: Policy | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the DNS said of a domain.

    Attributes:
        groups: Hosts, those of one preference together, best first.
        until: When it is to be asked again.
    """

    groups: Sequence[Sequence[MXHop]]
    until: float


@implementer(IRouter)
class MXRouter:
    """Finds the hosts of a domain."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        our_names: Iterable[str],
        shuffle: Callable[[list[Any]], None],
        levels: TLSLevels | None = None,
        policies: Policies | None = None,
        our_networks: Sequence[str] = OUR_NETWORKS,
        port: int = SMTP_PORT,
    ) -> None:
        """Prepare to look.

        Args:
            resolver: Asked.
            our_names: Names that in an MX record mean this host.
            shuffle: Puts hosts of one preference into any order, such as
                ``random.Random().shuffle``.
            levels: How much TLS the operator wants.
            policies: MTA-STS; ``None`` for none.
            our_networks: Addresses that mean this host.
            port: Where they listen; another one is for tests.
        """
        self._resolver = resolver
        self._our_names = frozenset(name.lower() for name in our_names)
        self._shuffle = shuffle
        self._levels = levels or TLSLevels()
        self._policies = policies
        self._our_networks = tuple(map(ip_network, our_networks))
        self._port = port
        self._now = resolver.now
        self._kept: dict[str, _Found] = {}

    async def route(
        self, domain: str, sender: Address | None, attempts: int = 0
    ) -> Sequence[Hop]:
        """Return the hosts of a domain, best first.

        Raises:
            NoSuchUser: There is no such domain, it takes no mail, none of its
                hosts has an address, or it leads back here; ``status`` tells
                which (5.1.2, 5.1.10, 5.4.4, 5.4.6).
            TemporaryFailure: Cannot be told now.

        Source: RFC 5321 section 5.1.
        """
        literal = _LITERAL.fullmatch(domain)
        if literal is not None:
            return [self._literal(literal[1], domain)]
        domain = ascii_domain(domain)
        kept = self._kept.get(domain)
        if kept is None or kept.until <= self._now():
            kept = await self._find(domain)
            self._keep(domain, kept)
        hops: list[Hop] = []
        for group in kept.groups:
            equal = list(group)
            if len(equal) > 1:
                self._shuffle(equal)
            hops += equal
        return hops

    def _keep(self, domain: str, found: "_Found") -> None:
        self._kept.pop(domain, None)
        self._kept[domain] = found
        if len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]

    async def _find(self, domain: str) -> "_Found":
        """Ask for the hosts of a domain, and for how long that is good."""
        if not _NAME.fullmatch(domain):
            raise _refused(f"{domain}: not the name of a domain", "5.1.2")
        hosts, answer = await self._hosts(domain)
        found = await gatherResults(
            [Deferred.fromCoroutine(self._locate(host)) for host in hosts]
        )
        kept = self._without_us(domain, hosts, found)
        policy = None
        if self._policies is not None:
            policy = await self._policies.policy(domain)
        hops = [
            self._hop(domain, host, where, answer.secure, policy)
            for host, where in kept
            if isinstance(where, Addresses) and where.addresses
        ]
        if not hops:
            for _, where in kept:
                if isinstance(where, LookupFailed):
                    raise where
            raise _refused(f"{domain}: no host has an address", "5.4.4")
        if policy is not None and policy.mode == "enforce":
            hops = self._allowed(hops, policy)
        groups = [
            list(group) for _, group in groupby(hops, lambda hop: hosts[hop.host])
        ]
        times = [one.expires for one in found if isinstance(one, Addresses)]
        until = self._now() + KEPT_FOR if len(times) == len(found) else 0.0
        return _Found(groups, min(until, answer.expires, *times))

    def _literal(self, address: str, domain: str) -> Hop:
        try:
            host = str(ip_address(address))
        except ValueError:
            raise _refused(f"{domain}: not an address", "5.1.3") from None
        if self._is_ours(host):
            raise _refused(f"{domain}: leads back here", "5.4.6")
        level = self._levels.level(domain)
        return MXHop(host, self._port, tls=level, domain=host, addresses=(host,))

    async def _hosts(self, domain: str) -> tuple[dict[str, int], Answer]:
        """Return names and preferences, best first, and where that is from."""
        answer: Answer = await self._resolver.lookup(domain, dns.MX)
        if not answer.records:
            if not answer.exists:
                raise _refused(f"{domain}: no such domain", "5.1.2")
            # RFC 5321 section 5.1: the domain itself is its only host.
            return {domain: 0}, answer
        records = [(one.preference, host_name(one)) for one in answer.records]
        named = [one for one in records if one[1] != ""]
        if not named:
            raise _refused(f"{domain}: takes no mail (null MX)", "5.1.10")
        hosts: dict[str, int] = {}
        for preference, group in groupby(sorted(named), key=lambda one: one[0]):
            equal = [name for _, name in group]
            self._shuffle(equal)
            for name in equal:
                hosts.setdefault(name, preference)
        return dict(list(hosts.items())[:MAX_HOSTS]), answer

    async def _locate(self, host: str) -> Addresses | LookupFailed:
        if not _NAME.fullmatch(host):
            return Addresses((), False, host)
        try:
            return await self._resolver.addresses(host)
        except LookupFailed as error:
            return error

    def _without_us(
        self,
        domain: str,
        hosts: Mapping[str, int],
        found: Sequence[Addresses | LookupFailed],
    ) -> list[tuple[str, Addresses | LookupFailed]]:
        """Drop ourselves, and every host that is not better than we are.

        Source: RFC 5321 section 5.1.
        """
        bound = min(
            (
                preference
                for (host, preference), where in zip(hosts.items(), found, strict=True)
                if self._is_us(host, where)
            ),
            default=None,
        )
        kept = [
            (host, where)
            for (host, preference), where in zip(hosts.items(), found, strict=True)
            if bound is None or preference < bound
        ]
        if not kept:
            raise _refused(f"{domain}: its mail leads back here", "5.4.6")
        return kept

    def _is_us(self, host: str, where: Addresses | LookupFailed) -> bool:
        if host in self._our_names:
            return True
        if isinstance(where, LookupFailed):
            return False
        return where.name in self._our_names or any(map(self._is_ours, where.addresses))

    def _is_ours(self, address: str) -> bool:
        found: Any = ip_address(address)
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self._our_networks)

    def _hop(
        self,
        domain: str,
        host: str,
        where: Addresses,
        secure: bool,
        policy: Policy | None,
    ) -> MXHop:
        level = self._levels.configured(domain)
        if level is None and policy is not None and policy.mode == "enforce":
            level = "verify"
        return MXHop(
            host,
            self._port,
            tls=level or self._levels.level(domain),
            domain=domain,
            addresses=where.addresses,
            secure=secure and where.secure,
            name=where.name,
            sts=policy,
        )

    def _allowed(self, hops: Sequence[MXHop], policy: Policy) -> list[MXHop]:
        """Return the hosts the policy allows (RFC 8461 section 4.1)."""
        allowed = [hop for hop in hops if policy.allows(hop.host)]
        if not allowed:
            error = TemporaryFailure(f"{hops[0].domain}: MTA-STS allows no MX host")
            error.status = "4.7.5"
            raise error
        return allowed


@dataclass(frozen=True, slots=True)
class Route:
    """Where the operator wants some mail to go.

    Attributes:
        hops: The servers, best first.
        domains: The recipients' domains in A-labels, lower case;
            ``.example.org`` is all below ``example.org``. Empty for all.
        senders: ``ann@example.org``, ``@example.org``, or ``<>`` for the null
            one, lower case. Empty for all.
        after: Attempts that have to be made before.
    """

    hops: tuple[Hop, ...]
    domains: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    after: int = 0

    def takes(self, domain: str, sender: Address | None, attempts: int) -> bool:
        """Tell whether it is the way of a message.

        Args:
            domain: In A-labels, lower case.
            sender: The reverse-path.
            attempts: How often it was tried before.
        """
        if attempts < self.after or not self.names(domain):
            return False
        return not self.senders or _names(sender).intersection(self.senders) != set()

    def names(self, domain: str) -> bool:
        """Tell whether it is for a domain, whoever sends and whenever."""
        return not self.domains or any(
            domain.endswith(name) if name[0] == "." else domain == name
            for name in self.domains
        )


def _names(sender: Address | None) -> set[str]:
    """Return what a sender is called in routes."""
    if sender is None:
        return {"<>"}
    return {str(sender).lower(), f"@{sender.domain}".lower()}


@implementer(IRouter)
class TableRouter:
    """Sends mail where the operator says, and all other mail by another router."""

    def __init__(
        self, otherwise: IRouter | Sequence[Hop], routes: Iterable[Route] = ()
    ) -> None:
        """Take the routes.

        Args:
            otherwise: What is asked when no route takes a message: a router, or
                the hops of the smarthosts, best first.
            routes: The first one that takes a message counts.
        """
        self._otherwise = otherwise
        self._routes = tuple(routes)

    async def route(
        self, domain: str, sender: Address | None, attempts: int = 0
    ) -> Sequence[Hop]:
        """Return the hops, best first; see IRouter."""
        if self._routes:
            name = ascii_domain(domain).lower()
            for route in self._routes:
                if route.takes(name, sender, attempts):
                    return route.hops
        if isinstance(self._otherwise, Sequence):
            return self._otherwise
        routed: Sequence[Hop] = await self._otherwise.route(domain, sender, attempts)
        return routed


def parse_hop(text: str, *, tls: str = "may", port: int = SMTP_PORT) -> Hop:
    """Return the hop that a text of the configuration names.

    Args:
        text: ``HOST``, ``HOST:PORT``, ``[2001:db8::1]:PORT``, with ``lmtp:``
            before it for LMTP; or ``lmtp:/path`` for a Unix socket.
        tls: How much TLS.
        port: When none is named; LMTP has no usual one.

    Raises:
        ValueError: It is nothing of the kind.
    """
    lmtp = text.lower().startswith("lmtp:")
    rest = text[5:] if lmtp else text
    if rest.startswith("/"):
        return Hop(rest, 0, lmtp, "none")
    match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?", rest)
    if match is None:
        raise ValueError(f"{text}: not a host and port")
    if match[3] is None and lmtp:
        raise ValueError(f"{text}: LMTP needs a port")
    number = int(match[3] or port)
    if not 0 < number < 65536:
        raise ValueError(f"{text}: not a port")
    host = str(ip_address(match[1])) if match[1] else ascii_domain(match[2])
    return Hop(host, number, lmtp, tls)


def _refused(text: str, status: str) -> NoSuchUser:
    error = NoSuchUser(text)
    error.status = status
    return error
