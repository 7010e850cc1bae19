"""The checks of a host, asked in their order, each with its time and default.

Whatever a check does, a verdict comes of it: one that raises or takes too long
is answered for by what the operator chose, and told of in the log.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.logger import Logger

from mailframe.errors import BadSyntax, MailError, PolicyDeferral, PolicyRefusal
from mailframe.interfaces.check import (
    Decision,
    Edit,
    EnvelopeEdit,
    IMessageCheck,
    IRejectionCheck,
    IVisitCheck,
    Verdict,
)
from mailframe.interfaces.content import IContent
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath

_log = Logger()


_GOES_ON = Verdict(Decision.NEUTRAL)
"""The verdict of a check that failed and does not matter."""


def nobody(origin: Origin) -> bool:
    """Spare nobody."""
    return False


@dataclass(frozen=True, slots=True)
class Configured:
    """A check in its place.

    Attributes:
        name: For the log.
        check: The check.
        on_failure: What happens when it fails or takes too long: ACCEPT goes
            on as if it had no opinion; DEFER and REFUSE say no.
        timeout: Seconds it may take for one question.
        spares: Tells which clients it does not look at, such as users who have
            logged in.
        local: Whether it looks at mail of this machine's programs, too.
    """

    name: str
    check: IMessageCheck
    on_failure: Decision = Decision.DEFER
    timeout: float = 30.0
    spares: Callable[[Origin], bool] = nobody
    local: bool = False

    def __post_init__(self) -> None:
        """Refuse a default that is none."""
        if self.on_failure not in (Decision.ACCEPT, Decision.DEFER, Decision.REFUSE):
            raise ValueError(f"{self.name}: on failure accept, defer or refuse")


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


class Checks:
    """The checks every session and message goes through."""

    def __init__(self, checks: Sequence[Configured], clock: Any) -> None:
        """Ask some checks.

        Args:
            checks: In their order.
            clock: Provides IReactorTime.
        """
        self._checks = tuple(checks)
        self._clock = clock
        # One for all: where nobody is asked there is nothing to remember.
        self._unchecked = MessageChecks((), clock, "")

    async def connected(self, origin: Origin) -> None:
        """Look at a client that is not greeted yet.

        Raises:
            PolicyRefusal: It is not welcome.
            PolicyDeferral: Not now.
        """
        await self._session(origin, "connect")

    async def greeted(self, origin: Origin) -> None:
        """Look at what a client calls itself.

        Raises:
            PolicyRefusal: That name will not do.
            PolicyDeferral: Not now.
        """
        await self._session(origin, "helo")

    def left(self, origin: Origin) -> None:
        """Have every check that remembers a client let it go."""
        for one in self._checks:
            if IVisitCheck.providedBy(one.check):
                try:
                    IVisitCheck(one.check).left(origin)
                except Exception:
                    _log.failure("{name} did not let go", name=one.name)

    def begin(self, origin: Origin, message_id: str = "") -> "MessageChecks":
        """Return what asks them about one message."""
        asking = [one for one in self._checks if not one.spares(origin)]
        if not asking:
            return self._unchecked
        return MessageChecks(asking, self._clock, message_id)

    async def _session(self, origin: Origin, stage: str) -> None:
        for one in self._checks:
            if one.spares(origin):
                continue
            ask = partial(getattr(one.check, stage), origin)
            verdict = await asked(one, self._clock, ask)
            if verdict is not None:
                if verdict.decision is Decision.ACCEPT:
                    return
                raise_refusal(verdict, one.name)


class MessageChecks:
    """The checks' view of one message."""

    def __init__(
        self, checks: Sequence[Configured], clock: Any, message_id: str
    ) -> None:
        """Begin; ``mail`` comes first, ``over`` last."""
        self._asking: list[tuple[Configured, dict[str, object]]] = [
            (one, {"id": message_id}) for one in checks
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
            if verdict is not _GOES_ON:
                self._asking.append((one, memory))
            if self._note(verdict, one.name):
                break

    async def rcpt(self, forward_path: ForwardPath) -> None:
        """Look at one recipient.

        Raises:
            PolicyRefusal: Not this one.
            PolicyDeferral: Not this one now.
        """
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
            self._outcome.envelope += verdict.envelope
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
        begun = [(at, one, _begun(wait)) for at, one, wait in waiting]
        for at, one, outcome in begun:
            if not outcome.called:
                outcome.addTimeout(one.timeout, self._clock)
            try:
                await outcome
            except Exception as error:
                self._fail(at, one, error)

    def _fail(self, at: int, one: Configured, error: Exception) -> None:
        self._failed[at] = _answered_for(one, error)


async def asked(
    one: Configured, clock: Any, ask: Callable[[], Awaitable[Verdict | None]]
) -> Verdict | None:
    """Return what a check says, or its default."""
    try:
        outcome = _begun(ask())
        if not outcome.called:
            outcome.addTimeout(one.timeout, clock)
        verdict: Verdict | None = await outcome
    except Exception as error:
        return _answered_for(one, error)
    return verdict


def raise_refusal(verdict: Verdict, check: str) -> None:
    """Raise what says no; nothing for the others.

    Args:
        verdict: What a check says.
        check: Its name.

    Raises:
        PolicyRefusal: It refuses.
        PolicyDeferral: It defers.
    """
    if verdict.decision is Decision.REFUSE:
        raise PolicyRefusal(verdict.text, verdict.code, verdict.enhanced, check)
    if verdict.decision is Decision.DEFER:
        raise PolicyDeferral(verdict.text, verdict.code, verdict.enhanced, check)


def _answered_for(one: Configured, error: Exception) -> Verdict:
    """Return the default of a check that failed, and tell of it."""
    if isinstance(error, TookTooLong):
        _log.warn(
            "the check {name} took more than {seconds} s",
            name=one.name,
            seconds=one.timeout,
        )
    elif isinstance(error, MailError | BadSyntax):
        _log.warn("the check {name}: {error}", name=one.name, error=error)
    else:
        _log.failure("the check {name} failed", name=one.name)
    # Who does not look lets the others look: not ACCEPT, which would end it.
    if one.on_failure is Decision.ACCEPT:
        return _GOES_ON
    return Verdict(one.on_failure)


def _begun(awaitable: Any) -> "Deferred[Any]":
    if isinstance(awaitable, Deferred):
        return awaitable
    return Deferred.fromCoroutine(awaitable)
