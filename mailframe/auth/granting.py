"""A realm whose accounts may hold what the directory of users says.

Source: :class:`mailframe.interfaces.quota.IQuotaGrant`.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import maybeDeferred
from zope.interface import implementer

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IAwaitedRealm
from mailframe.interfaces.quota import IQuotaGrant
from mailframe.started import started

FRESH = 30.0
"""Seconds for which the directory is not asked again."""


async def avatar_of(realm: Any, avatar_id: Any, mind: Any, *interfaces: Any) -> Any:
    """Return what any realm gives, without a Deferred from those that can."""
    if IAwaitedRealm.providedBy(realm):
        return await realm.avatar(avatar_id, mind, *interfaces)
    return await maybeDeferred(realm.requestAvatar, avatar_id, mind, *interfaces)


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
        self._directory = directory
        self._seconds = seconds
        self._granted: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """Return an avatar of the other realm."""
        return started(self.avatar(avatarId, mind, *interfaces))

    async def avatar(self, avatar_id: Any, mind: Any, *interfaces: Any) -> Any:
        """Return the same; see IAwaitedRealm."""
        found = await avatar_of(self._realm, avatar_id, mind, *interfaces)
        avatar = found[1]
        if IQuotaGrant.providedBy(avatar) and isinstance(avatar_id, bytes):
            await self._grant(avatar, avatar_id.decode())
        return found

    async def _grant(self, account: Any, address: str) -> None:
        now = self._seconds()
        if self._granted.get(account, float("-inf")) + FRESH > now:
            return
        try:
            entry = await self._directory.find(address)
        except TemporaryFailure:
            # What it said last counts; nobody is kept from the mail by it.
            return
        account.grant(None if entry is None else entry.quota)
        self._granted[account] = now
