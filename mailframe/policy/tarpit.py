"""Time, for those who are in too much of a hurry.

The greeting waits a little: who talks before it, and who has no time to wait,
is rarely a mail host. A client that goes on through many recipients gets slower
with each. The waiting costs a timer; only so many clients are held at a time,
and the others are let through at once.

Give it a longer timeout than it may wait.
"""

from typing import Any

from twisted.internet.task import deferLater

from mailframe.interfaces.check import Verdict
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.policy.check import Indifferent


class Tarpit(Indifferent):
    """Waits before it has no opinion."""

    def __init__(
        self,
        clock: Any,
        *,
        greeting: float = 2.0,
        free_recipients: int = 20,
        each: float = 1.0,
        longest: float = 10.0,
        held: int = 1000,
    ) -> None:
        """Be slow.

        Args:
            clock: Provides IReactorTime.
            greeting: Seconds before the greeting; 0 for none.
            free_recipients: Recipients of one message that cost nothing.
            each: Seconds more for each one beyond.
            longest: Seconds one recipient costs at most.
            held: Clients that wait at the same time.
        """
        self._clock = clock
        self._greeting = greeting
        self._free_recipients = free_recipients
        self._each = each
        self._longest = longest
        self._held = held
        self._waiting = 0

    async def connect(self, origin: Origin) -> Verdict | None:
        """Let a client wait for its greeting."""
        await self._wait(self._greeting)
        return None

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Begin to count."""
        memory["recipients"] = 0
        return None

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Let a client wait for one recipient of many."""
        count = memory["recipients"]
        assert isinstance(count, int)
        memory["recipients"] = count + 1
        over = count + 1 - self._free_recipients
        await self._wait(min(self._longest, over * self._each))
        return None

    async def _wait(self, seconds: float) -> None:
        if seconds <= 0 or self._waiting >= self._held:
            return
        self._waiting += 1
        try:
            await deferLater(self._clock, seconds)
        finally:
            self._waiting -= 1
