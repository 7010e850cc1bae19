"""Questions to the DNS: answered from a cache, over UDP, or TCP where it must be.

The servers are recursive resolvers; what they say of DNSSEC (the AD bit) is
believed only of those that are named as trusted, which should be on this host.

Source: RFC 1035 sections 4.2 and 7, RFC 2308 section 5 (negative answers),
RFC 6840 section 5.7 (the AD bit in questions).
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import zip_longest
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    connectProtocol,
)
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.logger import Logger
from twisted.names import dns

from mailframe.errors import TemporaryFailure

_log = Logger()

TIMEOUTS = (2.0, 4.0, 8.0)
"""Seconds to wait for each server, one round after the other."""

TCP_TIMEOUT = 10.0
"""Seconds a question over TCP may take."""

CACHE_SIZE = 20_000
"""Answers that are kept."""

MAX_TTL = 86_400
"""Seconds an answer is kept at most, whatever it says."""

MAX_NEGATIVE_TTL = 10_800
"""The same for "there is none" (RFC 2308 section 5)."""

DEFAULT_NEGATIVE_TTL = 60
"""The same where the answer has no SOA to say."""

MAX_ALIASES = 16
"""CNAMEs followed for one name."""

TLSA = 52
"""The type of a TLSA record (RFC 6698 section 7.1)."""

_ADDRESSES = (dns.AAAA, dns.A)


class LookupFailed(TemporaryFailure):
    """The DNS gave no answer: a timeout, SERVFAIL, REFUSED, or a broken one."""

    status = "4.4.3"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the DNS says to one question.

    Attributes:
        records: The records' payloads, of ``twisted.names.dns``; empty when
            there is none of this type.
        exists: Whether there is the name at all, with records of any type.
        secure: Whether it was validated by DNSSEC, the absence too.
        name: The name the records are at, all CNAMEs followed, lower case.
        expires: Until when it may be used, on the clock of the resolver.
    """

    records: tuple[Any, ...]
    exists: bool
    secure: bool
    name: str
    expires: float


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a host is.

    Attributes:
        addresses: IPv6 and IPv4 in turns; empty when it has none.
        secure: Whether all of it was validated by DNSSEC.
        name: The name they are at, all CNAMEs followed.
        expires: Until when that may be used, on the clock of the resolver.
    """

    addresses: tuple[str, ...]
    secure: bool
    name: str
    expires: float = 0.0


class Resolver:
    """Asks recursive servers, and remembers."""

    def __init__(
        self,
        reactor: Any,
        servers: Sequence[tuple[str, int]],
        *,
        timeouts: Sequence[float] = TIMEOUTS,
        trusted: bool | None = None,
        cache_size: int = CACHE_SIZE,
    ) -> None:
        """Prepare to ask.

        Args:
            reactor: Provides IReactorTime, IReactorUDP and IReactorTCP.
            servers: Address and port of each, in the order they are asked.
            timeouts: Seconds, one round after the other.
            trusted: Whether to believe the AD bit; ``None`` when all servers
                are on loopback.
            cache_size: How many answers to keep.
        """
        self._reactor = reactor
        self._servers = tuple(servers)
        self._timeouts = tuple(timeouts)
        if trusted is None:
            trusted = all(ip_address(host).is_loopback for host, _ in servers)
        self.trusted = trusted
        self._cache_size = cache_size
        self._cache: OrderedDict[tuple[str, int], Answer] = OrderedDict()
        self._asking: dict[tuple[str, int], list[Deferred[Answer]]] = {}

    async def lookup(self, name: str, kind: int) -> Answer:
        """Return the records of one type at a name.

        Args:
            name: In A-labels, without the last dot.
            kind: ``dns.MX``, ``dns.A`` and the like.

        Raises:
            LookupFailed: No answer could be had. Asking again later may help.
        """
        key = (name.lower(), kind)
        kept = self._cache.get(key)
        if kept is not None and kept.expires > self._reactor.seconds():
            self._cache.move_to_end(key)
            return kept
        waiting = self._asking.get(key)
        if waiting is not None:
            asked: Deferred[Answer] = Deferred()
            waiting.append(asked)
            return await asked
        self._asking[key] = []
        try:
            answer = await self._ask(*key)
        except BaseException as error:
            for other in self._asking.pop(key):
                other.errback(LookupFailed(*error.args))
            raise
        self._keep(key, answer)
        for other in self._asking.pop(key):
            other.callback(answer)
        return answer

    async def addresses(self, host: str) -> Addresses:
        """Return the addresses of a host, IPv6 and IPv4 in turns.

        Args:
            host: A name in A-labels, or an address itself.

        Raises:
            LookupFailed: There may be some, but they cannot be had now.
        """
        if is_address(host):
            return Addresses((host,), False, host, self._reactor.seconds() + MAX_TTL)
        six, four = await gatherResults(
            [Deferred.fromCoroutine(self._try(host, kind)) for kind in _ADDRESSES]
        )
        answers = [one for one in (six, four) if isinstance(one, Answer)]
        pairs = zip_longest(
            *(map(_address, one.records) for one in answers), fillvalue=None
        )
        found = tuple(one for pair in pairs for one in pair if one is not None)
        if not found:
            for trouble in (six, four):
                if isinstance(trouble, LookupFailed):
                    raise trouble
        return Addresses(
            found,
            len(answers) == 2 and all(one.secure for one in answers),
            answers[-1].name,
            min(one.expires for one in answers) if len(answers) == 2 else 0.0,
        )

    async def _try(self, host: str, kind: int) -> Answer | LookupFailed:
        try:
            return await self.lookup(host, kind)
        except LookupFailed as error:
            return error

    def now(self) -> float:
        """Return the time by which answers expire."""
        seconds: float = self._reactor.seconds()
        return seconds

    def forget(self) -> None:
        """Throw the cache away."""
        self._cache.clear()

    def _keep(self, key: tuple[str, int], answer: Answer) -> None:
        self._cache[key] = answer
        self._cache.move_to_end(key)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)

    async def _ask(self, name: str, kind: int) -> Answer:
        """Ask the servers in turn until one answers."""
        query = dns.Query(name.encode("ascii"), kind, dns.IN)
        trouble = "no answer"
        for timeout in self._timeouts:
            for server in self._servers:
                try:
                    message = await self._exchange(server, query, timeout)
                except (OSError, DeferredTimeout, ConnectError, ConnectionClosed):
                    continue
                if message.rCode in (dns.OK, dns.ENAME):
                    return self._answer(name, kind, message)
                trouble = f"answer code {message.rCode}"
            if trouble != "no answer":
                break
        _log.info("{name}: {trouble}", name=name, trouble=trouble)
        raise LookupFailed(f"{name}: {trouble}")

    async def _exchange(
        self, server: tuple[str, int], query: Any, seconds: float
    ) -> Any:
        """Ask one server by UDP, then by TCP when the answer was cut."""
        protocol = _datagrams(_NOBODY, self._reactor)
        interface = "::" if ":" in server[0] else ""
        port = self._reactor.listenUDP(0, protocol, interface=interface)
        try:
            message = await protocol.query(server, [query], seconds)
        finally:
            port.stopListening()
        if not message.trunc and message.queries == [query]:
            return message
        return await self._exchange_stream(server, query)

    async def _exchange_stream(self, server: tuple[str, int], query: Any) -> Any:
        protocol = _stream(_NOBODY, self._reactor)
        kind = TCP6ClientEndpoint if ":" in server[0] else TCP4ClientEndpoint
        await _connect(kind(self._reactor, *server, TCP_TIMEOUT), protocol)
        try:
            return await protocol.query([query], TCP_TIMEOUT)
        finally:
            protocol.transport.abortConnection()

    def _answer(self, name: str, kind: int, message: Any) -> Answer:
        """Read an answer: follow its CNAMEs, take the records at their end."""
        owner = name.lower()
        aliases = {
            _text(one.name): _text(one.payload.name)
            for one in message.answers
            if one.type == dns.CNAME
        }
        ttls = [one.ttl for one in message.answers]
        for _ in range(MAX_ALIASES):
            if owner not in aliases:
                break
            owner = aliases[owner]
        else:
            raise LookupFailed(f"{name}: too many CNAMEs")
        records = tuple(
            one.payload
            for one in message.answers
            if one.type == kind and one.cls == dns.IN and _text(one.name) == owner
        )
        if not records:
            ttls.append(_negative_ttl(message.authority))
        ttl = min([MAX_TTL, *ttls])
        return Answer(
            records,
            message.rCode == dns.OK,
            bool(self.trusted and message.authenticData),
            owner,
            self._reactor.seconds() + ttl,
        )


def system_servers(path: Path) -> list[tuple[str, int]]:
    """Return the servers that ``resolv.conf`` names, or the one on this host.

    Args:
        path: Usually ``/etc/resolv.conf``; it need not be there.
    """
    try:
        lines = path.read_text("ascii", "replace").splitlines()
    except OSError:
        lines = []
    words = [line.split()[:2] for line in lines if line.startswith("nameserver")]
    hosts = [word[1] for word in words if len(word) == 2 and is_address(word[1])]
    return [(host, dns.PORT) for host in hosts or ["127.0.0.1"]]


def _negative_ttl(authority: Sequence[Any]) -> int:
    """Return how long an absence may be remembered (RFC 2308 section 5)."""
    found = [
        min(one.ttl, one.payload.minimum, MAX_NEGATIVE_TTL)
        for one in authority
        if one.type == dns.SOA
    ]
    return int(min(found, default=DEFAULT_NEGATIVE_TTL))


def _text(name: Any) -> str:
    octets: bytes = name.name
    return octets.decode("ascii", "replace").lower().rstrip(".")


def _address(record: Any) -> str:
    return str(ip_address(record.address))


def is_address(host: str) -> bool:
    """Tell whether a host is given by its address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def host_name(payload: Any) -> str:
    """Return the host an MX or CNAME payload names, lower case; "" for the root."""
    return _text(payload.name)


def strings(payload: Any) -> str:
    """Return a TXT payload's strings as one text."""
    return b"".join(payload.data).decode("utf-8", "replace")


class _Nobody:
    """Takes what no question of ours was answered with."""

    def messageReceived(self, *ignored: Any) -> None:  # noqa: N802
        """Nothing."""

    def connectionMade(self, protocol: Any) -> None:
        """Nothing."""

    def connectionLost(self, protocol: Any) -> None:
        """Nothing."""


_NOBODY = _Nobody()


class _Datagrams(dns.DNSDatagramProtocol):
    """Asks with AD set: we can use what the server says of DNSSEC."""

    noisy = False

    def writeMessage(self, message: Any, address: tuple[str, int]) -> None:  # noqa: N802
        """Send (RFC 6840 section 5.7)."""
        message.authenticData = 1
        super().writeMessage(message, address)


class _Stream(dns.DNSProtocol):
    """The same over TCP."""

    def writeMessage(self, message: Any) -> None:  # noqa: N802
        """Send (RFC 6840 section 5.7)."""
        message.authenticData = 1
        super().writeMessage(message)  # type: ignore[no-untyped-call]


# Twisted's constructors and this function have no types.
_datagrams: Any = _Datagrams
_stream: Any = _Stream
_connect: Any = connectProtocol
