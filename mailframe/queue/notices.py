"""Whom to tell what: decides on reports, and has them sent.

Failures are told unless the sender did not want it, delays once, success when
it was asked for and nobody further on will tell. A message without a sender
is never answered to; its failure is the postmaster's.

Source: RFC 3461 sections 4.1 and 5.2, RFC 5321 section 6.1.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from twisted.logger import Logger

from mailframe.errors import MailError
from mailframe.interfaces.content import IContent
from mailframe.model.address import Address
from mailframe.model.envelope import (
    BodyType,
    DeliverBy,
    Envelope,
    ForwardPath,
    Origin,
    ReversePath,
)
from mailframe.queue.contract import Outcome, Parcel, Recipient, State
from mailframe.queue.reports import Kind, Line, Report, build

FULL_MAX = 1_048_576
"""Octets of the largest message that is returned as a whole when the sender
asked for that."""

USUAL_MAX = 51_200
"""The same when the sender did not say; Postfix has 50000."""

HEAD = 65_536
"""Octets in which the end of the header is looked for."""

HOUR = 3600.0
REMEMBERED = 10_000
"""Addresses whose reports are counted."""

_WORDS = {Kind.FAILED: "FAILURE", Kind.DELAYED: "DELAY", Kind.DELIVERED: "SUCCESS"}

Submit = Callable[[Envelope, bytes], Awaitable[object]]


class Identify(Protocol):
    """Makes names that were never used."""

    def __call__(self) -> str:
        """Return letters and digits, 8 at least."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one recipient.

    Attributes:
        recipient: Which.
        outcome: What became of it.
        expired: Whether it failed because its time was over.
        delayed: Whether the sender is to be told of a delay.
    """

    recipient: Recipient
    outcome: Outcome
    expired: bool = False
    delayed: bool = False


class Notices:
    """Sends reports on what a runner did."""

    _log = Logger()

    def __init__(
        self,
        hostname: str,
        *,
        submit: Submit,
        identify: Identify,
        postmaster: Address,
        is_forged: Callable[[Envelope], bool] = lambda envelope: False,
        per_hour: int = 100,
    ) -> None:
        """Begin.

        Args:
            hostname: Our name, in reports.
            submit: Takes a report's envelope and octets; when the result is
                there it is durable. A MailError puts the report off.
            identify: Makes Message-IDs and MIME boundaries.
            postmaster: Gets reports on mail without a sender.
            is_forged: Tells of a message whether its sender, an address of
                ours, certainly did not send it; it is not told of a failure.
            per_hour: Reports for one address in an hour; more are not sent.
        """
        self._hostname = hostname
        self._submit = submit
        self._identify = identify
        self._postmaster = postmaster
        self._is_forged = is_forged
        self._per_hour = per_hour
        self._counts: OrderedDict[Address, tuple[float, int]] = OrderedDict()

    async def tell(
        self,
        parcel: Parcel,
        told: Sequence[Told],
        content: IContent,
        now: float,
        expiry: float,
    ) -> bool:
        """Tell the sender of a message what became of recipients.

        Args:
            parcel: What was tried.
            told: What became of it; those nobody is told of are passed over.
            content: The message.
            now: Seconds since 1970.
            expiry: When the last attempt will be made.

        Returns:
            Whether a delay was told, or need not be.

        Raises:
            MailError: A report on a failure could not be sent.
        """
        failed = [one for one in told if one.outcome.state is State.FAILED]
        await self._send(Kind.FAILED, parcel, failed, content, now, expiry)
        try:
            delivered = [one for one in told if _succeeded(one)]
            await self._send(Kind.DELIVERED, parcel, delivered, content, now, expiry)
            delayed = [one for one in told if one.delayed]
            await self._send(Kind.DELAYED, parcel, delayed, content, now, expiry)
        except MailError as error:
            self._log.warn(
                "{id}: no report: {error!r}", id=parcel.queue_id, error=error
            )
            return False
        return True

    async def succeeded(
        self,
        message_id: str,
        envelope: Envelope,
        actions: Sequence[str],
        content: IContent,
        now: float,
    ) -> None:
        """Tell the sender of recipients that had their mail without the queue.

        Args:
            message_id: The message's name.
            envelope: With those recipients, all of whom asked for it.
            actions: What became of each (RFC 3464 section 2.3.3).
            content: The message.
            now: Seconds since 1970.

        Raises:
            MailError: The report could not be sent.

        Source: RFC 3461 sections 5.2.3 and 5.2.7.
        """
        outcome = Outcome(State.DELIVERED, "2.0.0", final=True)
        lines = [
            Line(path, outcome, action)
            for path, action in zip(envelope.forward_paths, actions, strict=True)
        ]
        parcel = Parcel(message_id, "", envelope, (), now, 0, now, content.size)
        await self._report(Kind.DELIVERED, parcel, lines, content, now, now)

    async def _send(
        self,
        kind: Kind,
        parcel: Parcel,
        told: Sequence[Told],
        content: IContent,
        now: float,
        expiry: float,
    ) -> None:
        by = parcel.envelope.reverse_path.deliver_by
        late = by if by is not None and by.at <= now else None
        lines = [self._line(one, kind, late) for one in told if _wants(one, kind)]
        if lines:
            await self._report(kind, parcel, lines, content, now, expiry)

    def _line(self, one: Told, kind: Kind, late: DeliverBy | None) -> Line:
        action, outcome = kind.value, one.outcome
        if kind is Kind.DELIVERED and not outcome.final:
            action = "relayed"
        # That it is late is what is to be told then (RFC 2852 section 4.1.3).
        elif late is not None and kind is Kind.DELAYED and not late.bounce:
            outcome = replace(outcome, status="4.4.7")
        elif late is not None and one.expired and late.bounce:
            outcome = replace(outcome, status="5.4.7")
        return Line(one.recipient.path, outcome, action, one.expired)

    async def _report(
        self,
        kind: Kind,
        parcel: Parcel,
        lines: list[Line],
        content: IContent,
        now: float,
        expiry: float,
    ) -> None:
        sender = parcel.envelope.reverse_path.address
        if sender is None:
            if kind is not Kind.FAILED or self._for_postmaster(parcel):
                self._log.info("{id}: nobody to tell", id=parcel.queue_id)
                return
            sender, kind = self._postmaster, Kind.DOUBLE
        elif self._is_forged(parcel.envelope):
            self._log.info("{id}: its sender did not send it", id=parcel.queue_id)
            return
        if not self._may_send(sender, now):
            self._log.warn(
                "{id}: too many reports for {sender}", id=parcel.queue_id, sender=sender
            )
            return
        whole = _returned_whole(kind, parcel)
        report = Report(
            kind=kind,
            hostname=self._hostname,
            recipient=sender,
            queue_id=parcel.queue_id,
            envelope=parcel.envelope,
            lines=tuple(lines),
            arrived=parcel.arrived,
            now=now,
            expiry=expiry,
            identity=self._identify(),
            whole=whole,
            original=await content.read(0, content.size if whole else HEAD),
        )
        octets = build(report)
        envelope = Envelope(
            ReversePath(
                None,
                body=BodyType.SEVEN_BIT
                if octets.isascii()
                else BodyType.EIGHT_BIT_MIME,
                smtputf8=report.global_form,
                # As well protected as what it tells of (RFC 8689 section 5).
                require_tls=parcel.envelope.reverse_path.require_tls,
                # And as urgent (RFC 6710 section 4.6).
                priority=parcel.envelope.reverse_path.priority,
            ),
            (ForwardPath(sender, frozenset()),),
            Origin("queue", "LOCAL", self._hostname, None, self._hostname),
        )
        try:
            await self._submit(envelope, octets)
        except BaseException:
            self._take_back(sender)
            raise

    def _for_postmaster(self, parcel: Parcel) -> bool:
        """Tell whether a report for the postmaster could itself not be delivered."""
        return any(
            one.path.address == self._postmaster
            or one.path.address.local.lower() in ("postmaster", "mailer-daemon")
            for one in parcel.recipients
        )

    def _may_send(self, address: Address, now: float) -> bool:
        """Count a report, and tell whether there were not too many."""
        counts = self._counts
        since, count = counts.pop(address, (now, 0))
        if now - since >= HOUR:
            since, count = now, 0
        counts[address] = since, min(count + 1, self._per_hour)
        if len(counts) > REMEMBERED:
            counts.popitem(last=False)
        return count < self._per_hour

    def _take_back(self, address: Address) -> None:
        since, count = self._counts.get(address, (0.0, 1))
        self._counts[address] = since, count - 1


def _wants(one: Told, kind: Kind) -> bool:
    """Tell whether the sender wants to be told of this.

    Source: RFC 3461 section 4.1, RFC 2852 section 4.1.4 (unless NOTIFY is NEVER).
    """
    notify = one.recipient.path.notify
    if one.outcome.relayed:
        return notify is None or bool(notify)
    return kind is not Kind.DELIVERED if notify is None else _WORDS[kind] in notify


def _succeeded(one: Told) -> bool:
    """Tell whether a success is ours to report.

    Source: RFC 3461 sections 5.2.2 and 5.2.3.
    """
    outcome = one.outcome
    ours = outcome.relayed or not outcome.reported
    return ours and outcome.state is State.DELIVERED


def _returned_whole(kind: Kind, parcel: Parcel) -> bool:
    """Tell whether the message is returned as a whole.

    Source: RFC 3461 sections 4.3 and 6.2, RFC 8689 section 5.
    """
    path = parcel.envelope.reverse_path
    ret = "HDRS" if path.require_tls else path.ret
    if kind is not Kind.FAILED or ret == "HDRS":
        return False
    return parcel.size <= (FULL_MAX if ret == "FULL" else USUAL_MAX)
