"""One check in its place, with its time and its default.

Whatever a check does, a verdict comes of it: one that raises or takes too long
is answered for by what the operator chose, and told of in the log.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.logger import Logger

from mailframe.errors import BadSyntax, MailError, PolicyDeferral, PolicyRefusal
from mailframe.interfaces.check import Decision, IMessageCheck, Verdict
from mailframe.model.envelope import Origin

_log = Logger()


GOES_ON = Verdict(Decision.NEUTRAL)
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


async def asked(
    one: Configured, clock: Any, ask: Callable[[], Awaitable[Verdict | None]]
) -> Verdict | None:
    """Return what a check says, or its default."""
    try:
        outcome = started(ask())
        if not outcome.called:
            outcome.addTimeout(one.timeout, clock)
        verdict: Verdict | None = await outcome
    except Exception as error:
        return answered_for(one, error)
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


def answered_for(one: Configured, error: Exception) -> Verdict:
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
        return GOES_ON
    return Verdict(one.on_failure)


def started(awaitable: Any) -> "Deferred[Any]":
    """Return what a check does as a Deferred."""
    if isinstance(awaitable, Deferred):
        return awaitable
    return Deferred.fromCoroutine(awaitable)
