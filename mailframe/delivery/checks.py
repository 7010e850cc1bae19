"""The checks of a host, asked in their order about clients and their messages."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from twisted.logger import Logger

from mailframe.delivery.configured_check import Configured, asked, raise_refusal
from mailframe.delivery.message_checks import MessageChecks
from mailframe.interfaces.check import Decision, IInquiryCheck, IVisitCheck
from mailframe.model.envelope import Origin

_log = Logger()


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
        await self._session(self._checks, origin, "connect")

    async def greeted(self, origin: Origin) -> None:
        """Look at what a client calls itself.

        Raises:
            PolicyRefusal: That name will not do.
            PolicyDeferral: Not now.
        """
        await self._session(self._checks, origin, "helo")

    async def asked(self, origin: Origin, command: str, text: str) -> None:
        """Look at what a client asks for beside sending mail.

        Args:
            origin: Who asks.
            command: ``vrfy`` or ``etrn``.
            text: What about.

        Raises:
            PolicyRefusal: It may not.
            PolicyDeferral: Not now.
        """
        checks = [one for one in self._checks if IInquiryCheck.providedBy(one.check)]
        await self._session(checks, origin, command, text)

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

    async def _session(
        self, checks: Iterable[Configured], origin: Origin, stage: str, *more: str
    ) -> None:
        for one in checks:
            if one.spares(origin):
                continue
            ask = partial(getattr(one.check, stage), origin, *more)
            verdict = await asked(one, self._clock, ask)
            if verdict is not None:
                if verdict.decision is Decision.ACCEPT:
                    return
                raise_refusal(verdict, one.name)
