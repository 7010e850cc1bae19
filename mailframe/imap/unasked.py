"""What a client is told of the selected mailbox though it did not ask.

Source: RFC 5267 section 4.3, RFC 5465 sections 5 to 7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mailframe.imap.fetch_items import FetchRequest
from mailframe.model.uid_set import UIDSet


class Follower(Protocol):
    """Says something about every change of a mailbox."""

    async def follow(self) -> None:
        """Find out what there is to say about the view as it is now."""

    def removed(self, among: UIDSet | None) -> bytes:
        """Return what is to be said of messages that do not belong any more.

        Args:
            among: Messages that lose their numbers next, which alone are spoken
                of; ``None`` for all, when changed flags have been told.
        """

    def added(self) -> bytes:
        """Return what is to be said when every new message has its number."""


@dataclass(frozen=True, slots=True)
class Unasked:
    """What a client is told of the selected mailbox though it did not ask.

    Attributes:
        messages: That messages came, and that some are gone.
        flags: That flags changed.
        at_once: Between commands too.
        expunges_wait: What is gone is told after a command, or in IDLE, only.
        request: What is told of each new message.

    Source: RFC 5465 sections 5 and 6.1.
    """

    messages: bool = True
    flags: bool = True
    at_once: bool = False
    expunges_wait: bool = False
    request: FetchRequest | None = None


Wish = tuple[FetchRequest, Callable[[], UIDSet]]
"""What is told of new messages, and of which, as soon as it is to be told."""
