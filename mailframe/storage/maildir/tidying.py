"""When the file names of an account follow its index: soon, and before the end."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailframe.storage.maildir.index import MailboxRow

_SECONDS = 0.2


class Tidying:
    """Has the names of an account follow, a slice at a time."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        tidy: Callable[[], "Deferred[tuple[bool, list[MailboxRow]]]"],
        take: Callable[[Sequence[MailboxRow]], None],
    ) -> None:
        """Begin with nothing to do.

        Args:
            reactor: Provides IReactorTime.
            tidy: Does a slice; returns whether there is more to do, and the
                mailboxes whose directories changed.
            take: Told of those.
        """
        self._reactor = reactor
        self._tidy = tidy
        self._take = take
        self._call: Any = None

    def soon(self, seconds: float | None = None) -> None:
        """Begin in a moment.

        Args:
            seconds: When at the latest, if a moment is too soon.
        """
        delay = _SECONDS if seconds is None else seconds
        if self._call is None:
            self._call = self._reactor.callLater(delay, self._now)
        elif self._call.getTime() > self._reactor.seconds() + delay:
            self._call.reset(delay)

    def cancel(self) -> None:
        """Do not."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    async def finish(self) -> None:
        """Do all there is to do.

        Raises:
            TemporaryFailure: It cannot be done now.
        """
        self.cancel()
        more = True
        while more:
            more, rows = await self._tidy()
            self._take(rows)

    def _now(self) -> None:
        self._call = None
        self._tidy().addCallbacks(
            self._done, lambda failure: self._log.failure("tidying", failure)
        )

    def _done(self, result: tuple[bool, list[MailboxRow]]) -> None:
        more, rows = result
        self._take(rows)
        if more and self._call is None:
            self._call = self._reactor.callLater(0, self._now)
