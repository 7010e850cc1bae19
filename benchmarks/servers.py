"""Start mailframe and its peers for a benchmark: same machine, same kind of store.

Each server is a context manager with ``ports`` (by service), ``pids`` (roots of
its process trees) and ``directory``. Everything is on a disk of its own, see
``disk.py``, and on free ports of 127.0.0.1.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import disk

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "pass"
REACTOR = ["--reactor=mailframe"] if sys.platform == "linux" else []


@dataclass
class Server:
    """A running server."""

    label: str
    directory: Path
    ports: dict[str, int]
    pids: list[int] = field(default_factory=list)
    again: Callable[[], None] = lambda: None

    def restart(self) -> None:
        """Stop it and start it again, on the same ports and the same files."""
        self.again()
        for port in self.ports.values():
            wait_for(port)


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(port: int, seconds: float = 30.0, host: str = "127.0.0.1") -> None:
    """Wait until a port answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class Running:
    """A process that can be started again."""

    def __init__(self, command: list[str], **options: Any) -> None:
        """Start it; the options are those of ``Popen``."""
        self._command = command
        self._options = options
        self._process = self._start()
        self._pids = [self._process.pid]

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, **self._options)

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _again(self) -> None:
        self._stop()
        self._process = self._start()
        self._pids[:] = [self._process.pid]

    @contextlib.contextmanager
    def as_server(
        self, label: str, directory: Path, ports: dict[str, int]
    ) -> Iterator[Server]:
        """Give it once its ports answer; stop it afterwards."""
        try:
            for port in ports.values():
                wait_for(port)
            yield Server(label, directory, ports, self._pids, self._again)
        finally:
            self._stop()


@contextlib.contextmanager
def mailframe(
    users: list[str], *services: str, where: str | None = None
) -> Iterator[Server]:
    """Run our own host with these users, each with the password ``pass``.

    Args:
        users: Addresses at ``example.org``.
        services: ``imap``, ``pop3``, ``smtp``, ``lmtp``...
        where: What ``disk.directory`` takes.
    """
    with disk.directory(where) as directory:
        state = directory / "state"
        state.mkdir(mode=0o700)
        lines = [f"{user}:{{PLAIN}}{PASSWORD}\n" for user in users]
        (state / "passwd").write_text("".join(lines))
        ports = dict(zip(services, free_ports(len(services)), strict=True))
        arguments = [
            f"--{name}=tcp:{port}:interface=127.0.0.1:backlog=1024"
            for name, port in ports.items()
        ]
        with open(directory / "log", "ab") as log:
            running = Running(
                [
                    *(sys.executable, "-c"),
                    "from twisted.scripts.twistd import run; run()",
                    *("-n", *REACTOR, "mailframe", "--hostname=mail.example.org"),
                    *("--domain=example.org", f"--state-dir={state}", *arguments),
                ],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            with running.as_server("mailframe", directory, ports) as server:
                yield server


_DOVECOT = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{directory}/mail/%n
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group_name}
default_login_user = {user}
default_client_limit = 4000
default_process_limit = 4000
mail_max_userip_connections = 4000
service imap-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 2000
  inet_listener imap {{
    port = {imap}
  }}
}}
service pop3-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 2000
  inet_listener pop3 {{
    port = {pop3}
  }}
}}
service imap {{
  process_limit = 4000
}}
service anvil {{
  client_limit = 9000
}}
service auth {{
  client_limit = 9000
}}
passdb {{
  driver = static
  args = password=pass
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/home/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


@contextlib.contextmanager
def dovecot(where: str | None = None) -> Iterator[Server]:
    """Run Debian's Dovecot on Maildirs, its services kept ready."""
    with disk.directory(where) as directory:
        root = os.getuid() == 0
        owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
        imap, pop3 = free_ports(2)
        for name in ("run", "state", "mail", "home"):
            (directory / name).mkdir()
            os.chown(directory / name, owner.pw_uid, owner.pw_gid)
        config = directory / "dovecot.conf"
        config.write_text(
            _DOVECOT.format(
                directory=directory,
                user=owner.pw_name,
                group=owner.pw_gid,
                group_name="nogroup" if root else owner.pw_gid,
                imap=imap,
                pop3=pop3,
            )
        )
        program = shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        assert program is not None, "dovecot is not installed"
        running = Running([program, "-F", "-c", str(config)])
        ports = {"imap": imap, "pop3": pop3}
        with running.as_server("dovecot", directory, ports) as server:
            yield server
