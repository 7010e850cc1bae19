"""Twisted's epoll reactor, without a log context made anew for each event.

``twistd --reactor=mailframe ...`` uses it; nothing needs it. A small command costs
about a tenth less. It tells the transports of :mod:`.eager` when its turn is over,
so that they need no timer. What is lost is the name of the connection before messages
of the old logging system (``twisted.python.log``).

Source: https://docs.twisted.org/en/stable/core/howto/choosing-reactor.html
"""

import errno
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger

from mailframe.net.eager import Turn

_log = Logger()


class LeanReactor(EPollReactor):
    """Waits as its parent does, and calls who has something to do directly.

    Attributes:
        turn: Who has something to send before it waits again.
    """

    def __init__(self) -> None:
        """Begin."""
        self.turn = Turn()
        super().__init__()  # type: ignore[no-untyped-call]

    def runUntilCurrent(self) -> None:  # noqa: N802
        """Do what is due; then the turn is over."""
        super().runUntilCurrent()
        self.turn.over()

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, and have each dealt with; what fails is logged."""
        try:
            events = self._poller.poll(
                -1 if timeout is None else timeout, len(self._selectables)
            )
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        deal_with: Any = self._doReadOrWrite
        selectables = self._selectables
        for fd, event in events:
            selectable = selectables.get(fd)
            if selectable is None:
                continue
            try:
                deal_with(selectable, fd, event)
            except Exception:
                _log.failure("a connection could not be closed")

    doIteration = doPoll


def install() -> None:
    """Make it the reactor of this process."""
    installReactor(LeanReactor())  # type: ignore[no-untyped-call]
