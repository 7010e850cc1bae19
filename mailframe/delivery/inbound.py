"""Mail from other hosts, for users of ours, and for others where allowed.

Source: RFC 5321 section 3.6, section 4.5.1 (postmaster), section 6.3 (loops).
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from secrets import randbits

from twisted.logger import Logger
from zope.interface import alsoProvides, implementer

from mailframe.delivery import trace
from mailframe.delivery.accounts import AccountFor
from mailframe.delivery.addresses import Addresses
from mailframe.delivery.agents import Agent
from mailframe.delivery.checks import Checks
from mailframe.delivery.courtesies import Courtesies
from mailframe.delivery.distribution import Means, Reporter
from mailframe.delivery.domains import Domains
from mailframe.delivery.held_back import HeldBack
from mailframe.delivery.local_users import LocalUsers
from mailframe.delivery.refusals import tell
from mailframe.delivery.transaction import Filter, LocalTransaction, NoFilter
from mailframe.errors import MailError, MessageTooLarge
from mailframe.interfaces.auth import IUserDirectory
from mailframe.interfaces.content import IIntake
from mailframe.interfaces.delivery import IDoorkeeper, IMailReceiver
from mailframe.interfaces.reception import (
    IForwardNoter,
    IListExpander,
    IQueueStarter,
)
from mailframe.interfaces.spool import ISpool
from mailframe.limits import DeliveryLimits, SMTPLimits
from mailframe.model.address import Address
from mailframe.model.envelope import Origin, ReversePath

_log = Logger()

_UNCHANGED = NoFilter()


def nobody(origin: Origin) -> bool:
    """Let nobody relay."""
    return False


@implementer(IMailReceiver, IForwardNoter)
class InboundReceiver:
    """Takes mail for the users of our domains, from anybody.

    With checks it provides :class:`IDoorkeeper` too, and with courtesies
    :class:`IListExpander` and :class:`IQueueStarter`.
    """

    def __init__(
        self,
        directory: IUserDirectory,
        *,
        domains: Sequence[str],
        account_for: AccountFor,
        intake: IIntake,
        now: Callable[[], float],
        limits: SMTPLimits | None = None,
        delivery_limits: DeliveryLimits | None = None,
        addresses: Addresses | None = None,
        spool: ISpool | None = None,
        may_relay: Callable[[Origin], bool] = nobody,
        checks: Checks | None = None,
        agent: Agent | None = None,
        courtesies: Courtesies | None = None,
        reporter: Reporter | None = None,
        held_back: HeldBack | None = None,
    ) -> None:
        """Receive for some domains.

        Args:
            directory: Who there is.
            domains: The domains we receive for, at least one; the first is
                where a bare ``postmaster`` is looked for.
            account_for: Gives the account of a user, by canonical address.
            intake: Where messages rest until they are delivered.
            now: Seconds since 1970.
            limits: Of one message; ``None`` for the defaults.
            delivery_limits: What a message may cost; ``None`` for the defaults.
            addresses: What becomes of an address; ``None`` for the users of
                ``directory`` in ``domains`` and nothing else.
            spool: Takes what leaves this host, and what is to be tried again;
                ``None``: nothing leaves it.
            may_relay: Tells which clients may send to other hosts through us.
            checks: Look at sessions and messages; ``None`` for no checks.
            agent: Delivers to commands and files, where tables lead there.
            courtesies: EXPN and ETRN; ``None`` for neither.
            reporter: Tells senders of success; ``None``: nobody does.
            held_back: Keeps users to what they may have held back; ``None`` for
                one of this receiver's own.
        """
        if addresses is None:
            addresses = Addresses(LocalUsers(directory, domains), Domains(domains))
        self._addresses = addresses
        self._intake = intake
        self._now = now
        self._limits = limits or SMTPLimits()
        self._delivery_limits = delivery_limits or DeliveryLimits()
        self._means = Means(
            addresses, account_for, spool, agent, self._delivery_limits, reporter
        )
        self._held_back = held_back or HeldBack(spool, self._delivery_limits, now)
        self._may_relay = may_relay
        self._checks = checks or Checks((), None)
        self._counter = count(randbits(16))
        self._random = randbits(32)
        self._courtesies = courtesies or Courtesies(addresses)
        if checks is not None:
            alsoProvides(self, IDoorkeeper)
        if self._courtesies.may_expand is not None:
            alsoProvides(self, IListExpander)
        if self._courtesies.may_start is not None:
            alsoProvides(self, IQueueStarter)

    async def connected(self, origin: Origin) -> None:
        """Have the checks look at a client.

        Raises:
            PolicyRefusal: It is not welcome.
            PolicyDeferral: Not now.
        """
        try:
            await self._checks.connected(origin)
        except MailError as refusal:
            tell(refusal, "connect", origin)
            raise

    async def greeted(self, origin: Origin) -> None:
        """Have the checks look at what it calls itself.

        Raises:
            PolicyRefusal: That name will not do.
            PolicyDeferral: Not now.
        """
        try:
            await self._checks.greeted(origin)
        except MailError as refusal:
            tell(refusal, "HELO", origin)
            raise

    def left(self, origin: Origin) -> None:
        """Have the checks let a client go."""
        self._checks.left(origin)

    async def begin(
        self, origin: Origin, reverse_path: ReversePath
    ) -> LocalTransaction:
        """Begin a transaction; any sender will do that the checks let in.

        Raises:
            MessageTooLarge: The declared size is more than is taken.
            PolicyRefusal: A check does not want this sender.
            PolicyDeferral: Not now.
        """
        try:
            return await self._begin(origin, reverse_path, self._new_id(), _UNCHANGED)
        except MailError as refusal:
            tell(refusal, "MAIL", origin, reverse_path)
            raise

    async def verify(self, origin: Origin, text: str) -> Sequence[Address]:
        """Tell nothing (RFC 5321 section 7.3), unless a check refuses the question."""
        try:
            await self._checks.asked(origin, "vrfy", text)
        except MailError as refusal:
            tell(refusal, "VRFY", origin)
            raise
        return ()

    async def expand(self, origin: Origin, text: str) -> Sequence[Address]:
        """Answer EXPN; see IListExpander."""
        return await self._courtesies.expand(origin, text)

    async def start_queue(self, origin: Origin, domain: str) -> bool:
        """Answer ETRN, if the checks let it pass; see IQueueStarter."""
        try:
            await self._checks.asked(origin, "etrn", domain.removeprefix("@"))
        except MailError as refusal:
            tell(refusal, "ETRN", origin)
            raise
        return await self._courtesies.start_queue(origin, domain)

    def note_forward(self, origin: Origin, said: Mapping[str, str]) -> None:
        """Write down where a trusted client has its next message from (XFORWARD)."""
        _log.info(
            "{client} forwards: {said}",
            client=origin.client_address,
            said=" ".join(f"{name}={value}" for name, value in sorted(said.items())),
        )

    async def _begin(
        self,
        origin: Origin,
        reverse_path: ReversePath,
        message_id: str,
        content_filter: Filter,
    ) -> LocalTransaction:
        size = reverse_path.size
        if size is not None and size > self._limits.message_size:
            raise MessageTooLarge(f"{size} octets declared")
        checks = self._checks.begin(origin, message_id)
        try:
            await checks.mail(origin, reverse_path)
            share = await self._held_back.begin(origin, reverse_path)
        except BaseException:
            checks.over()
            raise
        return LocalTransaction(
            message_id,
            origin,
            reverse_path,
            means=self._means,
            intake=self._intake,
            max_received=self._limits.received_fields,
            now=self._now,
            content_filter=content_filter,
            relay=self._relays(origin),
            checks=checks,
            share=share,
        )

    def _relays(self, origin: Origin) -> bool:
        """Tell whether a client may send to other hosts through us."""
        return self._may_relay(origin)

    def _new_id(self) -> str:
        return trace.make_id(self._now(), next(self._counter), self._random)
