"""Hosts that start at once: each is a fork of a process that has imported everything.

Most of what a ``twistd mailframe`` does before it listens is importing, and the tests
start hundreds. The process they are forked from, one for each process of tests, has
no reactor, no threads and no files; what is asked of it comes over a socket.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).resolve().parent.parent
_IMPORTED = (
    *("mailframe.tap", "mailframe.sandbox", "mailframe.wiring"),
    *("twisted.scripts.twistd",),
)
_BEGIN = "from tests.nursery import main; main()"


class Forked:
    """A ``twistd``; what the tests use of ``subprocess.Popen``.

    Attributes:
        pid: Its number.
        returncode: How it ended, once somebody has asked.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: dict[str, str],
        stdout: IO[bytes],
        **_: object,
    ) -> None:
        """Start it.

        Args:
            arguments: A command line of :func:`tests.host.twistd`.
            cwd: Where it is to be.
            env: Its environment.
            stdout: Where it writes, errors too; it has nothing to read.
        """
        self.pid: int = _ask([[*arguments[3:]], str(cwd), env], stdout.fileno())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended; ``None`` if it goes on."""
        if self.returncode is None:
            self.returncode = _ask(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return how it ended.

        Raises:
            subprocess.TimeoutExpired: That took too long.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("twistd", timeout or 0.0)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it goes on."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(9)


@cache
def _nursery() -> socket.socket:
    """Start the process; return what reaches it, until this one ends."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-c", _BEGIN],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": path, "TZ": "UTC"},
        stdin=its.fileno(),
    )
    its.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _ask(question: Any, *files: int) -> Any:
    """Ask the process; return its answer."""
    nursery = _nursery()
    socket.send_fds(nursery, [json.dumps(question).encode()], files)
    return json.loads(nursery.recv(100))


def main() -> None:
    """Be the process, or one of its children."""
    # This is what takes so long; nothing of it imports a reactor.
    for name in _IMPORTED:
        import_module(name)
    assert "twisted.internet.reactor" not in sys.modules
    if _forked(socket.socket(fileno=os.dup(0))):
        from twisted.scripts.twistd import run

        run()


def _forked(tests: socket.socket) -> bool:
    """Answer questions; return whether this is a child, and not the end."""
    while True:
        octets, files, _, _ = socket.recv_fds(tests, 1 << 18, 1)
        if not octets:
            return False
        question = json.loads(octets)
        if isinstance(question, int):
            pid, status = os.waitpid(question, os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if not answer:
                tests.close()
                arguments, cwd, env = question
                _become(arguments, cwd, env, files[0])
                return True
            os.close(files[0])
        tests.send(json.dumps(answer).encode())


def _become(arguments: list[str], cwd: str, env: dict[str, str], said: int) -> None:
    """Be as if this process had been started so."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["-c", *arguments]
    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, number in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(given, number)
    os.close(nothing)
    os.close(said)
