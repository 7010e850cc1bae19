"""Let many wait for one piece of work instead of doing it many times.

For the adapters. A lock would not do: it calls each who waits inside the one
before, and some hundreds are too deep.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred


class Joined:
    """Runs one thing at a time; who asks meanwhile waits for the same."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin with nothing running.

        Args:
            work: What to do; all who asked get its failure.
        """
        self._work = work
        self._waiting: list[Deferred[None]] | None = None

    @property
    def running(self) -> bool:
        """Whether the work is being done."""
        return self._waiting is not None

    async def run(self) -> None:
        """Do the work, or wait until the one who does it has done it."""
        if self._waiting is not None:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            await waiter
            return
        self._waiting = []
        # On its own, so that one who gives up does not stop it for the others.
        done = Deferred.fromCoroutine(self._work())
        waiter = Deferred()
        self._waiting.append(waiter)
        done.addBoth(self._finished)
        await waiter

    def _finished(self, result: Any) -> None:
        waiting, self._waiting = self._waiting or [], None
        for waiter in waiting:
            if not waiter.called:
                waiter.callback(result)
