"""A realm whose accounts have others' mailboxes in them.

Source: :class:`twisted.cred.portal.IRealm`, RFC 2342.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import maybeDeferred
from zope.interface import implementer

from mailframe.interfaces.access import IAccessLists, ISharingRealm
from mailframe.interfaces.auth import IUserDirectory, Mind
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.started import started
from mailframe.storage.sharing.account import sharing_account

GroupsOf = Callable[[str], Awaitable[frozenset[str]]]
"""Given a user's address, returns the names of the user's groups."""


def groups_of(directory: IUserDirectory) -> GroupsOf:
    """Return what asks a directory for groups: ``shared`` of a user's entry.

    Args:
        directory: Who there is.
    """

    async def groups(address: str) -> frozenset[str]:
        entry = await directory.find(address)
        if entry is None:
            return frozenset()
        return frozenset(filter(None, entry.extra.get("shared", "").split("\n")))

    return groups


@implementer(IRealm)
class SharingRealm:
    """Gives the accounts of another realm, with what is shared with their users.

    To IMAP only: what else is served needs the user's own mail.
    """

    def __init__(self, avatars: Any, realm: Any, groups: GroupsOf) -> None:
        """Stand before a realm.

        Args:
            avatars: Provides IRealm: gives users their accounts.
            realm: Provides ISharingRealm: has the accounts.
            groups: Who is in which groups.
        """
        self._avatars = avatars
        self._realm = realm
        self._groups = groups

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """Return the account of ``avatarId``."""
        return started(self._avatar(avatarId, mind, interfaces))

    async def _avatar(self, avatar_id: bytes, mind: Any, interfaces: Any) -> Any:
        interface, account, logout = await maybeDeferred(
            self._avatars.requestAvatar, avatar_id, mind, *interfaces
        )
        if (
            interface is IMailAccount
            and getattr(mind, "service", "imap") == "imap"
            and IAccessLists.providedBy(account)
        ):
            account = sharing_account(account, self._realm, self._groups, self._ready)
        return interface, account, logout

    async def _ready(self, address: str) -> None:
        """Have an owner's account be what it is when its owner logs in."""
        if self._avatars is not self._realm:
            mind = Mind("sharing", None, True)
            await maybeDeferred(
                self._avatars.requestAvatar, address.encode(), mind, IMailAccount
            )


def with_sharing(avatars: Any, realm: Any, groups: GroupsOf) -> Any:
    """Return a realm that has shared mailboxes.

    Args:
        avatars: Gives users their accounts; returned if nothing can be shared.
        realm: Has the accounts; may be the same.
        groups: Who is in which groups.
    """
    sharing = ISharingRealm(realm, None)
    if sharing is None or not (sharing.namespaces.others or sharing.namespaces.shared):
        return avatars
    return SharingRealm(avatars, realm, groups)
