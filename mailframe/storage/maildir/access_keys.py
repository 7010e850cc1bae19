"""Keys of mailboxes, in a file of the account.

``mailframe.access-keys`` is a JSON object: keys in hexadecimal digits by mailbox
ID, so that they follow a mailbox that is renamed. Those of mailboxes that are gone
are left out when it is written.

Source: the contract of :class:`mailframe.interfaces.access_keys.IAccessKeys`.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailframe.interfaces.access_keys import IAccessKeys
from mailframe.model.mailbox import MailboxName
from mailframe.storage.maildir.box import Box
from mailframe.storage.maildir.dotlock import change_file, read_small
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.maildir.threads import Threads
from mailframe.storage.watchers import Callbacks

FILE = "mailframe.access-keys"

_Keys = dict[str, str]


@implementer(IAccessKeys)
class MaildirAccessKeys:
    """What makes a Maildir account keep keys; a base class of it.

    Attributes:
        key_watchers: Who is told of keys that change.
    """

    key_watchers: Callbacks
    threads: Threads
    _store: AccountStore
    _boxes: dict[str, Box]

    async def box(self, name: MailboxName) -> Box:
        """Return a mailbox."""
        raise NotImplementedError

    async def access_key(self, name: MailboxName, fresh: bytes | None) -> bytes | None:
        """Return a key; what makes one is the first to do so."""
        mailbox_id = (await self.box(name)).mailbox_id
        keys: _Keys = await self.threads.read(_read, self._store)
        if fresh is not None and mailbox_id not in keys:
            keys = await self._change(
                lambda keys: keys.setdefault(mailbox_id, fresh.hex())
            )
        key = keys.get(mailbox_id)
        return None if key is None else bytes.fromhex(key)

    async def change_access_key(self, name: MailboxName, fresh: bytes) -> None:
        """Set a key."""
        mailbox_id = (await self.box(name)).mailbox_id
        await self._change(lambda keys: keys.update({mailbox_id: fresh.hex()}))
        self.key_watchers.tell(mailbox_id)

    def watch_access_keys(self, callback: Callable[[str], Any]) -> Callable[[], None]:
        """Have ``callback`` called when a key is changed."""
        return self.key_watchers.add(callback)

    async def forget_access_keys(self) -> None:
        """Drop all keys."""
        await self._change(lambda keys: keys.clear())

    def _change(self, change: Callable[[_Keys], Any]) -> "Deferred[_Keys]":
        there = frozenset(self._boxes)
        store = self._store

        def job(batch: Any) -> _Keys:
            result: _Keys = {}

            def changed(octets: bytes) -> bytes:
                keys = _parsed(octets)
                change(keys)
                result.update((one, keys[one]) for one in keys if one in there)
                return json.dumps(result, indent=1, sort_keys=True).encode() + b"\n"

            try:
                change_file(os.path.join(store.root, FILE), changed, store.os_layer)
            except OSError as error:
                raise store.refused(error) from error
            return result

        return self.threads.write(job)


def _read(store: AccountStore) -> _Keys:
    try:
        return _parsed(read_small(os.path.join(store.root, FILE)))
    except OSError as error:
        raise store.refused(error) from error


def _parsed(octets: bytes) -> _Keys:
    """Return what the file says; nothing when it is damaged."""
    try:
        found = json.loads(octets) if octets else {}
        return {one: bytes.fromhex(key).hex() for one, key in found.items()}
    except (ValueError, AttributeError, TypeError):
        return {}
