"""The bounds of an account, as its sessions see them; a base class of the account.

Source: the contract of :class:`mailframe.interfaces.quota.IQuotaKeeper`.
"""

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from zope.interface import implementer

from mailframe.errors import NotPermitted
from mailframe.interfaces.quota import IQuotaGrant, IQuotaKeeper
from mailframe.model.mailbox import MailboxName
from mailframe.model.quota import QuotaLimits, QuotaRoot
from mailframe.storage.maildir import quota
from mailframe.storage.maildir.reading import AccountReader
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.maildir.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")


@implementer(IQuotaKeeper, IQuotaGrant)
class BoundedAccount:
    """What makes an account keep to bounds and tell them.

    Attributes:
        may_set_quota: Whether its user may change its bounds.
    """

    may_set_quota = False
    reader: AccountReader
    threads: Threads
    _store: AccountStore

    async def ask(
        self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Ask the reader."""
        raise NotImplementedError

    def grant(self, octets: int | None) -> None:
        """Take what a directory grants."""
        self._store.usage.granted = octets

    async def quota_roots(self, name: MailboxName) -> Sequence[str]:
        """Return the one root of all mailboxes."""
        return [quota.ROOT]

    async def quota(self, root: str) -> QuotaRoot | None:
        """Return bounds and usage."""
        if root != quota.ROOT:
            return None
        limits = await self.threads.read(self._store.usage.limits)
        octets, messages = await self.ask(self.reader.usage)
        return QuotaRoot(root, limits, octets, messages)

    async def set_quota(self, root: str, limits: QuotaLimits) -> None:
        """Change the bounds."""
        if root != quota.ROOT or not self.may_set_quota:
            raise NotPermitted("quota")
        await self.threads.write(lambda batch: quota.write_limits(self._store, limits))
