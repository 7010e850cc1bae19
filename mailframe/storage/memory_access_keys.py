"""Keys of the mailboxes of an account in memory.

Source: the contract of :class:`mailframe.interfaces.access_keys.IAccessKeys`.
"""

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from mailframe.interfaces.access_keys import IAccessKeys
from mailframe.model.mailbox import MailboxName, MailboxStatus
from mailframe.storage.watchers import Callbacks


@implementer(IAccessKeys)
class MemoryAccessKeys:
    """What makes a memory account keep keys; a base class of it."""

    def __init__(self, soon: Callable[[Callable[[], Any]], Any]) -> None:
        """Begin with none.

        Args:
            soon: Calls a watcher later.
        """
        self._keys: dict[str, bytes] = {}
        self._key_watchers = Callbacks(soon)

    async def status(self, name: MailboxName) -> MailboxStatus:
        """Return the figures of a mailbox."""
        raise NotImplementedError

    async def access_key(self, name: MailboxName, fresh: bytes | None) -> bytes | None:
        """Return a key."""
        mailbox_id = (await self.status(name)).mailbox_id
        if fresh is not None:
            self._keys.setdefault(mailbox_id, fresh)
        return self._keys.get(mailbox_id)

    async def change_access_key(self, name: MailboxName, fresh: bytes) -> None:
        """Set a key."""
        mailbox_id = (await self.status(name)).mailbox_id
        self._keys[mailbox_id] = fresh
        self._key_watchers.tell(mailbox_id)

    def watch_access_keys(self, callback: Callable[[str], Any]) -> Callable[[], None]:
        """Have ``callback`` called when a key is changed."""
        return self._key_watchers.add(callback)

    async def forget_access_keys(self) -> None:
        """Drop all keys."""
        self._keys.clear()
