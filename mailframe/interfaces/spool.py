"""Where messages rest that are to leave this host.

Source: RFC 5321 section 4.5.4 (strategies), section 6.1 (responsibility).
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from zope.interface import Interface

from mailframe.interfaces.content import IContent
from mailframe.model.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Spooled:
    """A queued message and what is still to be done for it.

    Attributes:
        id: The queue ID.
        envelope: Its ``forward_paths`` are those not settled yet.
        arrived: Seconds since 1970.
        attempts: How often delivery was tried.
        due: When to try (again), seconds since 1970.
        held: Whether it waits until an operator releases it.
    """

    id: str
    envelope: Envelope
    arrived: float
    attempts: int
    due: float
    held: bool = False


class ISpool(Interface):
    """Holds messages durably until every recipient is settled."""

    def add(
        envelope: Envelope,
        content: IContent,
        due: float,
    ) -> Awaitable[str]:
        """Take a message; it survives a crash when the result is there.

        Returns:
            Its queue ID.

        Raises:
            InsufficientStorage: Nothing was kept.
        """

    def due(before: float, limit: int) -> Awaitable[Sequence[Spooled]]:
        """Return messages to be tried, soonest first, held ones left out.

        Args:
            before: Seconds since 1970; later ones are not returned.
            limit: How many at most.
        """

    def content(queue_id: str) -> Awaitable[IContent]:
        """Open a message's content; the caller closes it.

        Raises:
            MessageGone: It is not in the spool (any more).
        """

    def settle(
        queue_id: str, settled: Sequence[int], again: float | None
    ) -> Awaitable[None]:
        """Record the result of an attempt, durably and in one step.

        Args:
            queue_id: Which message.
            settled: Indexes into its current ``forward_paths`` that need
                nothing more: delivered, or failed with the report spooled.
            again: When to try the rest; ``None`` when nothing is left, and
                the message goes.
        """

    def hold(queue_id: str, held: bool) -> Awaitable[None]:
        """Keep a message from being tried, or release it.

        Raises:
            MessageGone: It is not in the spool (any more).
        """


class IHoldingSpool(ISpool):
    """Optional power of a spool: it knows what its users have held back."""

    def held_back(user: str, now: float) -> Awaitable[tuple[int, int]]:
        """Return how many messages of a user are for later, and their octets.

        Args:
            user: As the origin of envelopes has it.
            now: Seconds since 1970; what was held back until then is not.

        Raises:
            TemporaryFailure: It cannot be told now.

        Source: RFC 4865 section 6 (a quota for each user).
        """
