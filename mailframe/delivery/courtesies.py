"""EXPN and ETRN, for clients the operator names.

Source: RFC 5321 sections 3.5.2 and 7.3, RFC 1985.
"""

from collections.abc import Awaitable, Callable, Sequence

from mailframe.delivery.addresses import Addresses
from mailframe.delivery.destination import Elsewhere, Mailbox
from mailframe.delivery.domains import Kind
from mailframe.errors import MailError, NoSuchUser, NotPermitted, TemporaryFailure
from mailframe.model.address import Address, canonical_domain
from mailframe.model.envelope import Origin

MEMBERS = 200
"""Members that are shown of one list; of a larger one none are."""

MayAsk = Callable[[str | None], bool]
"""Tells from a client's address whether it may ask."""


class Courtesies:
    """What some clients may ask for beside sending mail.

    Attributes:
        may_expand: Who may ask for members; ``None`` when nobody may.
        may_start: Who may start queues; ``None`` when nobody may.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        may_expand: MayAsk | None = None,
        may_start: MayAsk | None = None,
        start: Callable[[str], Awaitable[int]] | None = None,
    ) -> None:
        """Prepare.

        Args:
            addresses: What becomes of an address.
            may_expand: An attribute above.
            may_start: An attribute above.
            start: Has the mail for a domain (A-labels) tried now, and returns
                how many messages that is.
        """
        self._addresses = addresses
        self._start = start
        self.may_expand = may_expand
        self.may_start = may_start if start is not None else None

    async def expand(self, origin: Origin, text: str) -> Sequence[Address]:
        """Return who is on a list; see IListExpander.

        Programs, files and addresses that lead nowhere are not shown.
        """
        if self.may_expand is None or not self.may_expand(origin.client_address):
            raise NotPermitted("EXPN")
        local, at, domain = text.rpartition("@")
        address = Address(local, domain) if at else Address(text, "")
        try:
            found = await self._addresses.resolve(
                address, relay=False, reached=origin.server_address
            )
        except (NoSuchUser, TemporaryFailure):
            raise
        except MailError:
            raise NoSuchUser(text) from None
        members = []
        for one in found:
            if isinstance(one.place, Mailbox):
                members.append(Address(*one.place.user.rsplit("@", 1)))
            elif isinstance(one.place, Elsewhere):
                members.append(one.place.address)
        return members if len(members) <= MEMBERS else ()

    async def start_queue(self, origin: Origin, domain: str) -> bool:
        """Have the mail for a relay domain tried now; see IQueueStarter."""
        if self.may_start is None or not self.may_start(origin.client_address):
            raise NotPermitted("ETRN")
        assert self._start is not None
        name = canonical_domain(domain.removeprefix("@"))
        meant = [name] if self._is_relayed(name) else []
        if domain.startswith("@"):
            relayed = self._addresses.domains.of(Kind.RELAY)
            meant += [one for one in relayed if one.endswith(f".{name}")]
        if not meant:
            raise NotPermitted(f"{domain} is no relay domain")
        return any([await self._start(one) for one in meant])

    def _is_relayed(self, domain: str) -> bool:
        return self._addresses.domains.kind(domain) is Kind.RELAY
