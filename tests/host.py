"""A real ``twistd mailframe`` for tests, and other programs beside it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from tests.nursery import Forked

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

_T = TypeVar("_T")

START_TIMEOUT = 120.0
"""Seconds a program has to open its ports, or for whatever else is waited for."""

FIRST_PORT = 10_000
PORTS = 2_500
"""Ports of each test process."""

_PART = int(os.environ.get("MAILFRAME_TESTS_PART", "0")) % 9
_ports = count(os.getpid() % 997)


def free_ports(number: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on.

    No port is returned twice, none is one that the kernel gives to clients, and
    test processes side by side have each their own.
    """
    found: list[int] = []
    while len(found) < number:
        port = FIRST_PORT + PORTS * _PART + next(_ports) % PORTS
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        found.append(port)
    return found


def until(found: Callable[[], _T], said: Callable[[], str] = str) -> _T:
    """Return what is found, once that is something.

    Args:
        found: Looks; what it returns counts when it is true.
        said: Returns what is to be known if it never is.

    Raises:
        AssertionError: It took too long.
    """
    end = time.monotonic() + START_TIMEOUT
    while True:
        what = found()
        if what:
            return what
        assert time.monotonic() < end, said()
        time.sleep(0.02)


def environment(*more: Path) -> dict[str, str]:
    """Return an environment in which the checkout (and ``more``) is imported."""
    path = [*map(str, more), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "TZ": "UTC"}


class Program:
    """A program in a directory of its own, started at once."""

    def __init__(
        self,
        arguments: list[str],
        directory: Path,
        ports: list[int],
        env: dict[str, str],
        begin: Callable[..., Any] = subprocess.Popen,
    ) -> None:
        """Start it and wait until its ports answer.

        Args:
            arguments: Its command line.
            directory: Where it is, and what it says is written.
            ports: What it listens on.
            env: Its environment.
            begin: Starts it.

        Raises:
            AssertionError: It ended, or took too long; with what it said.
        """
        self.ports = ports
        self._said = directory / "said.txt"
        with self._said.open("wb") as said:
            self.process = begin(
                arguments,
                cwd=directory,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        try:
            self.wait_for(*ports)
        except BaseException:
            self.stop()
            raise

    def said(self) -> str:
        """Return what it has written to its terminal."""
        return self._said.read_text(errors="replace")

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Stop it and wait for its end."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(START_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"it did not stop:\n{self.said()}") from None

    def wait_for(self, *ports: int) -> None:
        """Wait until ports answer.

        Raises:
            AssertionError: It ended, or took too long; with what it said.
        """
        end = time.monotonic() + START_TIMEOUT
        for port in ports:
            while True:
                if self.process.poll() is not None:
                    raise AssertionError(f"it ended:\n{self.said()}")
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise AssertionError(
                            f"port {port} stays closed:\n{self.said()}"
                        ) from None
                    time.sleep(0.02)


def signal_whole(process: int, number: int) -> None:
    """Send a signal to a process; when it is SIGSTOP, wait until all of it stands."""

    def stands() -> bool:
        for path in Path(f"/proc/{process}/task").glob("*/stat"):
            # A thread that ends meanwhile does nothing either.
            with suppress(ProcessLookupError, FileNotFoundError):
                if path.read_text().rpartition(")")[2].split()[0] not in "TZX":
                    return False
        return True

    os.kill(process, number)
    if number == signal.SIGSTOP:
        until(stands, lambda: f"{process} does not stop")


def twistd(*arguments: str) -> list[str]:
    """Return the command line of ``twistd -n mailframe`` with these options."""
    code = "from twisted.scripts.twistd import run; run()"
    return [sys.executable, "-c", code, *arguments]


class Host:
    """A mail host for ``example.org`` with the users alice and bob.

    Their passwords are ``alice-secret`` and ``bob-secret``.
    """

    SERVICES = ("smtp", "submission", "submissions", "lmtp")
    READERS = ("imap", "imaps", "pop3", "pop3s")
    GREETING = ("smtp", "submission", "lmtp", "imap", "pop3")

    def __init__(
        self,
        *options: str,
        services: tuple[str, ...] | None = None,
        through: tuple[str, ...] = (),
    ) -> None:
        """Start it on free ports.

        Args:
            options: More options of ``twistd mailframe``.
            services: What shall listen; ``None`` for everything.
            through: The program, with its arguments, that becomes the host.
        """
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-test-"))
        self.state_dir = self.directory / "state"
        self.state_dir.mkdir(mode=0o700)
        self.passwd = self.state_dir / "passwd"
        self.passwd.write_text(
            "alice@example.org:{PLAIN}alice-secret\nbob@example.org:{PLAIN}bob-secret\n"
        )
        wanted = services or self.SERVICES + self.READERS
        self.port = dict(zip(wanted, free_ports(len(wanted)), strict=True))
        self.options = options
        self.through = through
        self.program: Any = None
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    def start(self) -> None:
        """Start it (again), on the same ports with the same state."""
        listeners = [
            f"--{service}=tcp:{port}:interface=127.0.0.1"
            for service, port in self.port.items()
        ]
        command = twistd(
            "-n",
            "mailframe",
            "--hostname=mail.example.org",
            "--domain=example.org",
            f"--state-dir={self.state_dir}",
            *listeners,
            *self.options,
        )
        self.program = Program(
            [*self.through, *command],
            self.directory,
            list(self.port.values()),
            environment(),
            subprocess.Popen if self.through else Forked,
        )
        # A port is open before the rest has begun; who greets has begun.
        for service in self.port:
            if service in self.GREETING:
                place = ("127.0.0.1", self.port[service])
                with socket.create_connection(place, START_TIMEOUT) as client:
                    client.recv(1)
                break

    def maildir(self, user: str) -> Path:
        """Return the Maildir of a local part."""
        return self.state_dir / "mail" / "example.org" / user

    def new_mail(self, user: str, count: int = 1) -> list[Path]:
        """Return the files of a user's new mail, once there are ``count``.

        What was answered for is in the journal; its file follows.
        """
        folder = self.maildir(user) / "new"

        def enough() -> list[Path]:
            found = sorted(folder.iterdir()) if folder.exists() else []
            return found if len(found) >= count else []

        return until(enough, self.program.said)

    def close(self) -> None:
        """Stop it and remove everything.

        Raises:
            AssertionError: It had a traceback to tell of.
        """
        try:
            self.program.stop()
            said = self.program.said()
            assert "Traceback" not in said, said
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


def run(
    *arguments: str,
    directory: Path | None = None,
    octets: bytes = b"",
    timeout: float = 120.0,
    status: int | None = 0,
    **more: Any,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end.

    Raises:
        AssertionError: Its exit status is not ``status`` (``None``: any).
    """
    done = subprocess.run(
        arguments,
        cwd=directory,
        input=octets,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        check=False,
        **more,
    )
    assert status is None or done.returncode == status, (
        f"{arguments} ended with {done.returncode}:\n"
        + done.stdout.decode(errors="replace")
    )
    return done
