"""The end of an attempt: who is told, what is recorded, and when to try again.

A report is handed over before the failure it tells of is recorded: a crash in
between means a second report, never none.

Source: RFC 5321 sections 4.5.4.1 and 6.1.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.task import deferLater

from mailframe.busy_logger import BusyLogger
from mailframe.errors import MailError, MessageGone
from mailframe.interfaces.content import IContent
from mailframe.queue.contract import (
    IQueueSpool,
    Outcome,
    Parcel,
    Recipient,
    Settled,
    State,
)
from mailframe.queue.notices import Notices, Told
from mailframe.queue.schedule import Schedules

_log = BusyLogger()

AGAIN = 60.0
"""Seconds until a spool that refused is asked again."""


class Settling:
    """Settles what attempts came to.

    Attributes:
        patient: Whether to wait for a spool that cannot record now.
    """

    def __init__(
        self,
        spool: IQueueSpool,
        notices: Notices,
        schedules: Schedules,
        clock: Any,
        random: Callable[[], float],
    ) -> None:
        """Begin; see :class:`mailframe.queue.runner.QueueRunner`."""
        self.patient = True
        self._spool = spool
        self._notices = notices
        self._schedules = schedules
        self._clock = clock
        self._random = random

    async def conclude(
        self, parcel: Parcel, outcomes: Sequence[Outcome], content: IContent | None
    ) -> None:
        """Tell who has to be told, then record what became of a parcel.

        Args:
            parcel: What was tried.
            outcomes: What became of each recipient.
            content: The message, ``None`` if it is not open.
        """
        now = self._clock.seconds()
        again: float | None = None
        if all(map(_is_plain, parcel.recipients, outcomes)):
            told = list(map(Told, parcel.recipients, outcomes))
        else:
            again, told = self._judge(parcel, outcomes, now)
            told = await self._tell(parcel, told, content, again, now)
        results = [
            Settled(one.recipient.number, one.outcome, one.recipient.warned)
            for one in told
        ]
        for one in told:
            outcome = one.outcome
            # Formatted here: most of what a delivery costs is otherwise its log.
            _log.info(
                "{line}",
                line=f"{parcel.queue_id} {outcome.state.value}"
                f" {one.recipient.path.address} {outcome.remote}"
                f" {outcome.status} {outcome.tls or outcome.reply}",
                id=parcel.queue_id,
                state=outcome.state.value,
            )
        await self._record(parcel, results, now + AGAIN if again is None else again)

    def _judge(
        self, parcel: Parcel, outcomes: Sequence[Outcome], now: float
    ) -> tuple[float | None, list[Told]]:
        """Return when to try again, and what each recipient's sender may be told."""
        path = parcel.envelope.reverse_path
        schedule = self._schedules.of(parcel.destination)
        again = schedule.again(
            parcel.arrived, path, parcel.attempts + 1, now, self._random()
        )
        late = schedule.warns(parcel.arrived, path, now)
        found = []
        for recipient, outcome in zip(parcel.recipients, outcomes, strict=True):
            expired = outcome.state is State.DEFERRED and again is None
            if expired:
                outcome = replace(outcome, state=State.FAILED)
            deferred = outcome.state is State.DEFERRED
            found.append(
                Told(
                    recipient,
                    outcome,
                    expired=expired,
                    delayed=deferred and late and not recipient.warned,
                )
            )
        return again, found

    async def _tell(
        self,
        parcel: Parcel,
        told: list[Told],
        content: IContent | None,
        again: float | None,
        now: float,
    ) -> list[Told]:
        """Send reports; who cannot be told now is told at another attempt."""
        if content is None:
            if again is not None and not any(one.delayed for one in told):
                return told
            content = await self._spool.content(parcel.queue_id)
            try:
                return await self._tell(parcel, told, content, again, now)
            finally:
                content.close()
        expiry = self._schedules.of(parcel.destination).expiry(
            parcel.arrived, parcel.envelope.reverse_path
        )
        try:
            warned = await self._notices.tell(parcel, told, content, now, expiry)
        except MailError as error:
            _log.warn(
                "{id}: a report is put off: {error!r}", id=parcel.queue_id, error=error
            )
            return [_put_off(one) for one in told]
        return [
            replace(one, recipient=replace(one.recipient, warned=True))
            if one.delayed and warned
            else one
            for one in told
        ]

    async def _record(
        self, parcel: Parcel, results: Sequence[Settled], again: float
    ) -> None:
        """Record an attempt, however long the disk is full."""
        while True:
            try:
                await self._spool.record(parcel, results, again)
                return
            except MessageGone:
                raise
            except MailError as error:
                if not self.patient:
                    raise
                _log.warn(
                    "{id} cannot be recorded: {error!r}",
                    id=parcel.queue_id,
                    error=error,
                )
                await deferLater(self._clock, AGAIN)


def _put_off(one: Told) -> Told:
    """Return a failure as a deferral: its sender does not know of it yet."""
    if one.outcome.state is not State.FAILED:
        return one
    return replace(one, outcome=replace(one.outcome, state=State.DEFERRED))


def _is_plain(recipient: Recipient, outcome: Outcome) -> bool:
    """Tell whether a recipient has the message and nobody wants to hear of it.

    That is nearly all mail, and needs neither schedule nor report.
    """
    return (
        outcome.state is State.DELIVERED
        and recipient.path.notify is None
        and not outcome.relayed
    )
