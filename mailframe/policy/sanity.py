"""Names a mail host has: what HELO, MAIL and RCPT may say.

A client of ours that has logged in calls itself anything; put ``spares`` before
this check for submission.

Source: RFC 5321 sections 2.3.5 and 4.1.4 (names in HELO), RFC 7505 (null MX).
"""

import re
from collections.abc import Iterable

from mailframe.errors import NoSuchUser
from mailframe.interfaces.check import Decision, Verdict
from mailframe.model.address import canonical_domain
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.policy.check import Indifferent
from mailframe.policy.resolver import Resolver

# The last label of a name in the world is not all digits.
_FULL = re.compile(r"(?=.{1,255}\Z)(?:[\w-]{1,63}\.)+(?![0-9]+\Z)[\w-]{2,63}\.?")


class HeloSanity(Indifferent):
    """Looks at what a client calls itself."""

    def __init__(
        self,
        *,
        ours: Iterable[str] = (),
        need_full_name: bool = True,
        resolver: Resolver | None = None,
    ) -> None:
        """Be strict about some things.

        Args:
            ours: Names and addresses no stranger is called by: our own.
            need_full_name: Whether it must be a fully qualified name or an
                address literal.
            resolver: Asked whether the name exists; ``None`` for never mind.
        """
        self._ours = frozenset(map(canonical_domain, ours))
        self._need_full_name = need_full_name
        self._resolver = resolver

    async def helo(self, origin: Origin) -> Verdict | None:
        """Look at the name (RFC 5321 section 4.1.4)."""
        name = canonical_domain(origin.helo).rstrip(".")
        if name.strip("[]").removeprefix("ipv6:") in self._ours or name in self._ours:
            return Verdict(Decision.REFUSE, "That is our name, not yours")
        if name.startswith("[") and name.endswith("]"):
            return None
        if self._need_full_name and not _FULL.fullmatch(name):
            return Verdict(
                Decision.REFUSE,
                "Say HELO with a fully qualified name or an address literal",
                code=504,
                enhanced="5.5.2",
            )
        if self._resolver is not None and not await _exists(self._resolver, name):
            return Verdict(Decision.REFUSE, "Your HELO name does not exist")
        return None


class SenderSanity(Indifferent):
    """Looks at the reverse-path: could a report ever reach it?"""

    def __init__(self, resolver: Resolver | None = None) -> None:
        """Prepare.

        Args:
            resolver: Asked whether the domain takes mail; ``None`` to look at
                the form alone.
        """
        self._resolver = resolver

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Look at the sender's domain; the null sender is always sane."""
        address = reverse_path.address
        if address is None or address.domain.startswith("["):
            return None
        if not _FULL.fullmatch(address.domain):
            return Verdict(
                Decision.REFUSE,
                "The sender's domain is not fully qualified",
                enhanced="5.1.8",
            )
        if self._resolver is None:
            return None
        return await _reachable(
            self._resolver, address.domain, "sender", "5.1.8", "5.7.27"
        )


class RecipientSanity(Indifferent):
    """Looks at recipients elsewhere before their mail is taken for them."""

    def __init__(self, ours: Iterable[str], resolver: Resolver | None = None) -> None:
        """Prepare.

        Args:
            ours: Domains we take mail for; nobody asks DNS about those.
            resolver: Asked whether the domain takes mail; ``None`` to look at
                the form alone.
        """
        self._ours = frozenset(map(canonical_domain, ours))
        self._resolver = resolver

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Look at the recipient's domain."""
        domain = canonical_domain(forward_path.address.domain)
        if not domain or domain in self._ours or domain.startswith("["):
            return None
        if not _FULL.fullmatch(domain):
            return Verdict(
                Decision.REFUSE,
                "The recipient's domain is not fully qualified",
                enhanced="5.1.2",
            )
        if self._resolver is None:
            return None
        return await _reachable(self._resolver, domain, "recipient", "5.1.2", "5.1.10")


async def _exists(resolver: Resolver, name: str) -> bool:
    """Tell whether a name has an address or takes mail."""
    try:
        for kind in ("A", "AAAA", "MX"):
            if await resolver.lookup(name, kind):
                return True
    except NoSuchUser:
        pass
    return False


async def _reachable(
    resolver: Resolver, domain: str, whose: str, missing: str, null: str
) -> Verdict | None:
    """Refuse a domain that takes no mail.

    Source: RFC 5321 section 5.1, RFC 7505 sections 4.1 and 4.2.
    """
    try:
        hosts = await resolver.lookup(domain, "MX")
        if list(hosts) in ([""], ["."]):
            return Verdict(
                Decision.REFUSE,
                f"The {whose}'s domain takes no mail",
                code=550 if whose == "sender" else 556,
                enhanced=null,
            )
        if hosts or await resolver.lookup(domain, "A"):
            return None
        if await resolver.lookup(domain, "AAAA"):
            return None
    except NoSuchUser:
        pass
    return Verdict(
        Decision.REFUSE, f"The {whose}'s domain does not exist", enhanced=missing
    )
