"""A process of our own beside this one, which answers requests in order.

It takes work that needs the interpreter away from the threads of this process,
which have one interpreter between them. It is no part of what holds: it may die at
any time, and whoever asked then does the work himself.

Both ends speak in pieces of octets with their length before them::

    piece = length(u32) octets

Source: pipe(7); DESIGN.md section 5.
"""

import ctypes
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from twisted.logger import Logger

ROOM = 1_048_576
"""Octets of requests that may wait in the pipe, where the system has so much room."""

ANSWER_SECONDS = 60.0
"""Seconds for one answer; then the process is taken for dead, and killed."""

DEATHS_MAX = 3
"""Deaths after which there is no other one."""

_LENGTH = struct.Struct("<I")
_PDEATHSIG = 1

Answered = Callable[[bytes | None], None]
"""Takes an answer, or ``None`` when there will be none."""


class SideProcess:
    """The process as who asks sees it; for one thread."""

    _log = Logger()

    def __init__(
        self, module: str, descriptors: Callable[[], Sequence[int]] = tuple
    ) -> None:
        """Begin without a process.

        Args:
            module: Its ``main`` is what the process runs: it has to call
                :func:`serve`.
            descriptors: Returns what the process is to hold as long as it lives,
                such as a lock.
        """
        self._module = module
        self._descriptors = descriptors
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: deque[Answered] = deque()
        self._heard = b""
        self._deaths = 0
        self._closed = False
        self._ready = False
        self._room = 0

    def start(self) -> None:
        """Have a process, unless there is one; it is ready some time later."""
        if self._process is not None or self._closed or self._deaths >= DEATHS_MAX:
            return
        if not sys.executable:
            # Another program has the interpreter in it.
            self._deaths = DEATHS_MAX
            return
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-c", f"import {self._module} as m; m.main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=self._descriptors(),
                # What a terminal sends is for the process that tells it to end.
                start_new_session=True,
                env=os.environ
                | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        except OSError as error:
            self._deaths = DEATHS_MAX
            self._log.warn(
                "no process for {name}: {error}", name=self._module, error=error
            )
            return
        self._room = _widen(self._asking())
        os.set_blocking(self._answering(), False)
        self._waiting.append(self._hello)

    def available(self) -> int:
        """Return how many octets of requests may wait; none while it is not ready."""
        if self._process is not None and not self._ready:
            self.collect()
        return self._room if self._ready else 0

    def send(self, request: bytes, answered: Answered) -> None:
        """Ask, no more than there is room for.

        Args:
            request: What to ask.
            answered: Called in :meth:`collect` or :meth:`close`; at once, with
                ``None``, when the process is dead already.
        """
        if self._process is None:
            answered(None)
            return
        self._waiting.append(answered)
        try:
            os.writev(self._asking(), [_LENGTH.pack(len(request)), request])
        except BrokenPipeError:
            # What it answered before it went still counts.
            while self._process is not None:
                self.collect(wait=True)

    def collect(self, wait: bool = False) -> None:
        """Hand out the answers that are there.

        Args:
            wait: Whether to wait for one if there is none yet.
        """
        if self._process is None:
            return
        answers = self._waiting
        before = len(answers)
        self._read()
        while wait and self._process is not None and answers and len(answers) == before:
            poll = select.poll()
            poll.register(self._answering(), select.POLLIN)
            if not poll.poll(ANSWER_SECONDS * 1000):
                self._died()
                return
            self._read()

    def close(self) -> None:
        """Hand out all answers and end the process, for good."""
        self._closed = True
        while self._waiting:
            self.collect(wait=True)
        self._end()

    def _hello(self, answer: bytes | None) -> None:
        self._ready = answer is not None

    def _asking(self) -> int:
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    def _answering(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def _read(self) -> None:
        try:
            octets = os.read(self._answering(), 65536)
        except BlockingIOError:
            return
        if not octets:
            self._died()
            return
        heard = self._heard + octets
        while len(heard) >= 4 and len(heard) >= (
            end := 4 + _LENGTH.unpack_from(heard)[0]
        ):
            answer, heard = heard[4:end], heard[end:]
            self._waiting.popleft()(answer)
        self._heard = heard

    def _died(self) -> None:
        self._deaths += 1
        self._end(kill=True)
        self._log.warn("the process for {name} is gone", name=self._module)
        while self._waiting:
            self._waiting.popleft()(None)

    def _end(self, *, kill: bool = False) -> None:
        process, self._process = self._process, None
        self._ready, self._heard = False, b""
        if process is None:
            return
        with process:
            if kill:
                process.kill()


def _widen(pipe: int) -> int:
    """Give a pipe more room; return how much it has."""
    with suppress(OSError, AttributeError):
        return int(fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, ROOM))
    return 65536


def serve(answer: Callable[[bytes], bytes]) -> None:
    """Answer what is asked on the standard input until that ends; for the process.

    Nothing outlives the one that asks: the system ends this process with it.

    Args:
        answer: Returns the answer to a request.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    # Its owner ends it, when what is under way is done.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    octets: bytes | None = b""
    while octets is not None:
        try:
            os.writev(1, [_LENGTH.pack(len(octets)), octets])
        except BrokenPipeError:
            # Who asked is gone.
            return
        request = _read_piece(0)
        octets = None if request is None else answer(request)


def _read_piece(fd: int) -> bytes | None:
    """Return the next piece; ``None`` at the end, be it in the middle of one."""
    length = _read_all(fd, 4)
    return None if length is None else _read_all(fd, _LENGTH.unpack(length)[0])


def _read_all(fd: int, size: int) -> bytes | None:
    pieces = []
    while size:
        piece = os.read(fd, size)
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
