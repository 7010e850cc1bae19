"""A realm whose accounts may hold what the directory of users says.

Source: :class:`mailframe.interfaces.quota.IQuotaGrant`.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import maybeDeferred
from zope.interface import implementer

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IAwaitedRealm, Mind
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.interfaces.quota import IQuotaGrant
from mailframe.started import started

FRESH = 30.0
"""Seconds for which the directory is not asked again."""

_NEVER = float("-inf")


_DELIVERY = Mind("delivery", None, True)


def accounts_of(realm: Any) -> Callable[[str], Awaitable[Any]]:
    """Return what gives deliveries the accounts of any realm, by canonical address."""
    if IAwaitedRealm.providedBy(realm):
        account: Callable[[str], Awaitable[Any]] = realm.account
        return account

    async def asked(address: str) -> Any:
        _, found, _ = await maybeDeferred(
            realm.requestAvatar, address.encode(), _DELIVERY, IMailAccount
        )
        return found

    return asked


@implementer(IAwaitedRealm)
class GrantingRealm:
    """Gives the avatars of another realm, having told them their quota."""

    def __init__(
        self, realm: Any, directory: Any, seconds: Callable[[], float]
    ) -> None:
        """Give what ``realm`` gives.

        Args:
            realm: Provides ``IRealm``.
            directory: Provides ``IUserDirectory``.
            seconds: A clock.
        """
        self._realm = realm
        self._account = accounts_of(realm)
        self._directory = directory
        self._seconds = seconds
        self._granted: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """Return an avatar of the other realm."""
        return started(self._avatar(avatarId, mind, interfaces))

    async def account(self, address: str) -> Any:
        """Return an account; see IAwaitedRealm."""
        account = await self._account(address)
        if self._has_to_be_told(account):
            await self._grant(account, address)
        return account

    async def _avatar(self, avatar_id: Any, mind: Any, interfaces: Any) -> Any:
        found = await maybeDeferred(
            self._realm.requestAvatar, avatar_id, mind, *interfaces
        )
        avatar = found[1]
        if isinstance(avatar_id, bytes) and self._has_to_be_told(avatar):
            await self._grant(avatar, avatar_id.decode())
        return found

    def _has_to_be_told(self, avatar: Any) -> bool:
        """Tell whether it is an account that was not told lately."""
        return IQuotaGrant.providedBy(avatar) and (
            self._granted.get(avatar, _NEVER) + FRESH <= self._seconds()
        )

    async def _grant(self, account: Any, address: str) -> None:
        now = self._seconds()
        try:
            entry = await self._directory.find(address)
        except TemporaryFailure:
            # What it said last counts; nobody is kept from the mail by it.
            return
        account.grant(None if entry is None else entry.quota)
        self._granted[account] = now
