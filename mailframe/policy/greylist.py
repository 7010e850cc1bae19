"""Greylisting: who has never written before is asked to come again.

A mail host comes again after minutes (RFC 5321 section 4.5.4.1); much of what
sends junk does not. Remembered are the client's network, the sender and the
recipient; after a few good ones the client is known, whoever sends.
"""

import hashlib
import sqlite3
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, ip_network
from math import ceil
from typing import Any

from twisted.internet.defer import DeferredLock

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.check import Decision, Verdict
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.policy.check import Indifferent
from mailframe.policy.greylist_store import GreylistStore, GreylistTimes
from mailframe.policy.networks import neighbourhood, read_address


class Greylist(Indifferent):
    """Defers first contacts."""

    def __init__(
        self,
        path: str = ":memory:",
        *,
        now: Callable[[], float],
        run: Callable[..., Awaitable[Any]],
        times: GreylistTimes | None = None,
        most: int = 1_000_000,
    ) -> None:
        """Remember who came.

        Args:
            path: The SQLite file, or ``:memory:`` to begin anew with each start.
            now: Seconds since 1970.
            run: Calls a function with arguments in a thread.
            times: ``None`` for the defaults.
            most: Triplets remembered, and clients.
        """
        self._store = GreylistStore(path, times or GreylistTimes(), most)
        self._now = now
        self._run = run
        self._lock = DeferredLock()

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Note who sends."""
        memory["client"] = greylist_network(origin.client_address)
        memory["sender"] = str(reverse_path.address or "").casefold()
        return None

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Defer a recipient this sender never wrote to."""
        client = str(memory["client"])
        # As one short text, whatever a peer makes addresses of.
        triplet = f"{client}\n{memory['sender']}\n{forward_path.address}".casefold()
        key = hashlib.sha256(triplet.encode()).hexdigest()[:32]
        try:
            async with self._lock:
                left = await self._run(self._store.wait, client, key, self._now())
        except sqlite3.Error as error:
            raise TemporaryFailure(f"greylist: {error}") from None
        if not left:
            return None
        return Verdict(
            Decision.DEFER,
            f"Greylisted, come again in {ceil(left)} seconds",
            code=450,
            enhanced="4.7.1",
        )

    def close(self) -> None:
        """Close the database; to be called when nobody asks any more."""
        self._store.close()


def greylist_network(client_address: str | None) -> str:
    """Return what counts as one client: a /24 or a /64.

    Large senders come again from the address next door.
    """
    address = read_address(client_address)
    if isinstance(address, IPv4Address):
        return str(ip_network((int(address) >> 8 << 8, 24)))
    return neighbourhood(client_address)
