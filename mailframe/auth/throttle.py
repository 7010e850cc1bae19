"""Whoever guesses waits, and waits longer each time.

Failures are counted for the address they come from and for the user they are
about. A pair of both that was right lately has a count of its own: nobody locks
a user out by guessing from elsewhere, and nobody waits for a neighbour behind the
same address.

Source: RFC 4291 section 2.5.4 (a /64 is a site's).
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.task import deferLater

from mailframe.auth.networks import Networks
from mailframe.errors import TemporaryFailure

_T = TypeVar("_T")
_V = TypeVar("_V")

_MOST_DOUBLINGS = 16
"""A count that goes on growing would take for ever to go down again."""


class FailureStore(Protocol):
    """Where failures are counted; one for all listeners, perhaps all processes."""

    async def delay(self, site: str, user: str) -> float:
        """Return how long an attempt has to wait before it is looked at.

        Args:
            site: Where it comes from, as :func:`site_of`; ``""`` is nowhere in
                particular and is not counted.
            user: Whom it is about; ``""`` as for ``site``.

        Returns:
            Seconds, 0 or more.
        """

    async def failed(self, site: str, user: str) -> None:
        """Count one failure."""

    async def succeeded(self, site: str, user: str) -> None:
        """Note that ``site`` is where ``user`` comes from."""


class FailureCounts:
    """Failures counted in the memory of this process, and forgotten with time."""

    def __init__(
        self,
        seconds: Callable[[], float],
        *,
        free: int = 5,
        first: float = 1.0,
        most: float = 15.0,
        forget: float = 60.0,
        known: float = 604_800.0,
        size: int = 50_000,
    ) -> None:
        """Begin with no failures.

        Args:
            seconds: A clock.
            free: Failures after which nobody waits yet.
            first: Seconds to wait after those; each failure doubles them.
            most: Seconds nobody waits longer than.
            forget: Seconds after which one failure is forgotten.
            known: Seconds for which a pair that was right is known.
            size: Addresses, users and pairs remembered of each kind; what was
                touched least lately goes first.
        """
        self._seconds = seconds
        self._free = free
        self._first = first
        self._most = most
        self._forget = forget
        self._ttl = known
        self._counts: _Bounded[tuple[str, str], tuple[float, float]] = _Bounded(
            3 * size
        )
        self._known: _Bounded[tuple[str, str], float] = _Bounded(size)

    async def delay(self, site: str, user: str) -> float:
        """Return the seconds an attempt has to wait."""
        return max((self._delay(key) for key in self._keys(site, user)), default=0.0)

    async def failed(self, site: str, user: str) -> None:
        """Count one failure, of the address, the user and the pair."""
        now = self._seconds()
        top = self._free + _MOST_DOUBLINGS
        for key in {*_separate(site, user), *self._keys(site, user)}:
            self._counts.put(key, (min(self._count(key) + 1, top), now))

    async def succeeded(self, site: str, user: str) -> None:
        """Note that the pair is a good one; other counts stay.

        An attacker with an account of his own would begin anew with each of
        his logins.
        """
        if site and user:
            self._known.put((site, user), self._seconds() + self._ttl)
            self._counts.drop((site, user))

    def _keys(self, site: str, user: str) -> Iterable[tuple[str, str]]:
        """Return whose counts decide."""
        until = self._known.get((site, user))
        if until is not None and until > self._seconds():
            return ((site, user),)
        return _separate(site, user)

    def _count(self, key: tuple[str, str]) -> float:
        found = self._counts.get(key)
        if found is None:
            return 0.0
        count, at = found
        return max(0.0, count - (self._seconds() - at) / self._forget)

    def _delay(self, key: tuple[str, str]) -> float:
        over = round(self._count(key)) - self._free
        if over < 0:
            return 0.0
        return float(min(self._first * 2**over, self._most))


class Throttle:
    """Make an attempt wait for its turn."""

    def __init__(
        self,
        store: FailureStore,
        clock: Any,
        *,
        exempt: Iterable[str] = ("127.0.0.0/8", "::1/128"),
        waiting: int = 20,
    ) -> None:
        """Ask ``store`` how long.

        Args:
            store: Where failures are counted.
            clock: Provides ``IReactorTime``.
            exempt: Networks of hosts that log in for many people, such as a
                webmail's: the user counts, the address does not.
            waiting: Attempts of one address, or for one user, that may wait at
                a time; more are told to come again.

        Raises:
            ValueError: One of ``exempt`` is not a network.
        """
        self._store = store
        self._clock = clock
        self._exempt = Networks(exempt)
        # Clients come again.
        self._site = lru_cache(maxsize=4096)(self._site_of)
        self._most_waiting = waiting
        self._waiting: dict[tuple[str, str], int] = {}

    async def wait(self, address: str | None, user: str) -> None:
        """Return when an attempt may be looked at.

        Args:
            address: Where it comes from; ``None`` for a Unix socket.
            user: Whom it is about, in one spelling; ``""`` if it does not say.

        Raises:
            TemporaryFailure: Too many wait already.
        """
        site = self._site(address)
        delay = await self._store.delay(site, user)
        if delay > 0:
            with self._place(site, user):
                await deferLater(self._clock, delay)

    async def failed(self, address: str | None, user: str) -> None:
        """Count a wrong secret, or an unknown user."""
        await self._store.failed(self._site(address), user)

    async def succeeded(self, address: str | None, user: str) -> None:
        """Note that somebody came in."""
        await self._store.succeeded(self._site(address), user)

    def _site_of(self, address: str | None) -> str:
        if address is None or self._exempt.contain(address):
            return ""
        return site_of(address)

    @contextmanager
    def _place(self, site: str, user: str) -> Iterator[None]:
        keys = _separate(site, user)
        if any(self._waiting.get(key, 0) >= self._most_waiting for key in keys):
            raise TemporaryFailure("too many attempts wait")
        for key in keys:
            self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            yield
        finally:
            for key in keys:
                self._waiting[key] -= 1
                if not self._waiting[key]:
                    del self._waiting[key]


def site_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or an IPv6 /64.

    Source: RFC 4291 sections 2.5.4 and 2.5.5.2.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))


def _separate(site: str, user: str) -> tuple[tuple[str, str], ...]:
    """Return the keys of the two, without what is not known."""
    return tuple(key for key in ((site, ""), ("", user)) if any(key))


class _Bounded(Generic[_T, _V]):
    """A table that forgets what was touched least lately."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: OrderedDict[_T, _V] = OrderedDict()

    def get(self, key: _T) -> _V | None:
        return self._items.get(key)

    def put(self, key: _T, value: _V) -> None:
        self._items[key] = value
        self._items.move_to_end(key)
        if len(self._items) > self._size:
            self._items.popitem(last=False)

    def drop(self, key: _T) -> None:
        self._items.pop(key, None)
