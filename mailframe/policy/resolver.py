"""What checks ask of DNS, over twisted.names.

Answers are kept as long as they say, for at most an hour; a bounded number.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Protocol

from twisted.names import dns
from twisted.names.error import (
    AuthoritativeDomainError,
    DNSNameError,
    DNSQueryTimeoutError,
    DomainError,
    ResolverError,
)

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.model.address import ascii_domain

KEPT = 10_000
"""Answers kept."""

LONGEST = 3600.0
"""Seconds for which an answer is kept at most."""

MISSING = 300.0
"""Seconds for which it is kept that there is nothing."""


class Resolver(Protocol):
    """Asks DNS."""

    async def lookup(self, name: str, kind: str) -> Sequence[str]:
        """Return what a name has of one type.

        Args:
            name: Absolute, without the last dot.
            kind: ``A``, ``AAAA``, ``MX``, ``PTR`` or ``TXT``.

        Returns:
            Texts: addresses, or names in lower case; for MX the hosts, best
            first, ``""`` for a null MX. Empty when the name has no such record.

        Raises:
            NoSuchUser: There is no such name at all.
            TemporaryFailure: It cannot be told now.
        """


class NamesResolver:
    """Asks through twisted.names, or whatever provides its IResolver."""

    def __init__(
        self,
        resolver: Any,
        seconds: Callable[[], float],
        timeouts: Sequence[int] = (2, 5),
    ) -> None:
        """Ask one resolver.

        Args:
            resolver: Provides ``twisted.internet.interfaces.IResolver``.
            seconds: A clock.
            timeouts: Seconds to wait for each try.
        """
        self._resolver = resolver
        self._seconds = seconds
        self._timeouts = list(timeouts)
        self._kept: OrderedDict[
            tuple[str, str], tuple[float, tuple[str, ...] | None]
        ] = OrderedDict()

    async def lookup(self, name: str, kind: str) -> Sequence[str]:
        """Return what a name has of one type; see :class:`Resolver`."""
        key = (ascii_domain(name), kind)
        kept = self._kept.get(key)
        if kept is None or kept[0] <= self._seconds():
            kept = await self._ask(*key)
            self._kept[key] = kept
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        if kept[1] is None:
            raise NoSuchUser(f"there is no name {name}")
        return kept[1]

    async def _ask(self, name: str, kind: str) -> tuple[float, tuple[str, ...] | None]:
        query = dns.Query(name.encode("ascii", "replace"), getattr(dns, kind))
        try:
            answers, _, _ = await self._resolver.query(query, self._timeouts)
        except (DNSNameError, AuthoritativeDomainError):
            return self._seconds() + MISSING, None
        # DomainError is what is left: a server that fails or does not want to.
        except (DNSQueryTimeoutError, DomainError, ResolverError, OSError) as error:
            raise TemporaryFailure(f"{name} {kind}: {type(error).__name__}") from None
        found = [one for one in answers if one.type == query.type]
        keep = min([LONGEST, *(float(one.ttl) for one in found)]) if found else MISSING
        if kind == "MX":
            found.sort(key=lambda one: one.payload.preference)
        return self._seconds() + keep, tuple(_text(one.payload) for one in found)


def _text(record: Any) -> str:
    if record.TYPE == dns.A:
        return str(IPv4Address(record.address))
    if record.TYPE == dns.AAAA:
        return str(IPv6Address(record.address))
    if record.TYPE == dns.TXT:
        return b"".join(record.data).decode("ascii", "replace")
    name: bytes = record.name.name
    return name.decode("ascii", "replace").rstrip(".").lower()
