"""One message appended to an mbox file, durably, beside whoever else writes there.

Blocks; for a thread. Two locks, as other programs take them: the file beside it
(``dotlock``), then ``fcntl``. What could not be written whole is taken back.

Source: RFC 4155 (the format), mbox(5) of qmail for ``mboxrd``: ``From `` at the
beginning of a line, quoted or not, gets one more ``>``.
"""

import contextlib
import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from mailframe.delivery.system_owner import acting_as, lock_owner
from mailframe.errors import (
    InsufficientStorage,
    InUse,
    NotPermitted,
    OverQuota,
    TemporaryFailure,
)
from mailframe.model.address import Address

_BLOCK = 262_144
_STEP = 0.1
_FROM = re.compile(rb"^(?=>*From )", re.MULTILINE)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]+")
_FULL = {errno.ENOSPC, errno.EDQUOT}

# asctime(3), whatever the locale.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for locks.

    Attributes:
        seconds: For each of them.
        stale: Age of a lock file that counts as forgotten.
        monotonic: A clock.
        sleep: Waits.
    """

    seconds: float
    stale: float
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def append(
    path: str,
    message: IO[bytes],
    sender: Address | None,
    when: float,
    *,
    owner: tuple[int, int] | None,
    most: int,
    patience: Patience,
) -> None:
    """Append a message; when this returns, it is on the disk.

    Args:
        path: Absolute. A file that is not there is made, with mode 0600.
        message: From where it stands to its end; lines end in LF.
        sender: For the ``From_`` line.
        when: The same, seconds since 1970.
        owner: User and group to write as, and to whom a new file belongs;
            ``None`` for ourselves.
        most: Octets the file may have; 0 for any number.
        patience: How long to wait for locks.

    Raises:
        InUse: Somebody has it locked.
        InsufficientStorage: The disk is full; the file is as it was.
        OverQuota: The file would be too large.
        NotPermitted: It is no plain file, or has several names.
        TemporaryFailure: It cannot be written to, for another reason.
    """
    try:
        with (
            acting_as(lock_owner(path, owner)),
            _dotlock(path, patience),
            acting_as(owner),
            _opened(path) as file,
            _locked(file, patience),
        ):
            _write(file, message, sender, when, most)
            _sync_directory(path)
    except OSError as error:
        if error.errno in _FULL:
            raise InsufficientStorage(f"{path}: {error.strerror}") from None
        if error.errno == errno.ELOOP:
            raise NotPermitted(f"{path} is a symbolic link") from None
        raise TemporaryFailure(f"{path}: {error.strerror}") from None


def _write(
    file: IO[bytes], message: IO[bytes], sender: Address | None, when: float, most: int
) -> None:
    size = os.fstat(file.fileno()).st_size
    try:
        file.write(_separator(file, size) + from_line(sender, when))
        for block in quoted(message):
            file.write(block)
            if most and file.tell() > most:
                raise OverQuota(f"more than {most} octets")
        file.flush()
        os.fsync(file.fileno())
    except BaseException:
        # What is still buffered must not follow at the close.
        with contextlib.suppress(OSError):
            file.flush()
        os.ftruncate(file.fileno(), size)
        os.fsync(file.fileno())
        raise


def from_line(sender: Address | None, when: float) -> bytes:
    """Return the line that begins a message.

    Source: RFC 4155; the time is UTC.
    """
    name = "MAILER-DAEMON" if sender is None else _BLANK.sub("_", sender.written())
    at = time.gmtime(when)
    date = (
        f"{_DAYS[at.tm_wday]} {_MONTHS[at.tm_mon - 1]} {at.tm_mday:2}"
        f" {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} {at.tm_year}"
    )
    return f"From {name} {date}\n".encode()


def quoted(message: IO[bytes]) -> Iterator[bytes]:
    """Yield a message as an mbox has it: quoted, with an empty line at its end."""
    at_begin, last = True, b""
    rest = b""
    while block := message.read(_BLOCK):
        block = rest + block
        cut = block.rfind(b"\n") + 1 or len(block)
        block, rest = block[:cut], block[cut:]
        first = 0 if at_begin else block.find(b"\n") + 1 or len(block)
        at_begin = block.endswith(b"\n")
        last = block[-1:]
        yield block[:first] + _FROM.sub(b">", block[first:])
    if rest:
        yield _FROM.sub(b">", rest)
        last = rest[-1:]
    yield b"\n" if last == b"\n" else b"\n\n"


def _separator(file: IO[bytes], size: int) -> bytes:
    """Return what is missing of the empty line that ends the message before."""
    if not size:
        return b""
    end = os.pread(file.fileno(), 2, max(0, size - 2))
    if end == b"\n\n" or (size == 1 and end == b"\n"):
        return b""
    return b"\n" if end.endswith(b"\n") else b"\n\n"


def _opened(path: str) -> IO[bytes]:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(descriptor)
        raise NotPermitted(f"{path}: not a plain file with one name")
    return os.fdopen(descriptor, "r+b", buffering=_BLOCK)


@contextlib.contextmanager
def _locked(file: IO[bytes], patience: Patience) -> Iterator[None]:
    """Hold the fcntl lock; it goes with the file."""
    end = patience.monotonic() + patience.seconds
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
        if patience.monotonic() >= end:
            raise InUse(f"{file.name}: locked by another program")
        patience.sleep(_STEP)
    yield


@contextlib.contextmanager
def _dotlock(path: str, patience: Patience) -> Iterator[None]:
    """Hold the lock file, where we may make one.

    A directory in which we may not leaves the fcntl lock alone, as with Postfix.
    """
    name = path + ".lock"
    end = patience.monotonic() + patience.seconds
    while True:
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o444)
            break
        except FileExistsError:
            if _is_stale(name, patience.stale):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
                continue
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            yield
            return
        if patience.monotonic() >= end:
            raise InUse(f"{name} is there")
        patience.sleep(_STEP)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{os.getpid()}\n")
            ours = os.fstat(file.fileno())
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(name)
            if (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino):
                os.unlink(name)


def _is_stale(name: str, seconds: float) -> bool:
    try:
        found = os.lstat(name)
    except FileNotFoundError:
        return False
    # The clock that dates files, not one of ours.
    return time.time() - found.st_mtime > seconds


def _sync_directory(path: str) -> None:
    """Make a new file's name durable."""
    try:
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        # A directory we may write into but not read.
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
