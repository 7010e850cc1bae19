"""What users may have held back in the queue, each of them (FUTURERELEASE).

The queue says what is there; what is on its way there is counted here, so that
many sessions at once get no more than one. Between the moment at which a message
is in the queue and the end of its transaction it counts twice.

Source: RFC 4865 section 6.
"""

from collections.abc import Callable
from typing import Any

from mailframe.errors import TooMuchHeldBack
from mailframe.interfaces.spool import IHoldingSpool, ISpool
from mailframe.limits import DeliveryLimits
from mailframe.model.envelope import Origin, ReversePath


class Share:
    """What one message on its way takes of its user's share."""

    def __init__(self, held_back: "HeldBack", user: str) -> None:
        """Take nothing yet; for :meth:`HeldBack.begin`."""
        self._held_back = held_back
        self.user = user
        self.octets = 0

    async def take(self, octets: int) -> None:
        """Have a message of so many octets, if there is room for it.

        Raises:
            TooMuchHeldBack: There is none.
            TemporaryFailure: It cannot be told.
        """
        self.octets = octets
        await self._held_back.check(self.user)

    def over(self) -> None:
        """The message is where it is to be, or nowhere. Again is nothing."""
        self._held_back.coming.discard(self)


class HeldBack:
    """Keeps the users of a host to their shares.

    Attributes:
        coming: What is on its way.
    """

    def __init__(
        self, spool: ISpool | None, limits: DeliveryLimits, now: Callable[[], float]
    ) -> None:
        """Begin with nothing on its way.

        Args:
            spool: Where mail is held back; one that cannot tell of whom and how
                much has no bounds.
            limits: What one user may have.
            now: Seconds since 1970.
        """
        self._spool: Any = spool if IHoldingSpool.providedBy(spool) else None
        self._limits = limits
        self._now = now
        self.coming: set[Share] = set()

    async def begin(self, origin: Origin, reverse_path: ReversePath) -> Share | None:
        """Take a share for a message, of the size its client declared.

        Returns:
            The share, or ``None`` if the message is not held back, or nobody's.

        Raises:
            TooMuchHeldBack: There is no room for it.
            TemporaryFailure: It cannot be told.
        """
        user = origin.user
        if self._spool is None or reverse_path.hold_until is None or user is None:
            return None
        share = Share(self, user)
        self.coming.add(share)
        try:
            await share.take(reverse_path.size or 0)
        except BaseException:
            share.over()
            raise
        return share

    async def check(self, user: str) -> None:
        """See that a user's messages, with those on their way, are not too many.

        Raises:
            TooMuchHeldBack: They are.
            TemporaryFailure: It cannot be told.
        """
        coming = [one.octets for one in self.coming if one.user == user]
        messages, octets = len(coming), sum(coming)
        held = await self._spool.held_back(user, self._now())
        messages += held[0]
        octets += held[1]
        limits = self._limits
        if messages > limits.held_messages or octets > limits.held_octets:
            raise TooMuchHeldBack(f"{messages} messages of {user}, {octets} octets")
