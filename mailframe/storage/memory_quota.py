"""Bounds of an account in memory.

Source: the contract of :class:`mailframe.interfaces.quota.IQuotaKeeper`.
"""

from collections.abc import Collection, Sequence

from zope.interface import implementer

from mailframe.errors import NotPermitted, OverQuota
from mailframe.interfaces.quota import IQuotaGrant, IQuotaKeeper
from mailframe.model.mailbox import MailboxName
from mailframe.model.quota import QuotaLimits, QuotaRoot

ROOT = ""
"""The one quota root of an account."""


@implementer(IQuotaKeeper, IQuotaGrant)
class MemoryQuota:
    """What makes a memory account keep to its bounds; a base class of it.

    Attributes:
        limits: Its own bounds.
        granted: Octets that a directory grants, or ``None``.
        may_set_quota: Whether its user may change them.
    """

    limits = QuotaLimits()
    granted: int | None = None
    may_set_quota = False

    def grant(self, octets: int | None) -> None:
        """Take what a directory grants."""
        self.granted = octets

    def sizes(self) -> Collection[int]:
        """Return the octets of every message of the account."""
        raise NotImplementedError

    async def quota_roots(self, name: MailboxName) -> Sequence[str]:
        """Return the one root of all mailboxes."""
        return [ROOT]

    async def quota(self, root: str) -> QuotaRoot | None:
        """Return bounds and usage."""
        if root != ROOT:
            return None
        sizes = self.sizes()
        return QuotaRoot(
            root, self.limits.or_octets(self.granted), sum(sizes), len(sizes)
        )

    async def set_quota(self, root: str, limits: QuotaLimits) -> None:
        """Change the bounds."""
        if root != ROOT or not self.may_set_quota:
            raise NotPermitted("quota")
        self.limits = limits

    def make_room(self, sizes: Collection[int], less: Collection[int] = ()) -> None:
        """See that messages of these sizes fit.

        Args:
            sizes: Of the messages.
            less: Of messages that go at the same time.

        Raises:
            OverQuota: They do not.
        """
        limits = self.limits.or_octets(self.granted)
        if limits == QuotaLimits():
            return
        held = self.sizes()
        octets = sum(held) + sum(sizes) - sum(less)
        if not limits.allow(octets, len(held) + len(sizes) - len(less)):
            raise OverQuota(f"{len(sizes)} more messages")
