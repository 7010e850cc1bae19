"""The list of subscribed mailboxes, in Dovecot's file ``subscriptions``.

Version 2 of the format: a head of two lines, then one name a line, its levels
in modified UTF-7 with a tab between. Version 1, without a head and with dots
between the levels, is read too.
"""

import os
from contextlib import suppress

from mailframe.errors import LimitExceeded
from mailframe.model.mailbox import MailboxName
from mailframe.storage.maildir.dotlock import change_file, read_small
from mailframe.storage.maildir.names import directory_name, mailbox_of
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.writer import Batch

FILE = "subscriptions"
SUBSCRIPTIONS_MAX = 10_000
"""Names one account may have on its list."""

_HEAD = b"V\t2\n\n"


def read(store: AccountStore) -> frozenset[MailboxName]:
    """Return the subscribed names; lines that are no names are passed over."""
    return frozenset(_parsed(read_small(os.path.join(store.root, FILE))))


def subscribe(
    store: AccountStore, batch: Batch, name: MailboxName, subscribed: bool
) -> None:
    """Put a name on the list, or take it off.

    Raises:
        LimitExceeded: There are too many.
        TemporaryFailure: Another program holds the file, or the disk failed.
    """

    def change(octets: bytes) -> bytes | None:
        names = _parsed(octets)
        if (name in names) == subscribed:
            return None
        if subscribed:
            if len(names) >= SUBSCRIPTIONS_MAX:
                raise LimitExceeded("too many subscriptions")
            names.append(name)
        else:
            names.remove(name)
        return _HEAD + b"".join(map(_line, names))

    try:
        change_file(os.path.join(store.root, FILE), change, store.os_layer)
    except OSError as error:
        raise store.refused(error) from error


def _line(name: MailboxName) -> bytes:
    levels = directory_name(name)[1:] or name
    return levels.replace(".", "\t").encode() + b"\n"


def _parsed(octets: bytes) -> list[MailboxName]:
    lines = octets.split(b"\n")
    version2 = octets.startswith(b"V\t2\n")
    names: dict[MailboxName, None] = {}
    for line in lines[1:] if version2 else lines:
        with suppress(UnicodeDecodeError):
            text = line.decode("ascii")
            if version2:
                text = text.replace(".", "&AC4-").replace("\t", ".")
            name = mailbox_of(f".{text}")
            if name is not None:
                names[name] = None
    return list(names)
