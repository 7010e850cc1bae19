"""Make everything that was written to some file systems durable, at once.

Source: syncfs(2).
"""

import ctypes
import os
from collections.abc import Callable


def _syncfs() -> Callable[[int], int] | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int]
    function.restype = ctypes.c_int

    def call(fd: int) -> int:
        return int(function(fd))

    return call


class Disks:
    """The file systems that account directories are on."""

    def __init__(self) -> None:
        """Begin with none."""
        self._paths: dict[int, str] = {}
        self._syncfs = _syncfs()

    def note(self, path: str) -> None:
        """Remember the file system of a directory that is there."""
        self._paths.setdefault(os.stat(path).st_dev, path)

    def sync(self) -> None:
        """Wait until all written so far is on the disks.

        Raises:
            OSError: A disk failed.
        """
        if self._syncfs is None:
            os.sync()
            return
        for device, path in list(self._paths.items()):
            try:
                fd = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                # The account was removed, not its file system.
                del self._paths[device]
                os.sync()
                continue
            try:
                if self._syncfs(fd) != 0:
                    raise OSError(ctypes.get_errno(), "syncfs", path)
            finally:
                os.close(fd)
