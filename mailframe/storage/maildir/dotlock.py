"""Change a small file that other programs change too, under its dot-lock.

``FILE.lock`` is made, written and renamed over ``FILE``, which is how Dovecot
does it for ``dovecot-keywords`` and ``subscriptions``.
"""

import os
import time
from collections.abc import Callable

from mailframe.storage.os_layer import OSLayer

_STALE_SECONDS = 120.0
_SIZE_MAX = 16_777_216


def read_small(path: str) -> bytes:
    """Return what is in a file, nothing if it is not there."""
    try:
        with open(path, "rb") as file:
            return file.read(_SIZE_MAX)
    except FileNotFoundError:
        return b""


def change_file(
    path: str, change: Callable[[bytes], bytes | None], os_layer: OSLayer
) -> None:
    """Replace a file in one step, durably.

    Args:
        path: The file; need not be there.
        change: Returns the new octets for the old ones, ``None`` to leave it.
        os_layer: How to change files.

    Raises:
        BlockingIOError: Another program holds the lock.
        OSError: It cannot be written; the old one is still there.
    """
    lock = path + ".lock"
    fd = _locked(lock, os_layer)
    try:
        try:
            octets = change(read_small(path))
            if octets is not None:
                written = 0
                while written < len(octets):
                    written += os_layer.write(fd, octets[written:])
                os_layer.fsync(fd)
        finally:
            os_layer.close(fd)
        if octets is None:
            os_layer.unlink(lock)
            return
        os_layer.rename(lock, path)
    except BaseException:
        if os.path.exists(lock):
            os_layer.unlink(lock)
        raise
    os_layer.fsync_dir(os.path.dirname(path))


def _locked(lock: str, os_layer: OSLayer) -> int:
    for _ in range(2):
        try:
            return os_layer.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            try:
                if time.time() - os.stat(lock).st_mtime > _STALE_SECONDS:
                    os_layer.unlink(lock)
            except FileNotFoundError:
                continue
    raise BlockingIOError(f"{lock} is held by another program")
