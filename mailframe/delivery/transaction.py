"""One message on its way in: into the intake, past the checks, then on.

Nobody is told the message is there before every place it is for has it. When
some have and others have not, each recipient has its own verdict; what a
protocol with one reply for all makes of that is its matter. Nothing is taken
back: an account that has the message keeps it, and a client that comes again
gives it a second copy, never none.

Source: RFC 5321 section 4.1.1.4, RFC 2033 section 4.2.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from twisted.internet.defer import gatherResults
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.delivery.configured_check import started
from mailframe.delivery.destination import Destination, Elsewhere
from mailframe.delivery.distribution import Distribution, Means, Recipient
from mailframe.delivery.edited_content import rewrite
from mailframe.delivery.edited_envelope import edited, verdicts_of
from mailframe.delivery.held_back import Share
from mailframe.delivery.loops import been_to, check_hops
from mailframe.delivery.message_checks import MessageChecks, Outcome
from mailframe.delivery.refusals import tell
from mailframe.errors import (
    DeliveryFailed,
    MailError,
    RelayDenied,
    TemporaryFailure,
)
from mailframe.interfaces.content import IContent, IContentWriter, IIntake
from mailframe.interfaces.delivery import IMailTransaction
from mailframe.interfaces.reception import IContentGate, IRefusalNoter
from mailframe.mime.header import header_end
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath

_log = Logger()


class Filter(Protocol):
    """Changes content on its way through."""

    def feed(self, octets: bytes) -> bytes:
        """Return what can be passed on; may raise MailError."""

    def finish(self) -> bytes:
        """Return what is left."""


class NoFilter:
    """Leaves content as it is."""

    def feed(self, octets: bytes) -> bytes:
        """Return the same."""
        return octets

    def finish(self) -> bytes:
        """Return nothing more."""
        return b""


@implementer(IMailTransaction, IContentGate, IRefusalNoter)
class LocalTransaction:
    """A message on its way to accounts of ours, and elsewhere."""

    def __init__(
        self,
        message_id: str,
        origin: Origin,
        reverse_path: ReversePath,
        *,
        means: Means,
        intake: IIntake,
        max_received: int,
        now: Callable[[], float],
        content_filter: Filter,
        relay: bool,
        checks: MessageChecks,
        share: Share | None = None,
    ) -> None:
        """Begin without recipients.

        Args:
            message_id: For the trace field, the log and the reply.
            origin: How the message comes.
            reverse_path: Who it is from.
            means: What deliveries are made with.
            intake: Where it rests meanwhile.
            max_received: Received fields before it counts as looping.
            now: Seconds since 1970.
            content_filter: Changes the content on its way to the intake.
            relay: Whether this client may send to other hosts through us.
            checks: Look at it; they have passed MAIL.
            share: What it takes of what its user may have held back, if it is.
        """
        self.id = message_id
        self._origin = origin
        self._reverse_path = reverse_path
        self._means = means
        self._intake = intake
        self._max_received = max_received
        self._now = now
        self._filter = content_filter
        self._relay = relay
        self._checks = checks
        self._share = share
        self._recipients: list[Recipient] = []
        self._writer: IContentWriter | None = None

    async def recipient(self, forward_path: ForwardPath) -> None:
        """Take a recipient: ours, or another host's if this client may."""
        address = forward_path.address
        asked = False
        try:
            destinations = await self._resolved(address, self._relay)
            if self._origin.service == "submission":
                _check_qualified(address, destinations)
            asked = True
            await self._checks.rcpt(forward_path)
        except MailError as refusal:
            if not asked:
                await self._checks.rejected(forward_path, refusal)
            tell(refusal, "RCPT", self._origin, self._reverse_path, address)
            raise
        self._recipients.append(Recipient(forward_path, destinations))

    async def _resolved(self, address: Address, relay: bool) -> list[Destination]:
        destinations = await self._means.addresses.resolve(
            address, relay, self._origin.server_address
        )
        if self._means.spool is None and any(
            isinstance(one.place, Elsewhere) for one in destinations
        ):
            raise RelayDenied(f"{address} is elsewhere, and nothing leads there")
        return destinations

    def content_comes(self) -> Awaitable[None] | None:
        """Ask the checks that want to be asked; see IContentGate."""
        asking = self._checks.data()
        return None if asking is None else self._gate(asking)

    async def _gate(self, asking: Awaitable[None]) -> None:
        try:
            await asking
        except MailError as refusal:
            tell(refusal, "DATA", self._origin, self._reverse_path)
            raise

    def write(self, octets: bytes) -> Awaitable[None] | None:
        """Put content into the intake, and show it to the checks."""
        return self._put(self._filter.feed(octets))

    async def finish(self) -> Sequence[MailError | None]:
        """Deliver to every destination, once.

        Raises:
            MailLoop: It has been through too many hosts already.
            InsufficientStorage: The intake is full.
            TooMuchHeldBack: It is larger than its client said.
            PolicyRefusal: A check does not want it.
            PolicyDeferral: A check does not want it now.
        """
        try:
            self._note_priority()
            rest = self._filter.finish()
            if rest or self._writer is None:
                waiting = self._put(rest)
                if waiting is not None:
                    await waiting
            assert self._writer is not None
            content = await self._writer.finish()
            self._writer = None
            try:
                return await self._accept(content)
            finally:
                content.close()
        except MailError as refusal:
            tell(refusal, "end", self._origin, self._reverse_path)
            raise
        finally:
            self._over()

    def note_refusal(self, why: str) -> None:
        """Write down why the protocol refuses the content."""
        kind = TemporaryFailure if why.startswith("4") else MailError
        tell(kind(why), "end", self._origin, self._reverse_path)

    def abort(self) -> None:
        """Forget the content."""
        self._over()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.discard()

    def _over(self) -> None:
        self._checks.over()
        if self._share is not None:
            self._share.over()

    def _put(self, octets: bytes) -> Awaitable[None] | None:
        if self._writer is None:
            self._writer = self._intake.begin()
        written: Awaitable[None] | None = self._writer.write(octets)
        seen = self._checks.content(octets) if octets else None
        if written is None or seen is None:
            return written or seen
        return _both(written, seen)

    async def _accept(self, content: IContent) -> Sequence[MailError | None]:
        """Ask the checks, and deliver."""
        head: bytes = await content.read(0, self._means.limits.head)
        header = head[: header_end(head)]
        check_hops(header, self._max_received)
        if self._share is not None:
            await self._share.take(content.size)
        outcome = await self._checks.end()
        if not (outcome.edits or outcome.body):
            return await self._deliver(content, header, outcome)
        try:
            most = self._means.limits.edited_header
            new = await rewrite(content, outcome, self._intake, most)
        finally:
            if outcome.body is not None:
                outcome.body.close()
        try:
            return await self._deliver(new, header, outcome)
        finally:
            new.close()

    async def _deliver(
        self, content: IContent, header: bytes, outcome: Outcome
    ) -> Sequence[MailError | None]:
        if outcome.discard:
            _log.info("{id} discarded by a check", id=self.id)
            return [None] * len(self._recipients)
        reverse_path, recipients = self._reverse_path, self._recipients
        if outcome.envelope:
            reverse_path, recipients = await edited(
                self.id,
                reverse_path,
                recipients,
                outcome.envelope,
                # The operator's filter may send anywhere.
                lambda address: self._resolved(address, True),
            )
        if outcome.quarantine or outcome.recipients:
            self._judge(outcome, recipients)
        # What users send again from their own mailbox does not go in circles.
        submitted = self._origin.service == "submission"
        distribution = Distribution(
            self._means,
            self.id,
            self._origin,
            reverse_path,
            recipients,
            header=outcome.header,
            been_to=frozenset() if submitted else been_to(header),
            when=self._now(),
        )
        verdicts = await distribution.run(content)
        if not outcome.envelope:
            return verdicts
        return verdicts_of(self._recipients, recipients, verdicts)

    def _note_priority(self) -> None:
        """Write down the priority asked for (RFC 6710 section 4.1)."""
        asked = self._reverse_path.asked_priority
        if asked is not None:
            _log.info(
                "{id} asks for priority {asked}, has {priority}",
                id=self.id,
                asked=asked,
                priority=self._reverse_path.priority,
            )

    def _judge(self, outcome: Outcome, recipients: Sequence[Recipient]) -> None:
        """Give each recipient what the checks want for it."""
        for one in recipients:
            address = one.forward_path.address
            one.suspect = outcome.quarantine
            if address in outcome.recipients:
                one.verdict = outcome.recipients[address]
                one.suspect |= one.verdict is None
        refused = [one for one in recipients if one.verdict is not None]
        if self._origin.service != "lmtp" and len(refused) < len(recipients):
            # One reply for all cannot refuse some; a report to a sender who may
            # be forged is worse than a message in Junk.
            for one in refused:
                one.verdict, one.suspect = None, True
        for one in recipients:
            if one.verdict is not None:
                address = one.forward_path.address
                tell(one.verdict, "end", self._origin, self._reverse_path, address)


def _check_qualified(address: Address, destinations: Sequence[Destination]) -> None:
    """Demand that a domain elsewhere is a whole one.

    Raises:
        DeliveryFailed: It is a name of somebody's network: another host would
            take it for something else.

    Source: RFC 6409 section 4.2.
    """
    domain = address.domain
    leaves = any(isinstance(one.place, Elsewhere) for one in destinations)
    if domain and "." not in domain and not domain.startswith("[") and leaves:
        raise DeliveryFailed(f"{domain} is not fully qualified", "5.1.2")


async def _both(first: Awaitable[None], second: Awaitable[None]) -> None:
    """Wait for two things; what goes wrong with the first is raised first."""
    await gatherResults([started(first), started(second)])
