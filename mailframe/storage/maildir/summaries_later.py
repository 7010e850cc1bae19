"""Summaries that a quick answer went without are worked out when it is quiet.

Not at once: whoever asks for very many messages asks for the next ones right away,
and would have to share the processor.

Source: DESIGN.md section 4 (ready answers are kept).
"""

from collections.abc import Callable
from typing import Any

from mailframe.storage.maildir.summary_rows import digest_later

QUIET_SECONDS = 2.0
"""Seconds without such an answer."""


class SummariesLater:
    """Of which messages of an account summaries are missing; for the reactor thread."""

    def __init__(self, reactor: Any, aside: Callable[..., None]) -> None:
        """Begin with none.

        Args:
            reactor: Provides IReactorTime.
            aside: Runs a job that nobody waits for, with its arguments.
        """
        self._reactor = reactor
        self._aside = aside
        self._first: dict[int, int] = {}
        self._waiting: Any = None

    def owe(self, first: int) -> None:
        """Note messages without summaries.

        Args:
            first: Number in the index of the first; others follow it.
        """
        mailbox = first >> 32
        self._first[mailbox] = min(first, self._first.get(mailbox, first))
        if self._waiting is None:
            self._waiting = self._reactor.callLater(QUIET_SECONDS, self._now)
        else:
            self._waiting.reset(QUIET_SECONDS)

    def cancel(self) -> None:
        """Leave them to whoever asks for them next."""
        self._first.clear()
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _now(self) -> None:
        self._waiting = None
        while self._first:
            self._aside(digest_later, self._first.popitem()[1])
