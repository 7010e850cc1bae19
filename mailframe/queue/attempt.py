"""One attempt: a destination's recipients handed to the first hop that takes them.

Source: RFC 5321 section 5.1 (hosts are tried in order), RFC 7505 (null MX).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from twisted.logger import Logger

from mailframe.errors import MailError, NoSuchUser, TemporaryFailure
from mailframe.interfaces.content import IContent
from mailframe.interfaces.delivery import Hop, IRelay, IRouter
from mailframe.model.envelope import Envelope
from mailframe.queue.contract import Outcome, Parcel, State
from mailframe.queue.verdict import outcome_of

RECIPIENTS = 100
"""Recipients of one transaction; every server takes so many (RFC 5321 section
4.5.3.1.8)."""

BUG = Outcome(State.DEFERRED, "4.3.0", "local error")
"""What our own bugs are answered with; the log has the rest."""


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to.

    Attributes:
        outcomes: One for each recipient, in their order.
        reached: Whether the destination was there and answered.
    """

    outcomes: Sequence[Outcome]
    reached: bool


class Attempts:
    """Makes attempts."""

    _log = Logger()

    def __init__(self, router: IRouter, relay: IRelay) -> None:
        """Begin.

        Args:
            router: Says which hops there are.
            relay: Carries a message to one of them. When its verdicts have a
                ``dsn`` that is true, the hop reports success itself (RFC 3461
                section 5.2.2). A TemporaryFailure that it raises with a
                ``status`` of 5.y.z says that this hop will never do.
        """
        self._router = router
        self._relay = relay

    async def make(self, parcel: Parcel, content: IContent) -> Result:
        """Try to deliver a parcel; never raises a MailError."""
        sender = parcel.envelope.reverse_path.address
        try:
            hops = await self._router.route(parcel.destination, sender, parcel.attempts)
        except MailError as error:
            return self._all(parcel, error, reached=not _passing(error))
        except Exception:
            self._log.failure("{id}: routing", id=parcel.queue_id)
            return Result([BUG] * len(parcel.recipients), False)
        if not hops:
            return self._all(parcel, NoSuchUser("no host takes its mail"), reached=True)
        outcomes: list[Outcome] = []
        reached = True
        paths = parcel.envelope.forward_paths
        for start in range(0, len(paths), RECIPIENTS):
            if not reached:
                # It went away; what it said last holds for the rest.
                outcomes += outcomes[-1:] * (len(paths) - start)
                break
            envelope = parcel.envelope
            if len(paths) > RECIPIENTS:
                some = paths[start : start + RECIPIENTS]
                envelope = replace(envelope, forward_paths=some)
            found, reached = await self._walk(parcel, hops, envelope, content)
            outcomes += found
        return Result(outcomes, reached)

    def _all(self, parcel: Parcel, error: MailError, *, reached: bool) -> Result:
        return Result([outcome_of(error)] * len(parcel.recipients), reached)

    async def _walk(
        self,
        parcel: Parcel,
        hops: Sequence[Hop],
        envelope: Envelope,
        content: IContent,
    ) -> tuple[list[Outcome], bool]:
        """Try hops in order until one answers."""
        count = len(envelope.forward_paths)
        last, in_vain = BUG, True
        for hop in hops:
            try:
                verdicts = await self._relay.deliver(hop, envelope, content)
            except TemporaryFailure as error:
                last = outcome_of(error, hop.host)
                in_vain = in_vain and (error.status or "").startswith("5")
                self._log.info(
                    "{id}: {host}: {error!r}",
                    id=parcel.queue_id,
                    host=hop.host,
                    error=error,
                )
            except MailError as error:
                return [outcome_of(error, hop.host)] * count, True
            except Exception:
                self._log.failure(
                    "{id}: delivering to {host}", id=parcel.queue_id, host=hop.host
                )
                last, in_vain = BUG, False
            else:
                return self._judged(parcel, hop, verdicts, count), True
        if in_vain:
            failed = replace(last, state=State.FAILED, status="5" + last.status[1:])
            return [failed] * count, True
        return [last] * count, False

    def _judged(
        self,
        parcel: Parcel,
        hop: Hop,
        verdicts: Sequence[MailError | None],
        count: int,
    ) -> list[Outcome]:
        if len(verdicts) != count:
            self._log.error(
                "{id}: {found} verdicts for {count} recipients",
                id=parcel.queue_id,
                found=len(verdicts),
                count=count,
            )
            return [BUG] * count
        reported = bool(getattr(verdicts, "dsn", False))
        tls = getattr(verdicts, "tls", None) or ""
        by = parcel.envelope.reverse_path.deliver_by
        # Nobody watches over the time from here on (RFC 2852 section 4.1.4.2).
        unwatched = not (by is None or by.bounce or getattr(verdicts, "by", False))
        relayed = by is not None and (by.trace or unwatched) and not hop.lmtp
        return [
            outcome_of(
                one,
                hop.host,
                reported=reported,
                final=hop.lmtp,
                relayed=relayed,
                tls=tls,
            )
            for one in verdicts
        ]


def _passing(error: MailError) -> bool:
    return isinstance(error, TemporaryFailure)
