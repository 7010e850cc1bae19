"""How much a client, and a user, may send in what time.

A client is an IPv4 address or an IPv6 /64; a user is whoever has logged in,
from wherever. Who has had too much is told to come again (RFC 5321 section
4.2.1, the 4yz replies), so no mail is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mailframe.interfaces.check import Decision, Verdict
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.policy.check import Indifferent
from mailframe.policy.networks import neighbourhood
from mailframe.policy.token_buckets import Rate, TokenBuckets


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one client or user may do; ``None`` for no bound.

    Attributes:
        connections: Sessions (clients only).
        messages: MAIL commands.
        recipients: Recipients taken.
    """

    connections: Rate | None = None
    messages: Rate | None = None
    recipients: Rate | None = None


CLIENT_RATES = Rates(
    connections=Rate(60, 60.0), messages=Rate(200, 60.0), recipients=Rate(2000, 60.0)
)
"""For one client: generous, for a provider's host has many users."""

USER_RATES = Rates(messages=Rate(200, 3600.0), recipients=Rate(1000, 3600.0))
"""For one user: more than people send, less than a stolen password does."""


class _Buckets:
    """The buckets of one kind of sender."""

    def __init__(self, rates: Rates, seconds: Callable[[], float], most: int) -> None:
        self.connections = _made(rates.connections, seconds, most)
        self.messages = _made(rates.messages, seconds, most)
        self.recipients = _made(rates.recipients, seconds, most)


class RateLimit(Indifferent):
    """Counts, and says "later" when it is too much."""

    def __init__(
        self,
        seconds: Callable[[], float],
        *,
        clients: Rates = CLIENT_RATES,
        users: Rates = USER_RATES,
        most: int = 100_000,
    ) -> None:
        """Count from now on.

        Args:
            seconds: A clock.
            clients: What a client may do that nobody has logged in at.
            users: What a user may do.
            most: Clients and users remembered, each.
        """
        self._clients = _Buckets(clients, seconds, most)
        self._users = _Buckets(users, seconds, most)

    async def connect(self, origin: Origin) -> Verdict | None:
        """Count a session."""
        client = neighbourhood(origin.client_address)
        return _counted(self._clients.connections, client, "connections")

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Count a message."""
        memory["origin"] = origin
        buckets, key = self._of(origin)
        return _counted(buckets.messages, key, "messages")

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Count a recipient."""
        origin = memory["origin"]
        assert isinstance(origin, Origin)
        buckets, key = self._of(origin)
        return _counted(buckets.recipients, key, "recipients")

    def _of(self, origin: Origin) -> tuple[_Buckets, str]:
        if origin.user is not None:
            return self._users, origin.user
        return self._clients, neighbourhood(origin.client_address)


def _made(
    rate: Rate | None, seconds: Callable[[], float], most: int
) -> TokenBuckets | None:
    return None if rate is None else TokenBuckets(rate, seconds, most)


def _counted(buckets: TokenBuckets | None, key: str, what: str) -> Verdict | None:
    if buckets is None or buckets.take(key):
        return None
    return Verdict(
        Decision.DEFER, f"Too many {what} lately, try again later", enhanced="4.7.0"
    )
