"""Small files in a mailbox directory that say which mailbox it is.

``mailframe-uidvalidity`` holds what must outlive the index: UIDVALIDITY, the
mailbox ID, a UID that none yet given out reaches, and the special use. Of
``dovecot-uidlist`` only the first sight is taken, so that a mailbox that comes
from Dovecot keeps its UIDs.

Source: RFC 9051 section 2.3.1.1, RFC 8474 section 4.
"""

import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from mailframe.model.uid_set import UID_MAX
from mailframe.storage.os_layer import OSLayer

IDENTITY_FILE = "mailframe-uidvalidity"
UIDLIST_FILE = "dovecot-uidlist"
UID_RESERVE = 1024
"""UIDs between two writings of the file; at most so many are never used when
the index is lost."""

_IDENTITY = re.compile(
    rb"1 V([1-9][0-9]{0,9}) N([1-9][0-9]{0,9}) I([A-Za-z0-9_-]{1,64})"
    rb"((?: \\[A-Za-z]{1,40}){0,16})\n\Z"
)
_UIDLIST_HEAD = re.compile(
    rb"3 (?=(?:.* )?V([1-9][0-9]{0,9})(?: |\Z))(?=(?:.* )?N([1-9][0-9]{0,9})(?: |\Z))"
)
_UIDLIST_OLD = re.compile(rb"1 ([1-9][0-9]{0,9}) ([1-9][0-9]{0,9})\Z")
_UIDLIST_LINE = re.compile(rb"([1-9][0-9]{0,9}) (?:.* )?:([^/:]+)")
_UIDLIST_OLD_LINE = re.compile(rb"([1-9][0-9]{0,9}) ([^/:]+)")


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a mailbox this one.

    Attributes:
        uid_validity: 1 to 2**32 - 1.
        uid_reserved: No UID given out so far is this high.
        mailbox_id: Stays over renames.
        special_use: Attributes of RFC 6154.
    """

    uid_validity: int
    uid_reserved: int
    mailbox_id: str
    special_use: frozenset[str] = frozenset()


def new_identity(
    above: int, special_use: frozenset[str] = frozenset(), uid_validity: int = 0
) -> Identity:
    """Return the identity of a new mailbox.

    Args:
        above: The highest UIDVALIDITY this account ever gave; the new one is
            higher.
        special_use: What it is for.
        uid_validity: One to take over instead, or 0.
    """
    return Identity(
        uid_validity or min(max(int(time.time()), above + 1), UID_MAX),
        1,
        "F" + secrets.token_hex(12),
        special_use,
    )


def read_identity(directory: str) -> Identity | None:
    """Return what the mailbox's own file says, ``None`` if that is nothing."""
    try:
        with open(os.path.join(directory, IDENTITY_FILE), "rb") as file:
            found = _IDENTITY.match(file.read(4096))
    except FileNotFoundError:
        return None
    if not found or int(found[1]) > UID_MAX or int(found[2]) > UID_MAX:
        return None
    return Identity(
        int(found[1]),
        int(found[2]),
        found[3].decode(),
        frozenset(found[4].decode().split()),
    )


def write_identity(directory: str, identity: Identity, os_layer: OSLayer) -> None:
    """Replace the file, durably.

    Raises:
        OSError: It cannot be written; the old one is still there.
    """
    text = "1 V{} N{} I{}{}\n".format(
        identity.uid_validity,
        identity.uid_reserved,
        identity.mailbox_id,
        "".join(f" {use}" for use in sorted(identity.special_use)),
    )
    replace_file(os.path.join(directory, IDENTITY_FILE), text.encode(), os_layer)


def replace_file(path: str, octets: bytes, os_layer: OSLayer) -> None:
    """Write a small file in one step and durably: all new, or all old.

    Raises:
        OSError: It cannot be written; the old one is still there.
    """
    draft = f"{path}.{os.getpid()}.tmp"
    fd = os_layer.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        try:
            while octets:
                octets = octets[os_layer.write(fd, octets) :]
            os_layer.fsync(fd)
        finally:
            os_layer.close(fd)
        os_layer.rename(draft, path)
    except BaseException:
        os_layer.unlink(draft)
        raise
    os_layer.fsync_dir(os.path.dirname(path))


@dataclass(frozen=True, slots=True)
class UIDList:
    """What Dovecot knew of a mailbox.

    Attributes:
        uid_validity: Its UIDVALIDITY; 0 if there was no list.
        uid_next: The next UID.
        uids: By base name of the file.
    """

    uid_validity: int = 0
    uid_next: int = 1
    uids: Mapping[str, int] = field(default_factory=dict)


def read_uidlist(directory: str) -> UIDList:
    """Return what ``dovecot-uidlist`` says, versions 1 and 3."""
    try:
        with open(os.path.join(directory, UIDLIST_FILE), "rb") as file:
            head, _, body = file.read().partition(b"\n")
    except FileNotFoundError:
        return UIDList()
    pattern = _UIDLIST_LINE
    found = _UIDLIST_HEAD.match(head)
    if not found:
        pattern, found = _UIDLIST_OLD_LINE, _UIDLIST_OLD.match(head)
    if not found or max(int(found[1]), int(found[2])) > UID_MAX:
        return UIDList()
    uids: dict[str, int] = {}
    last = 0
    for line in body.split(b"\n"):
        row = pattern.match(line)
        if row and last < int(row[1]) <= UID_MAX:
            last = int(row[1])
            uids[os.fsdecode(row[2])] = last
    return UIDList(int(found[1]), max(int(found[2]), last + 1), uids)
