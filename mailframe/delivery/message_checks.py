"""What the checks of a host make of one message, asked in their order."""

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from twisted.logger import Logger

from mailframe.delivery.configured_check import (
    GOES_ON,
    Configured,
    answered_for,
    asked,
    raise_refusal,
    started,
)
from mailframe.errors import MailError, PolicyDeferral, PolicyRefusal
from mailframe.interfaces.check import (
    Decision,
    Edit,
    EnvelopeEdit,
    IDataCheck,
    IRejectionCheck,
    Verdict,
)
from mailframe.interfaces.content import IContent
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath

_log = Logger()


@dataclass(slots=True)
class Outcome:
    """What the checks want done with a message they let in.

    Attributes:
        header: Fields to put before it.
        edits: Changes of its header.
        body: What replaces its body, or ``None``; to be closed.
        envelope: Changes of its envelope.
        discard: Whether it is dropped.
        quarantine: Whether it is suspect, for everybody.
        recipients: What is different for some, by address as in RCPT: ``None``
            for suspect, or a refusal.
    """

    header: bytes = b""
    edits: list[Edit] = field(default_factory=list)
    body: IContent | None = None
    envelope: list[EnvelopeEdit] = field(default_factory=list)
    discard: bool = False
    quarantine: bool = False
    recipients: dict[Address, PolicyRefusal | PolicyDeferral | None] = field(
        default_factory=dict
    )


class MessageChecks:
    """The checks' view of one message."""

    def __init__(
        self, checks: Sequence[Configured], clock: Any, message_id: str
    ) -> None:
        """Begin; ``mail`` comes first, ``over`` last."""
        self._taken: list[Address] = []
        self._asking: list[tuple[Configured, dict[str, object]]] = [
            (one, {"id": message_id, "recipients": self._taken}) for one in checks
        ]
        self._clock = clock
        self._begun: list[tuple[Configured, dict[str, object]]] = []
        self._failed: dict[int, Verdict] = {}
        self._outcome = Outcome()

    async def mail(self, origin: Origin, reverse_path: ReversePath) -> None:
        """Look at MAIL.

        Raises:
            PolicyRefusal: This sender is not wanted.
            PolicyDeferral: Not now.
        """
        asking, self._asking = self._asking, []
        # What MAIL was not asked of, or what failed there, is not asked again.
        for one, memory in asking:
            self._begun.append((one, memory))
            ask = partial(one.check.mail, memory, origin, reverse_path)
            verdict = await asked(one, self._clock, ask)
            if verdict is not GOES_ON:
                self._asking.append((one, memory))
            if self._note(verdict, one.name):
                break

    async def rcpt(self, forward_path: ForwardPath) -> None:
        """Look at one recipient.

        Raises:
            PolicyRefusal: Not this one.
            PolicyDeferral: Not this one now.
        """
        if self._asking:
            await self._ask_of(forward_path)
            self._taken.append(forward_path.address)

    async def _ask_of(self, forward_path: ForwardPath) -> None:
        for at, (one, memory) in enumerate(self._asking, 1):
            ask = partial(one.check.rcpt, memory, forward_path)
            verdict = await asked(one, self._clock, ask)
            if verdict is None:
                continue
            try:
                raise_refusal(verdict, one.name)
            except (PolicyRefusal, PolicyDeferral) as refusal:
                await self.rejected(forward_path, refusal, at)
                raise
            self._outcome.header += verdict.header
            self._outcome.envelope += verdict.envelope
            if verdict.decision is Decision.QUARANTINE:
                self._outcome.recipients.setdefault(forward_path.address, None)
            elif verdict.decision is Decision.DISCARD:
                self._outcome.discard = True
            if verdict.decision in (Decision.ACCEPT, Decision.DISCARD):
                return

    async def rejected(
        self, forward_path: ForwardPath, refusal: MailError, first: int = 0
    ) -> None:
        """Let those that want to know hear of a recipient that is refused.

        Args:
            forward_path: Who.
            refusal: Why.
            first: How many checks were asked about it, and are not told.
        """
        for one, memory in self._asking[first:]:
            if IRejectionCheck.providedBy(one.check):
                told = IRejectionCheck(one.check).rejected
                await asked(
                    one, self._clock, partial(told, memory, forward_path, refusal)
                )

    def data(self) -> Awaitable[None] | None:
        """Look at DATA; ``None`` where no check wants to.

        Raises:
            PolicyRefusal: The content is not wanted.
            PolicyDeferral: Not now.
        """
        if not self._asking:
            return None
        asking = [two for two in self._asking if IDataCheck.providedBy(two[0].check)]
        return self._ask_before_content(asking) if asking else None

    async def _ask_before_content(
        self, asking: Iterable[tuple[Configured, dict[str, object]]]
    ) -> None:
        for one, memory in asking:
            ask = partial(IDataCheck(one.check).data, memory)
            verdict = await asked(one, self._clock, ask)
            if self._note(verdict, one.name):
                break

    def content(self, octets: bytes) -> Awaitable[None] | None:
        """Look at the next piece of the content."""
        waiting = []
        for at, (one, memory) in enumerate(self._asking):
            if at in self._failed:
                continue
            try:
                wait = one.check.content(memory, octets)
            except Exception as error:
                self._fail(at, one, error)
            else:
                if wait is not None:
                    waiting.append((at, one, wait))
        return self._wait(waiting) if waiting else None

    async def end(self) -> Outcome:
        """Give the verdict on the whole message.

        Raises:
            PolicyRefusal: It is not wanted.
            PolicyDeferral: Not now.
        """
        for at, (one, memory) in enumerate(self._asking):
            if at in self._failed:
                verdict: Verdict | None = self._failed[at]
            else:
                ask = partial(one.check.end, memory)
                verdict = await asked(one, self._clock, ask)
            if verdict is None:
                continue
            if verdict.body is not None:
                if self._outcome.body is not None:
                    self._outcome.body.close()
                self._outcome.body = verdict.body
            self._outcome.edits += verdict.edits
            for address, other in verdict.recipients.items():
                self._note_recipient(address, other, one.name)
            if self._note(verdict, one.name):
                break
        return self._outcome

    def over(self) -> None:
        """Let every check go. Calling again is nothing."""
        begun, self._begun = self._begun, []
        for one, memory in begun:
            try:
                one.check.over(memory)
            except Exception:
                _log.failure("{name} did not end well", name=one.name)

    def _note(self, verdict: Verdict | None, check: str) -> bool:
        """Keep what a verdict wants; return whether the stage is over."""
        if verdict is None:
            return False
        raise_refusal(verdict, check)
        outcome = self._outcome
        outcome.header += verdict.header
        outcome.envelope += verdict.envelope
        if verdict.decision is Decision.QUARANTINE:
            outcome.quarantine = True
        elif verdict.decision is Decision.DISCARD:
            outcome.discard = True
        return verdict.decision in (Decision.ACCEPT, Decision.DISCARD)

    def _note_recipient(self, address: Address, verdict: Verdict, check: str) -> None:
        kept = self._outcome.recipients
        try:
            raise_refusal(verdict, check)
        except (PolicyRefusal, PolicyDeferral) as refusal:
            kept[address] = refusal
        else:
            if verdict.decision is Decision.QUARANTINE:
                kept.setdefault(address, None)

    async def _wait(
        self, waiting: list[tuple[int, Configured, Awaitable[None]]]
    ) -> None:
        # They wait side by side: the slowest decides, not the sum of them.
        begun = [(at, one, started(wait)) for at, one, wait in waiting]
        for at, one, outcome in begun:
            if not outcome.called:
                outcome.addTimeout(one.timeout, self._clock)
            try:
                await outcome
            except Exception as error:
                self._fail(at, one, error)

    def _fail(self, at: int, one: Configured, error: Exception) -> None:
        self._failed[at] = answered_for(one, error)
