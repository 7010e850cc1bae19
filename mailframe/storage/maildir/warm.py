"""Files read without waiting: what the kernel has in memory, or nothing.

A thread that reads many small files gives the interpreter's lock back three times a
file, and the reactor's thread takes it each time: handing it to and fro costs several
times what reading does. So a file that needs no disk is read where it is wanted; the
kernel is asked in a way that it refuses rather than wait. Elsewhere than on Linux
5.12 and later nothing is found, and threads read everything.

Source: openat2(2) (RESOLVE_CACHED), preadv2(2) (RWF_NOWAIT).
"""

import ctypes
import errno
import os
import threading

_OPENAT2 = 437
"""The number of the call, on every architecture."""
_AT_FDCWD = -100
_RESOLVE_CACHED = 0x20
_BUFFER = 1_114_112
"""Octets of the largest file that is read so, and some."""
_NEVER = frozenset((errno.ENOSYS, errno.EPERM, errno.EINVAL))


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


class WarmFiles:
    """Reads files that are in memory, until the kernel says that it cannot tell.

    For one thread.
    """

    def __init__(self) -> None:
        """Find out nothing yet."""
        self._nowait = getattr(os, "RWF_NOWAIT", 0)
        self._able = bool(self._nowait)
        if self._able:
            # Keeps the interpreter's lock: it never waits.
            call = ctypes.PyDLL(None, use_errno=True).syscall
            call.restype = ctypes.c_long
            self._call = call
            how = _OpenHow(os.O_RDONLY | os.O_CLOEXEC, 0, _RESOLVE_CACHED)
            # Made once, for making them takes longer than the call.
            self._number = ctypes.c_long(_OPENAT2)
            self._at = ctypes.c_int(_AT_FDCWD)
            self._how = ctypes.byref(how)
            self._how_size = ctypes.c_size_t(ctypes.sizeof(how))
        self._buffer = memoryview(bytearray(_BUFFER))

    def read(self, path: str, size: int | None) -> bytes | None:
        """Return the octets of a file.

        Args:
            path: The file.
            size: How many octets it has, ``None`` to ask for it.

        Returns:
            ``None`` if it would have to be waited for, is not there, or has
            another size.
        """
        if not self._able:
            return None
        octets = path.encode("utf-8", "surrogateescape")
        fd = self._call(self._number, self._at, octets, self._how, self._how_size)
        if fd < 0:
            if ctypes.get_errno() in _NEVER:
                self._able = False
            return None
        try:
            if size is None:
                size = os.fstat(fd).st_size
            if size >= len(self._buffer):
                return None
            # One octet more than there should be tells the end.
            into = (self._buffer[: size + 1],)
            if os.preadv(fd, into, 0, self._nowait) != size:
                return None
            return self._buffer[:size].tobytes()
        except OSError:
            return None
        finally:
            os.close(fd)


WARM_FILES = WarmFiles()
"""What the reactor's thread reads with."""

_threads = threading.local()


def thread_warm_files() -> WarmFiles:
    """Return what the thread that asks reads with.

    A reading thread may wait for a disk, but need not ask for its turn three times
    for a file that is in memory.
    """
    found: WarmFiles | None = getattr(_threads, "files", None)
    if found is None:
        found = _threads.files = WarmFiles()
    return found
