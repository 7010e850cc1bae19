"""The calls to the operating system that decide what survives a crash.

Whoever writes files here takes an :class:`OSLayer`, so that a test can hand in
one that fails, or loses power, at any of these calls
(:mod:`mailframe.testing.faults`). Reading is not part of it.

Source: POSIX.1-2017 (fdatasync, fsync, rename); DESIGN.md section 5.
"""

import errno
import fcntl
import os
from collections.abc import Sequence

from mailframe.errors import InsufficientStorage, TemporaryFailure

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class OSLayer:
    """The real thing: each method is the call of its name."""

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """Open a file; the descriptor is not inherited."""
        return os.open(path, flags, mode)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def write(self, fd: int, octets: bytes) -> int:
        """Write at the current position; perhaps less than all."""
        return os.write(fd, octets)

    def writev(self, fd: int, pieces: Sequence[bytes]) -> int:
        """Write pieces at the current position; perhaps less than all."""
        return os.writev(fd, pieces)

    def pwritev(self, fd: int, pieces: Sequence[bytes], offset: int) -> int:
        """Write pieces at ``offset``; perhaps less than all."""
        return os.pwritev(fd, pieces, offset)

    def truncate(self, fd: int, length: int) -> None:
        """Cut an open file, or lengthen it with zeros."""
        os.ftruncate(fd, length)

    def fdatasync(self, fd: int) -> None:
        """Wait until the octets of a file, and its size, are on the disk."""
        os.fdatasync(fd)

    def fsync(self, fd: int) -> None:
        """The same, and everything else known about the file."""
        os.fsync(fd)

    def fsync_dir(self, path: str) -> None:
        """Wait until the names in a directory are on the disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, source: str, target: str) -> None:
        """Give a file or a directory another name, in place of what has it."""
        os.rename(source, target)

    def link(self, source: str, target: str) -> None:
        """Give a file one more name."""
        os.link(source, target)

    def unlink(self, path: str) -> None:
        """Take a name away."""
        os.unlink(path)

    def mkdir(self, path: str, mode: int = 0o700) -> None:
        """Make a directory."""
        os.mkdir(path, mode)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        os.rmdir(path)


REAL = OSLayer()
"""The operating system as it is."""


def refusal(error: OSError) -> TemporaryFailure:
    """Return what a user may know of a failed call.

    Returns:
        :class:`InsufficientStorage` when the disk or a quota is full, else a
        plain :class:`TemporaryFailure`. Raise it ``from`` the error.
    """
    text = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    if error.errno in _FULL:
        return InsufficientStorage(text)
    return TemporaryFailure(text)


def lock(path: str) -> int:
    """Hold a file for this process alone, making it where it is missing.

    Returns:
        A descriptor; closing it, or the end of the process, gives the file back.

    Raises:
        BlockingIOError: Somebody holds it, this process included.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(fd)
        raise
    return fd
