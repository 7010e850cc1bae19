"""Files written as their owner, by a process that is root.

A process that is not root writes as itself. One that is root never writes a
user's file as root: this thread takes the owner's rights for file access, and
only for that (setfsuid(2), as a file server does); no other thread is touched.
"""

import contextlib
import ctypes
import os
import pwd
from collections.abc import Iterator

from mailframe.delivery.program import SystemUser
from mailframe.errors import TemporaryFailure

_SAME = 0xFFFFFFFF
"""No ID at all: asks what is set."""


def system_user(name: str) -> SystemUser:
    """Return a user of the system.

    Raises:
        ValueError: There is none of this name, or it is root.
    """
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise ValueError(f"{name}: no such user of the system") from None
    if found.pw_uid == 0 or found.pw_gid == 0:
        raise ValueError(f"{name}: no mail is delivered with the rights of root")
    groups = tuple(group for group in os.getgrouplist(name, found.pw_gid) if group != 0)
    return SystemUser(name, found.pw_uid, found.pw_gid, groups, found.pw_dir)


def owner_of(path: str, otherwise: SystemUser | None) -> tuple[int, int] | None:
    """Return user and group to write a file as; ``None`` for ourselves.

    The owner of a file that is there; for a new one the user it is named after
    (``/var/mail/alice``), if there is one, else ``otherwise``.

    Args:
        path: The file.
        otherwise: Whoever programs run as; ``None`` when we are not root.

    Raises:
        TemporaryFailure: It is root's.
    """
    if otherwise is None:
        return None
    try:
        found = os.lstat(path)
        owner = found.st_uid, found.st_gid
    except FileNotFoundError:
        try:
            user = system_user(os.path.basename(path))
            return user.uid, user.gid
        except ValueError:
            return otherwise.uid, otherwise.gid
    if owner[0] == 0:
        raise TemporaryFailure(f"{path} belongs to root")
    return owner


def lock_owner(path: str, owner: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return user and group to make a lock file beside a file as.

    In a spool of the system (``/var/mail``, root's, for the group ``mail``) that is
    the group's right.
    """
    if owner is None:
        return None
    directory = os.stat(os.path.dirname(path))
    return owner if directory.st_uid else (owner[0], directory.st_gid)


@contextlib.contextmanager
def acting_as(owner: tuple[int, int] | None) -> Iterator[None]:
    """Have the rights of an owner, in this thread, for what is done to files.

    Raises:
        TemporaryFailure: This system cannot do that.
    """
    if owner is None:
        yield
        return
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "setfsuid"):
        raise TemporaryFailure("no setfsuid here: not written as root")
    uid, gid = owner
    # Either returns what was set before.
    gid_before, uid_before = library.setfsgid(gid), library.setfsuid(uid)
    try:
        if (library.setfsgid(_SAME), library.setfsuid(_SAME)) != (gid, uid):
            raise TemporaryFailure(f"cannot write as user {uid}")
        yield
    finally:
        library.setfsuid(uid_before)
        library.setfsgid(gid_before)
