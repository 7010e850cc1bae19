"""The realm of accounts in memory.

Source: :class:`twisted.cred.portal.IRealm`.
"""

from collections.abc import Callable
from typing import Any

from twisted.cred.portal import IRealm
from zope.interface import implementer

from mailframe.interfaces.access import ISharingRealm, Namespaces
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.model.access import GROUP
from mailframe.storage.memory import MemoryAccount, Soon
from mailframe.storage.watchers import Callbacks

NAMESPACES = Namespaces()


@implementer(IRealm, ISharingRealm)
class MemoryRealm:
    """Gives every avatar ID an account of its own, empty at first.

    Attributes:
        namespaces: How others' mailboxes are called.
        default_domain: The domain of a user named without one.

    Source: :class:`twisted.cred.portal.IRealm`.
    """

    def __init__(
        self,
        now: Callable[[], float],
        soon: Soon,
        *,
        namespaces: Namespaces = NAMESPACES,
        default_domain: str = "localhost",
    ) -> None:
        """Begin with no accounts.

        Args:
            now: Seconds since 1970.
            soon: Calls something later.
            namespaces: How others' mailboxes are called.
            default_domain: The domain of a user named without one.
        """
        self.namespaces = namespaces
        self.default_domain = default_domain
        self._now = now
        self._soon = soon
        self._lists = Callbacks(soon)
        self._accounts: dict[str, MemoryAccount] = {}

    def requestAvatar(
        self, avatarId: Any, mind: Any, *interfaces: Any
    ) -> tuple[Any, Any, Callable[[], None]]:
        """Return the account of ``avatarId``."""
        if IMailAccount not in interfaces:
            raise NotImplementedError(f"only {IMailAccount.__name__} is provided")
        return IMailAccount, self.account(avatarId.decode()), lambda: None

    def account(self, address: str) -> MemoryAccount:
        """Return the account of ``address``, made on first use."""
        if address not in self._accounts:
            # The time, so that no restart gives old UIDs to other messages.
            self._accounts[address] = MemoryAccount(
                address,
                now=self._now,
                soon=self._soon,
                uid_validity=max(1, int(self._now())),
                ids=f"M{len(self._accounts)}-",
                relisted=self._lists.tell,
            )
        return self._accounts[address]

    def sharers(self, identifiers: frozenset[str]) -> frozenset[str]:
        """Look at every account."""
        return frozenset(
            address
            for address, account in self._accounts.items()
            if account.shared_with() & identifiers
        )

    async def notice_lists(self, owner: str | None) -> None:
        """Nobody else changes lists."""

    def names_groups(self) -> bool:
        """Look at every account."""
        return any(
            name.startswith(GROUP)
            for account in self._accounts.values()
            for name in account.shared_with()
        )

    def watch_lists(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Register a callback."""
        return self._lists.add(callback)

    async def shared_account(self, address: str) -> MemoryAccount | None:
        """Return an account, if it was made."""
        return self._accounts.get(address)
