"""One message given to a program: no shell, its own user, bounded time and output.

Blocks; for a thread. The message is the program's standard input, a file: it may
read as slowly as it likes, or not at all.
"""

import contextlib
import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import IO

_STEP = 0.05
"""Seconds between two looks whether a program has ended that leaves its output
open."""

_CLOSED_STEP = 0.5
"""The same, when it has closed its output."""

_READ = 65_536


@dataclass(frozen=True, slots=True)
class SystemUser:
    """Whom a program runs as.

    Attributes:
        name: For ``LOGNAME``.
        uid: Never 0.
        gid: Never 0.
        groups: All its groups.
        home: Its directory.
    """

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        status: Its exit status; negative for a signal; ``None`` when it took too
            long, or was stopped, and was killed.
        output: The first it said on standard output and error.
    """

    status: int | None
    output: bytes


def arguments(line: str) -> list[str]:
    """Return program and arguments of a command line.

    Quotes and backslashes are as in a shell; nothing else is.

    Raises:
        ValueError: A quote does not end, or the program's path is not absolute.
    """
    found = shlex.split(line)
    if not found or not found[0].startswith("/"):
        raise ValueError(f"{line}: the program's path is not absolute")
    if any("\0" in one for one in found):
        raise ValueError(f"{line!r}: NUL in an argument")
    return found


def run_program(
    words: Sequence[str],
    message: IO[bytes],
    environment: Mapping[str, str],
    user: SystemUser | None,
    *,
    stopped: Event,
    seconds: float,
    output: int,
) -> Ended:
    """Run a program to its end.

    Args:
        words: Program and arguments.
        message: Its standard input, from where the file stands.
        environment: All of its environment.
        user: Whom it runs as; ``None`` for whom we do.
        stopped: Ends it before its time.
        seconds: How long it may take.
        output: Octets of what it says that are kept.

    Raises:
        OSError: It cannot be started.
    """
    switch: dict[str, object] = {}
    if user is not None:
        switch = {"user": user.uid, "group": user.gid, "extra_groups": user.groups}
    with subprocess.Popen(  # noqa: S603 - the operator's own command, no shell
        words,
        stdin=message,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=dict(environment),
        start_new_session=True,
        umask=0o077,
        **switch,  # type: ignore[call-overload]
    ) as process:
        try:
            return _follow(process, stopped, seconds, output)
        except BaseException:
            _kill(process)
            raise
        finally:
            # Else the end of the "with" waits for whoever still writes there.
            process.stdout.close()


def _follow(
    process: "subprocess.Popen[bytes]", stopped: Event, seconds: float, most: int
) -> Ended:
    """Read what a program says until it has ended."""
    end = time.monotonic() + seconds
    said = bytearray()
    pipe = process.stdout
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    open_ = True
    while True:
        now = time.monotonic()
        if process.poll() is not None:
            # It has ended; take what is there, and wait for nobody.
            _read(pipe, said, most)
            return Ended(process.returncode, bytes(said))
        if now >= end or stopped.is_set():
            _kill(process)
            _read(pipe, said, most)
            return Ended(None, bytes(said))
        if open_:
            if poll.poll(min(_STEP, end - now) * 1000):
                open_ = _read(pipe, said, most)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(min(_CLOSED_STEP, end - now))


def _read(pipe: IO[bytes], said: bytearray, most: int) -> bool:
    """Take what can be read now; tell whether more may come."""
    for _ in range(16):
        try:
            octets = os.read(pipe.fileno(), _READ)
        except BlockingIOError:
            return True
        if not octets:
            return False
        said += octets[: most - len(said)]
    return True


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a program and all it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
