"""The lock of one POP3 session on an account, for every process and host.

A file in the account's directory, locked by ``flock(2)``, which Linux passes on to
an NFS server: whoever has the file locked has the maildrop. The file itself stays,
since a name that comes and goes could be locked twice. The kernel takes the lock
back when the process ends.

Source: RFC 1939 section 4; flock(2), nfs(5).
"""

import fcntl
import os

from mailframe.errors import InUse
from mailframe.storage.os_layer import refusal

FILE = "mailframe-pop3.lock"


class MaildropLock:
    """A lock that is held; given back when nobody holds this object any more."""

    def __init__(self, fd: int) -> None:
        """Take over the descriptor of a locked file."""
        self._fd: int | None = fd

    def release(self) -> None:
        """Give the lock back; calling again is nothing."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def __del__(self) -> None:
        self.release()


def taken(root: str) -> MaildropLock | None:
    """Take the lock of an account.

    Returns:
        ``None`` if the file has to be made first.

    Raises:
        InUse: Somebody has it.
        TemporaryFailure: The disk refuses.
    """
    try:
        return _locked(os.open(os.path.join(root, FILE), _FLAGS))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(error) from error


def made(root: str) -> MaildropLock:
    """Make the file and take the lock; raises as :func:`taken`."""
    try:
        return _locked(os.open(os.path.join(root, FILE), _FLAGS | os.O_CREAT, 0o600))
    except OSError as error:
        raise refusal(error) from error


# Open for writing, or an NFS server would not lock it.
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK


def _locked(fd: int) -> MaildropLock:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise InUse("the maildrop is locked by another process") from None
    except BaseException:
        os.close(fd)
        raise
    return MaildropLock(fd)
