"""One message to all its destinations: into accounts, and into the spool.

Accounts come first, then programs and files, all else after them in as few spool
entries as there are reverse-paths. What cannot be delivered now waits in the
spool; so does what never can, when something else was accepted and the protocol
has one reply for all: it is reported from there, and nobody gets a second copy
because of others. A client that is told of each recipient, an MTA with a queue
of its own (LMTP), keeps what cannot be delivered now. Without a spool each
recipient's verdict is what its accounts said.

What is to be held back (FUTURERELEASE) waits in the spool, all of it.

Source: RFC 5321 sections 4.1.1.4 and 6.1, RFC 2033 section 4.2, RFC 4865.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from mailframe.delivery import trace
from mailframe.delivery.accounts import AccountFor, put_into_account
from mailframe.delivery.addresses import Addresses
from mailframe.delivery.agents import Agent
from mailframe.delivery.content import HeadedContent
from mailframe.delivery.destination import (
    Broken,
    Command,
    Destination,
    Elsewhere,
    File,
    Mailbox,
    Place,
)
from mailframe.delivery.loops import mark
from mailframe.delivery.outgoing import (
    forward_path_for,
    path_for_agent,
    reverse_path_for,
    without_doubles,
)
from mailframe.errors import (
    InsufficientStorage,
    MailError,
    MailLoop,
    NotPermitted,
    TemporaryFailure,
)
from mailframe.interfaces.content import IContent
from mailframe.interfaces.spool import ISpool
from mailframe.limits import DeliveryLimits
from mailframe.model.address import Address
from mailframe.model.envelope import Envelope, ForwardPath, Origin, ReversePath

_log = Logger()

AGAIN = 60.0
"""Seconds until what could not be delivered at once is tried again."""

HELD = 300.0
"""Seconds until a suspect message would be tried, were it not held."""


class Reporter(Protocol):
    """Tells senders of success."""

    async def succeeded(
        self,
        message_id: str,
        envelope: Envelope,
        actions: Sequence[str],
        content: IContent,
    ) -> None:
        """Tell the sender what became of recipients.

        Args:
            message_id: The message's name.
            envelope: With those recipients.
            actions: ``delivered`` or ``expanded`` for each of them.
            content: The message.
        """


@dataclass(frozen=True, slots=True)
class Means:
    """What deliveries are made with.

    Attributes:
        addresses: Knows our domains and rewrites senders.
        account_for: Gives the account of a user.
        spool: Takes what leaves this host, or ``None``.
        agent: Delivers to commands and files, or ``None``.
        limits: What one message may cost.
        reporter: Tells senders who asked for it of success, or ``None``.
    """

    addresses: Addresses
    account_for: AccountFor
    spool: ISpool | None
    agent: Agent | None
    limits: DeliveryLimits
    reporter: Reporter | None = None


@dataclass(slots=True)
class Recipient:
    """One RCPT and what becomes of it.

    Attributes:
        forward_path: As RCPT had it.
        destinations: Where it goes.
        suspect: Whether it goes to Junk.
        verdict: A refusal that came before delivery, or ``None``.
    """

    forward_path: ForwardPath
    destinations: list[Destination]
    suspect: bool = False
    verdict: MailError | None = None


_NOT_YET = TemporaryFailure("not delivered anywhere yet")


class _Delivery:
    """One destination of a recipient, and what becomes of it.

    Attributes:
        verdict: Why it is not there, ``None`` when it is.
        spooled: Whether it waits in the spool.
    """

    __slots__ = ("destination", "place", "recipient", "spooled", "verdict")

    def __init__(self, recipient: Recipient, destination: Destination) -> None:
        self.recipient = recipient
        self.destination = destination
        self.place = destination.place
        self.verdict: MailError | None = _NOT_YET
        self.spooled = False

    @property
    def alone(self) -> bool:
        """Whether the recipient became this and nothing else."""
        return len(self.recipient.destinations) == 1

    @property
    def failed(self) -> bool:
        """Whether it is not there, and the spool can have it tried again here."""
        place = self.place
        if self.verdict is None or isinstance(place, Elsewhere):
            return False
        return not isinstance(place, Broken) or place.address is not None


class Distribution:
    """One message on its way to its destinations."""

    def __init__(
        self,
        means: Means,
        message_id: str,
        origin: Origin,
        reverse_path: ReversePath,
        recipients: Sequence[Recipient],
        *,
        header: bytes,
        been_to: frozenset[str],
        when: float,
    ) -> None:
        """Prepare.

        Args:
            means: What to deliver with.
            message_id: For the trace field and the log.
            origin: How the message came.
            reverse_path: Who it is from.
            recipients: Whom it is for.
            header: Fields of the checks, to stand before the trace field.
            been_to: Where it was delivered before.
            when: When it came, seconds since 1970.
        """
        self._means = means
        self._id = message_id
        self._origin = origin
        self._reverse_path = reverse_path
        self._recipients = recipients
        self._been_to = been_to
        self._when = when
        alone = recipients[0].forward_path.address if len(recipients) == 1 else None
        self._header = header + trace.received(
            origin, message_id, when, alone, reverse_path.asked_priority
        )
        self._by_recipient: list[list[_Delivery]] = []
        self._by_user: dict[str, list[_Delivery]] = {}
        self._others: list[_Delivery] = []
        for recipient in recipients:
            deliveries: list[_Delivery] = []
            self._by_recipient.append(deliveries)
            if recipient.verdict is not None:
                continue
            for destination in recipient.destinations:
                one = _Delivery(recipient, destination)
                deliveries.append(one)
                if isinstance(one.place, Mailbox):
                    self._by_user.setdefault(one.place.user, []).append(one)
                else:
                    self._others.append(one)
        self._held = (reverse_path.hold_until or 0.0) > when

    async def run(self, content: IContent) -> Sequence[MailError | None]:
        """Deliver; return the verdict on each recipient."""
        if self._held:
            for one in self._all():
                if not isinstance(one.place, Elsewhere):
                    one.verdict = TemporaryFailure("held back")
        elif len(self._by_user) == 1:
            [(user, deliveries)] = self._by_user.items()
            await self._to_account(user, deliveries, content)
        else:
            await self._to_accounts(content)
        if self._others:
            if not self._held:
                await self._to_agents(content)
            self._note_broken()
        verdicts = self._verdicts()
        if self._means.spool is not None and (self._others or any(verdicts)):
            await self._to_spool(self._means.spool, content)
            verdicts = self._verdicts()
        if self._means.reporter is not None:
            await self._report(self._means.reporter, verdicts, content)
        return verdicts

    def _all(self) -> list[_Delivery]:
        return [one for deliveries in self._by_recipient for one in deliveries]

    def _places(self, *kinds: type) -> list[_Delivery]:
        """Return the destinations of some kinds that are not mailboxes."""
        return [one for one in self._others if isinstance(one.place, kinds)]

    async def _to_accounts(self, content: IContent) -> None:
        users = list(self._by_user.items())
        step = self._means.limits.accounts_at_once
        for start in range(0, len(users), step):
            putting = [
                self._to_account(user, deliveries, content)
                for user, deliveries in users[start : start + step]
            ]
            await gatherResults(map(Deferred.fromCoroutine, putting))

    async def _to_account(
        self, user: str, deliveries: Sequence[_Delivery], content: IContent
    ) -> None:
        """Give a user the message, once for all addresses that lead there."""
        verdict: MailError | None
        if self._been_to and mark(user) in self._been_to:
            verdict = MailLoop(f"delivered to {user} before")
        else:
            sender = deliveries[0].destination.sender or self._reverse_path.address
            verdict = await put_into_account(
                self._means.account_for,
                user,
                content,
                trace.return_path(sender) + trace.delivered_to(user) + self._header,
                message_id=self._id,
                # Who gets it under one clean address gets it into INBOX.
                suspect=all([one.recipient.suspect for one in deliveries]),
            )
        for one in deliveries:
            one.verdict = verdict

    async def _to_agents(self, content: IContent) -> None:
        agent = self._means.agent
        for one in self._places(Command, File):
            place = one.place
            assert isinstance(place, Command | File)
            sender = one.destination.sender or self._reverse_path.address
            path = path_for_agent(one.recipient.forward_path, place)
            envelope = self._envelope(
                replace(self._reverse_path, address=sender), [path]
            )
            header = trace.return_path(sender)
            header += trace.delivered_to(trace.told(path.address))
            try:
                if mark(path.address) in self._been_to:
                    raise MailLoop(f"delivered to {place} before")
                if agent is None:
                    raise NotPermitted("nothing delivers to commands and files")
                headed = HeadedContent(header + self._header, content)
                await agent.deliver(place, envelope, headed)
            except MailError as refusal:
                one.verdict = refusal
            except Exception:
                _log.failure("{id} not delivered to {to}", id=self._id, to=place)
                one.verdict = TemporaryFailure("a bug of ours")
            else:
                one.verdict = None
                _log.info("{id} delivered to {to}", id=self._id, to=place)

    def _note_broken(self) -> None:
        for one in self._places(Broken):
            place = one.place
            assert isinstance(place, Broken)
            _log.warn(
                "{id}: {address} leads to {to}: {why!r}",
                id=self._id,
                address=one.recipient.forward_path.address,
                to=place.address,
                why=place.refusal,
            )
            one.verdict = place.refusal

    async def _to_spool(self, spool: ISpool, content: IContent) -> None:
        """Spool what leaves this host, and what is to be tried again."""
        groups: dict[
            tuple[ReversePath, str, bool, float], list[tuple[_Delivery, ForwardPath]]
        ] = {}
        for one in self._places(Elsewhere):
            place = one.place
            assert isinstance(place, Elsewhere)
            given = one.recipient.forward_path
            # A server of the operator's is the end of the way, not another host.
            sent_on = one.destination.forwarded and not place.via
            by = trace.told(given.address) if sent_on else ""
            if by and mark(given.address) in self._been_to:
                one.verdict = MailLoop(f"sent on from {by} before")
                continue
            path = forward_path_for(given, place.address, one.destination, one.alone)
            sender = reverse_path_for(
                self._reverse_path, one.destination, self._means.addresses
            )
            key = sender, by, one.recipient.suspect, 0.0
            groups.setdefault(key, []).append((one, path))
        for one in self._to_try_again():
            given = one.recipient.forward_path
            path = forward_path_for(
                given, _own_address(given, one.place), one.destination, one.alone
            )
            sender = self._reverse_path
            if one.destination.sender is not None:
                sender = replace(sender, address=one.destination.sender)
            tried = _passing(one) and not self._held
            key = sender, "", one.recipient.suspect, AGAIN if tried else 0.0
            groups.setdefault(key, []).append((one, path))
        for (sender, by, suspect, later), waiting in groups.items():
            header = trace.delivered_to(by) if by else b""
            envelope = self._envelope(
                sender, without_doubles(path for _, path in waiting)
            )
            headed = HeadedContent(header + self._header, content)
            due = HELD if suspect else later
            verdict = await self._spool(spool, envelope, headed, suspect, due)
            for one, _ in waiting:
                if verdict is None:
                    one.verdict, one.spooled = None, True
                elif one.verdict is _NOT_YET:
                    one.verdict = verdict

    async def _spool(
        self,
        spool: ISpool,
        envelope: Envelope,
        content: IContent,
        suspect: bool,
        later: float,
    ) -> MailError | None:
        due = max(self._when, envelope.reverse_path.hold_until or 0.0) + later
        try:
            queue_id = await spool.add(envelope, content, due)
            if suspect:
                await spool.hold(queue_id, True)
        except MailError as refusal:
            _log.info("{id} not spooled: {refusal!r}", id=self._id, refusal=refusal)
            return refusal
        except Exception:
            _log.failure("{id} not spooled", id=self._id)
            return TemporaryFailure("a bug of ours")
        _log.info(
            "{id} spooled as {queue_id} for {count}{held}",
            id=self._id,
            queue_id=queue_id,
            count=len(envelope.forward_paths),
            held=", held" if suspect else "",
        )
        return None

    async def _report(
        self,
        reporter: Reporter,
        verdicts: Sequence[MailError | None],
        content: IContent,
    ) -> None:
        """Tell the sender of success, where that was asked for."""
        found = [
            (recipient.forward_path, action)
            for at, recipient in enumerate(self._recipients)
            if "SUCCESS" in (recipient.forward_path.notify or ())
            and verdicts[at] is None
            and (action := _success(self._by_recipient[at])) is not None
        ]
        if not found:
            return
        envelope = self._envelope(self._reverse_path, [path for path, _ in found])
        try:
            await reporter.succeeded(
                self._id, envelope, [action for _, action in found], content
            )
        except MailError as refusal:
            # The message is there; asking for it again would not mend this.
            _log.warn("{id}: no report: {refusal!r}", id=self._id, refusal=refusal)

    def _to_try_again(self) -> list[_Delivery]:
        """Return what the spool takes of what was not accepted.

        What leaves this host, and is about to be spooled, counts as accepted.
        """
        if self._origin.service == "lmtp":
            # One reply for each recipient: what counts is what else it became.
            groups = [one for one in self._by_recipient if _any_accepted(one)]
            return [one for group in groups for one in group if one.failed]
        everything = self._all()
        accepted = _any_accepted(everything)
        return [one for one in everything if one.failed and (accepted or _passing(one))]

    def _envelope(
        self, reverse_path: ReversePath, paths: Sequence[ForwardPath]
    ) -> Envelope:
        return Envelope(reverse_path, tuple(paths), replace(self._origin, account=None))

    def _verdicts(self) -> list[MailError | None]:
        return [
            _verdict(deliveries) if deliveries else recipient.verdict
            for recipient, deliveries in zip(
                self._recipients, self._by_recipient, strict=True
            )
        ]


def _verdict(deliveries: Sequence[_Delivery]) -> MailError | None:
    """Return what a recipient is told who became several destinations."""
    failed = [one for one in deliveries if one.verdict is not None]
    if len(failed) < len(deliveries):
        # The operator's mistake was told of in the log; it is not theirs
        # whom the others' mail comes from.
        failed = [one for one in failed if not isinstance(one.place, Broken)]
    return failed[0].verdict if failed else None


def _success(deliveries: Sequence[_Delivery]) -> str | None:
    """Return the action a report of success names; ``None`` for no report.

    Args:
        deliveries: Of a recipient who was accepted.

    Source: RFC 3461 sections 5.2.3 and 5.2.7.1 to 5.2.7.3.
    """
    if any(one.destination.sender is not None for one in deliveries):
        # A list: whoever maintains it hears of its members.
        return "delivered"
    if len(deliveries) > 1:
        return "expanded"
    # What waits in the spool is reported from there, with its parameters.
    return None if deliveries[0].spooled else "delivered"


def _any_accepted(deliveries: Sequence[_Delivery]) -> bool:
    return any(one.verdict in (None, _NOT_YET) for one in deliveries)


def _passing(one: _Delivery) -> bool:
    """Tell whether asking again helps, and the spool could have room for it."""
    return isinstance(one.verdict, TemporaryFailure) and not isinstance(
        one.verdict, InsufficientStorage
    )


def _own_address(path: ForwardPath, place: Place) -> Address:
    """Return the address under which a place of ours is tried again."""
    if isinstance(place, Mailbox):
        return Address(*place.user.rsplit("@", 1))
    if isinstance(place, Command | File):
        return path_for_agent(path, place).address
    assert isinstance(place, Broken)
    assert place.address is not None
    return place.address
