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


_Placed = tuple[tuple[int, int], Recipient, Destination]
"""A destination with its key, the recipient's number and its own, and whose it is."""


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
        self._by_kind: dict[type, list[_Placed]] = {}
        for at, recipient in enumerate(recipients):
            if recipient.verdict is None:
                for number, destination in enumerate(recipient.destinations):
                    kind = self._by_kind.setdefault(type(destination.place), [])
                    kind.append(((at, number), recipient, destination))
        self._held = (reverse_path.hold_until or 0.0) > when
        self._results: dict[tuple[int, int], MailError | None] = {}
        self._spooled: set[tuple[int, int]] = set()

    async def run(self, content: IContent) -> Sequence[MailError | None]:
        """Deliver; return the verdict on each recipient."""
        if self._held:
            for key, _, _ in self._places(Mailbox, Command, File):
                self._results[key] = TemporaryFailure("held back")
        else:
            await self._to_accounts(content)
        if self._by_kind.keys() - {Mailbox}:
            if not self._held:
                await self._to_agents(content)
            self._note_broken()
        if self._means.spool is not None:
            await self._to_spool(self._means.spool, content)
        await self._report(content)
        return [self._verdict(at) for at in range(len(self._recipients))]

    def _places(self, *kinds: type) -> "list[_Placed]":
        """Return the destinations of some kinds, each with its key."""
        return [one for kind in kinds for one in self._by_kind.get(kind, ())]

    async def _to_accounts(self, content: IContent) -> None:
        users: dict[str, bool] = {}
        senders: dict[str, Address | None] = {}
        places = self._places(Mailbox)
        for _, recipient, destination in places:
            user = _user(destination)
            # Who gets it under one clean address gets it into INBOX.
            users[user] = users.get(user, True) and recipient.suspect
            senders.setdefault(user, destination.sender or self._reverse_path.address)
        verdicts: dict[str, MailError | None] = {}
        for user in list(users):
            if self._been_to and mark(user) in self._been_to:
                verdicts[user] = MailLoop(f"delivered to {user} before")
                del users[user]
        names = list(users)
        step = self._means.limits.accounts_at_once
        for start in range(0, len(names), step):
            batch = names[start : start + step]
            putting = [
                put_into_account(
                    self._means.account_for,
                    user,
                    content,
                    trace.return_path(senders[user])
                    + trace.delivered_to(user)
                    + self._header,
                    message_id=self._id,
                    suspect=users[user],
                )
                for user in batch
            ]
            if len(putting) == 1:
                found = [await putting[0]]
            else:
                found = await gatherResults(map(Deferred.fromCoroutine, putting))
            verdicts.update(zip(batch, found, strict=True))
        for key, _, destination in places:
            self._results[key] = verdicts[_user(destination)]

    async def _to_agents(self, content: IContent) -> None:
        agent = self._means.agent
        for key, recipient, destination in self._places(Command, File):
            place = destination.place
            assert isinstance(place, Command | File)
            sender = destination.sender or self._reverse_path.address
            path = path_for_agent(recipient.forward_path, place)
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
                self._results[key] = refusal
            except Exception:
                _log.failure("{id} not delivered to {to}", id=self._id, to=place)
                self._results[key] = TemporaryFailure("a bug of ours")
            else:
                self._results[key] = None
                _log.info("{id} delivered to {to}", id=self._id, to=place)

    def _note_broken(self) -> None:
        for key, recipient, destination in self._places(Broken):
            place = destination.place
            assert isinstance(place, Broken)
            _log.warn(
                "{id}: {address} leads to {to}: {why!r}",
                id=self._id,
                address=recipient.forward_path.address,
                to=place.address,
                why=place.refusal,
            )
            self._results[key] = place.refusal

    async def _to_spool(self, spool: ISpool, content: IContent) -> None:
        """Spool what leaves this host, and what is to be tried again."""
        groups: dict[tuple[ReversePath, str, bool, float], list[tuple[int, int]]] = {}
        paths: dict[tuple[int, int], ForwardPath] = {}
        for key, recipient, destination in self._places(Elsewhere):
            place = destination.place
            assert isinstance(place, Elsewhere)
            given = recipient.forward_path
            # A server of the operator's is the end of the way, not another host.
            sent_on = destination.forwarded and not place.via
            by = trace.told(given.address) if sent_on else ""
            if by and mark(given.address) in self._been_to:
                self._results[key] = MailLoop(f"sent on from {by} before")
                continue
            alone = len(recipient.destinations) == 1
            paths[key] = forward_path_for(given, place.address, destination, alone)
            sender = reverse_path_for(
                self._reverse_path, destination, self._means.addresses
            )
            groups.setdefault((sender, by, recipient.suspect, 0.0), []).append(key)
        for key in self._to_try_again(bool(paths)):
            recipient = self._recipients[key[0]]
            destination = recipient.destinations[key[1]]
            path = recipient.forward_path
            alone = len(recipient.destinations) == 1
            paths[key] = forward_path_for(
                path, _own_address(path, destination), destination, alone
            )
            sender = self._reverse_path
            if destination.sender is not None:
                sender = replace(sender, address=destination.sender)
            tried = _passing(self._results[key]) and not self._held
            later = AGAIN if tried else 0.0
            groups.setdefault((sender, "", recipient.suspect, later), []).append(key)
        for (sender, by, suspect, later), keys in groups.items():
            header = trace.delivered_to(by) if by else b""
            envelope = self._envelope(
                sender, without_doubles(paths[key] for key in keys)
            )
            headed = HeadedContent(header + self._header, content)
            due = HELD if suspect else later
            verdict = await self._spool(spool, envelope, headed, suspect, due)
            if verdict is None:
                self._results.update(dict.fromkeys(keys))
                self._spooled.update(keys)
            else:
                for key in keys:
                    self._results[key] = self._results.get(key) or verdict

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

    async def _report(self, content: IContent) -> None:
        """Tell the sender of success, where that was asked for."""
        reporter = self._means.reporter
        found = [
            (recipient.forward_path, action)
            for at, recipient in enumerate(self._recipients)
            if "SUCCESS" in (recipient.forward_path.notify or ())
            and (action := self._success(at)) is not None
        ]
        if not found or reporter is None:
            return
        envelope = self._envelope(self._reverse_path, [path for path, _ in found])
        try:
            await reporter.succeeded(
                self._id, envelope, [action for _, action in found], content
            )
        except MailError as refusal:
            # The message is there; asking for it again would not mend this.
            _log.warn("{id}: no report: {refusal!r}", id=self._id, refusal=refusal)

    def _success(self, at: int) -> str | None:
        """Return the action a report of success names; ``None`` for no report.

        Source: RFC 3461 sections 5.2.3 and 5.2.7.1 to 5.2.7.3.
        """
        if self._verdict(at) is not None:
            return None
        destinations = self._recipients[at].destinations
        if any(one.sender is not None for one in destinations):
            # A list: whoever maintains it hears of its members.
            return "delivered"
        if len(destinations) > 1:
            return "expanded"
        # What waits in the spool is reported from there, with its parameters.
        return None if (at, 0) in self._spooled else "delivered"

    def _to_try_again(self, leaving: bool) -> list[tuple[int, int]]:
        """Return what the spool takes of what was not accepted."""
        failed = [
            key
            for key, verdict in self._results.items()
            if verdict is not None and self._address_of(key)
        ]
        if self._origin.service != "lmtp":
            accepted = leaving or None in self._results.values()
            return [key for key in failed if accepted or _passing(self._results[key])]
        # One reply for each recipient: what counts is what else it became.
        return [
            key
            for key in failed
            if any(
                self._results.get((key[0], number), self) in (None, self)
                for number in range(len(self._recipients[key[0]].destinations))
            )
        ]

    def _address_of(self, key: tuple[int, int]) -> bool:
        place = self._recipients[key[0]].destinations[key[1]].place
        return isinstance(place, Mailbox | Command | File) or (
            isinstance(place, Broken) and place.address is not None
        )

    def _envelope(
        self, reverse_path: ReversePath, paths: Sequence[ForwardPath]
    ) -> Envelope:
        return Envelope(reverse_path, tuple(paths), replace(self._origin, account=None))

    def _verdict(self, at: int) -> MailError | None:
        recipient = self._recipients[at]
        if recipient.verdict is not None:
            return recipient.verdict
        verdicts = [
            (destination.place, self._results[at, number])
            for number, destination in enumerate(recipient.destinations)
        ]
        failed = [(place, one) for place, one in verdicts if one is not None]
        if len(failed) < len(verdicts):
            # The operator's mistake was told of in the log; it is not theirs
            # whom the others' mail comes from.
            failed = [pair for pair in failed if not isinstance(pair[0], Broken)]
        return failed[0][1] if failed else None


def _user(destination: Destination) -> str:
    assert isinstance(destination.place, Mailbox)
    return destination.place.user


def _passing(verdict: MailError | None) -> bool:
    """Tell whether asking again helps, and the spool could have room for it."""
    return isinstance(verdict, TemporaryFailure) and not isinstance(
        verdict, InsufficientStorage
    )


def _own_address(path: ForwardPath, destination: Destination) -> Address:
    """Return the address under which a place of ours is tried again."""
    place = destination.place
    if isinstance(place, Mailbox):
        return Address(*place.user.rsplit("@", 1))
    if isinstance(place, Command | File):
        return path_for_agent(path, place).address
    assert isinstance(place, Broken)
    assert place.address is not None
    return place.address
