"""Lists of clients in DNS: those to refuse, and those to let in.

``192.0.2.1`` on the list ``bl.example`` is the name ``1.2.0.192.bl.example``;
an address there, in 127.0.0.0/8, says that it is listed and why. The lists are
asked side by side while the envelope comes, and the verdict is on each
recipient, so that ``postmaster`` can be reached by who was listed by mistake.

Source: RFC 5782 sections 2.1 to 2.4.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.interfaces.check import Decision, Verdict
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.policy.check import Indifferent
from mailframe.policy.networks import read_address
from mailframe.policy.resolver import Resolver

_log = Logger()

_LISTED = ip_network("127.0.0.0/8")
# Answers that say that the list does not answer us, whoever the client is.
_NO_ANSWER = ip_network("127.255.255.0/24")


@dataclass(frozen=True, slots=True)
class DNSList:
    """One list.

    Attributes:
        zone: Its domain.
        score: Added when a client is on it; negative for a list of the good.
        answers: The addresses that count, or ``()`` for any in 127.0.0.0/8.
    """

    zone: str
    score: int = 1
    answers: tuple[str, ...] = ()


class DNSLists(Indifferent):
    """Adds up what some lists say about a client."""

    def __init__(
        self,
        lists: Sequence[DNSList],
        resolver: Resolver,
        *,
        threshold: int = 1,
        exempt: Iterable[str] = ("postmaster", "abuse"),
    ) -> None:
        """Ask some lists.

        Args:
            lists: Which.
            resolver: Asks DNS.
            threshold: The score from which a client is refused.
            exempt: Local parts that anybody may write to.
        """
        self._lists = tuple(lists)
        self._resolver = resolver
        self._threshold = threshold
        self._exempt = frozenset(one.casefold() for one in exempt)

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Begin to ask."""
        name = reversed_name(origin.client_address)
        if name is not None:
            asking = Deferred.fromCoroutine(self._score(name))
            # It may fail before anybody waits for it.
            asking.addErrback(_kept)
            memory["asking"] = asking
        return None

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Refuse a recipient to a client that is listed."""
        if forward_path.address.local.casefold() in self._exempt:
            return None
        if "asking" in memory:
            asking: Any = memory["asking"]
            memory["found"] = await _waited(asking)
        found: Any = memory.get("found")
        if found is None:
            return None
        if isinstance(found, Exception):
            raise found
        score, zones = found
        if score < self._threshold:
            return None
        return Verdict(Decision.REFUSE, f"Your address is listed by {', '.join(zones)}")

    def over(self, memory: dict[str, object]) -> None:
        """Ask no more."""
        memory.clear()

    async def _score(self, name: str) -> tuple[int, list[str]]:
        results = await gatherResults(
            [Deferred.fromCoroutine(self._ask(one, name)) for one in self._lists]
        )
        silent = [one.zone for one, found in results if found is None]
        score = sum(one.score for one, found in results if found)
        zones = [one.zone for one, found in results if found and one.score > 0]
        if silent and score < self._threshold:
            # What the others say is enough to refuse, but not to be sure.
            possible = score + sum(
                max(one.score, 0) for one, found in results if found is None
            )
            if possible >= self._threshold:
                raise TemporaryFailure(f"no answer from {', '.join(silent)}")
        return score, zones

    async def _ask(self, one: DNSList, name: str) -> tuple[DNSList, bool | None]:
        """Return whether a client is on a list; ``None``: nobody can tell."""
        try:
            found = await self._resolver.lookup(f"{name}.{one.zone}", "A")
        except NoSuchUser:
            return one, False
        except TemporaryFailure:
            return one, None
        addresses = [IPv4Address(text) for text in found]
        if any(address in _NO_ANSWER for address in addresses):
            _log.warn("{zone} does not answer our questions", zone=one.zone)
            return one, None
        if one.answers:
            return one, any(text in one.answers for text in found)
        return one, any(address in _LISTED for address in addresses)


def reversed_name(client_address: str | None) -> str | None:
    """Return how an address begins on a list; ``None`` for one of no network."""
    address = read_address(client_address)
    if address is None:
        return None
    return address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(
        ".ip6.arpa"
    )


def _kept(failure: Any) -> Exception:
    error: Exception = failure.value
    return error


async def _waited(asking: "Deferred[Any]") -> Any:
    """Return the result of something that several may wait for, one by one."""
    mine: Deferred[Any] = Deferred()

    def tell(result: Any) -> Any:
        if not mine.called:
            mine.callback(result)
        return result

    asking.addCallback(tell)
    return await mine
