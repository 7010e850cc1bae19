"""A table of addresses in a database or a directory: the part both have in common.

The connections are those of the backends for logins (:mod:`mailframe.auth.sql`,
:mod:`mailframe.auth.ldap`); what is asked is not who somebody is, but what an
address stands for. See :class:`mailframe.interfaces.lookup.ILookup`.
"""

import re
from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from mailframe.auth.backend_limits import BackendLimits
from mailframe.auth.directory_cache import DirectoryCache
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.interfaces.lookup import ILookup
from mailframe.model.address import ascii_domain, canonical_domain

MOST = 10_000
"""Values of one entry; an address becomes no more (``AddressLimits``)."""

Ask = Callable[[dict[str, str]], list[str] | None]
"""Blocks: given ``user``, ``local`` and ``domain``, returns the values."""

# Sources compare whitespace and controls in ways of their own.
_UNUSABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")


@implementer(ILookup)
class LookupTable:
    """Asks in threads of its own, and remembers the answers for a while."""

    def __init__(
        self,
        ask: Ask,
        close: Callable[[], None],
        reactor: Any,
        *,
        kind: str,
        limits: BackendLimits,
    ) -> None:
        """Connect to nothing yet.

        Args:
            ask: Asks the source.
            close: Closes its connections.
            reactor: Provides time and threads.
            kind: For the names of threads.
            limits: How long and how much; an entry is remembered as a user is.
        """
        self._ask = ask
        self._close = close
        self._threads = WorkerThreads(
            reactor,
            f"{kind}-table",
            threads=limits.threads,
            waiting=limits.waiting,
            limit=limits.give_up,
        )
        self._cache: DirectoryCache[list[str]] = DirectoryCache(
            self._find, reactor.seconds, limits.positive, limits.negative
        )

    async def lookup(self, key: str) -> list[str] | None:
        """Return the values of a key, whatever its case.

        Raises:
            TemporaryFailure: The source does not say.
        """
        if _UNUSABLE.search(key) or not _is_encodable(key):
            return None
        found = await self._cache.find(_canonical(key))
        return None if found is None else list(found)

    def close(self) -> None:
        """End threads and connections."""
        self._threads.stop()
        self._close()

    async def _find(self, key: str) -> list[str] | None:
        return await self._threads.run(self._ask, parts_of(key))


def parts_of(key: str) -> dict[str, str]:
    """Return a key by the names queries and filters have for it."""
    local, at, domain = key.rpartition("@")
    if not at:
        local, domain = domain, ""
    return {"user": key, "local": local, "domain": domain}


def in_ascii(parts: dict[str, str]) -> dict[str, str]:
    """Return the same with the domain in A-labels, as directories have them.

    Source: RFC 4524 section 2.16 (``mail`` holds ASCII only).
    """
    if not parts["domain"]:
        return parts
    domain = ascii_domain(parts["domain"])
    return {**parts, "user": f"{parts['local']}@{domain}", "domain": domain}


def values_of(texts: list[str]) -> list[str]:
    """Return values; each text may have several with commas between them."""
    found = (one.strip() for text in texts for one in text.split(","))
    return list(dict.fromkeys(filter(None, found)))


def _canonical(key: str) -> str:
    local, at, domain = key.rpartition("@")
    return f"{local.lower()}@{canonical_domain(domain)}" if at else key.lower()


def _is_encodable(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
