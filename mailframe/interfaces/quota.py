"""Optional powers of an account that has bounds.

Source: RFC 9208.
"""

from collections.abc import Awaitable, Sequence

from zope.interface import Attribute, Interface

from mailframe.model.mailbox import MailboxName
from mailframe.model.quota import QuotaLimits, QuotaRoot


class IQuotaAccount(Interface):
    """Optional power of an account: it has bounds, kept and told.

    What would not fit is refused with OverQuota by ``append`` and ``copy``; a
    move within the account takes no room.

    Source: RFC 9208 section 3.
    """

    def quota_roots(name: MailboxName) -> Awaitable[Sequence[str]]:
        """Return the names of the quota roots of a mailbox, which need not exist."""

    def quota(root: str) -> "Awaitable[QuotaRoot | None]":
        """Return bounds and usage of a quota root, ``None`` when there is none."""


class IQuotaKeeper(IQuotaAccount):
    """Optional power of an account: its user may change bounds.

    Source: RFC 9208 section 4.1.3.
    """

    may_set_quota = Attribute("Whether this user may; a ``bool``.")

    def set_quota(root: str, limits: QuotaLimits) -> Awaitable[None]:
        """Change the bounds of a quota root; what is over them already stays.

        Raises:
            NotPermitted: This user may not, or there is no such root.
        """


class IQuotaGrant(Interface):
    """Optional power of an account: it keeps to what a directory grants its user.

    Source: RFC 9208 section 3.
    """

    def grant(octets: int | None) -> None:
        """Say how many octets it may hold, until that is said anew.

        Counts where the account has no bound of its own on octets.

        Args:
            octets: From 1; ``None`` for no bound.
        """
