"""The world of the queue benchmark: Postfix, a DNS, ``smtp-sink``, and a full spool.

Everything is in a network and mount name space of its own, so that mail goes
to port 25 of addresses the DNS tells, as it does anywhere; that takes root.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from own_postfix import OwnPostfix, program
from servers import REACTOR, ROOT, wait_for

DOMAINS = [f"d{number}.example" for number in range(100)]

SINK = [f"10.9.1.{number + 1}" for number in range(len(DOMAINS))]
"""The address of each domain's only host."""

RESOLVER = "10.9.0.53"

TWISTD = "from twisted.scripts.twistd import run; run()"
"""How to start our own; the environment may have another way, with a profiler."""


def enter() -> None:
    """Go on in name spaces of our own; returns there."""
    if os.environ.get("QUEUE_BENCHMARK") != "inside":
        os.environ["QUEUE_BENCHMARK"] = "inside"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])
    favour(os.getpid())
    run("ip", "link", "set", "lo", "up")
    for address in (*SINK, RESOLVER):
        run("ip", "address", "add", f"{address}/32", "dev", "lo")


def favour(pid: int) -> None:
    """Let our niceness count for a process among other sessions too.

    Linux shares the processors among sessions first (sched(7), autogroup): on a
    busy machine a server in a session of its own would get more than another.
    """
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(os.nice(0)))


def run(*command: str) -> str:
    """Run a command and return what it printed."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}"
    return done.stdout


_NAMED = """\
options {{
    directory "{directory}";
    listen-on {{ {resolver}; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    recursion no;
    dnssec-validation no;
    empty-zones-enable no;
}};
controls {{ }};
zone "." {{ type primary; file "root"; }};
"""

_ROOT = """\
$TTL 3600
@ SOA ns. hostmaster. 1 3600 600 86400 60
@ NS ns.
ns. A 127.0.0.1
"""


@contextlib.contextmanager
def dns(directory: Path) -> Iterator[None]:
    """Run a DNS that knows our domains, and have everybody here ask it."""
    directory.mkdir()
    (directory / "named.conf").write_text(
        _NAMED.format(directory=directory, resolver=RESOLVER)
    )
    zone = _ROOT
    for domain, address in zip(DOMAINS, SINK, strict=True):
        zone += f"{domain}. MX 10 mx.{domain}.\nmx.{domain}. A {address}\n"
    (directory / "root").write_text(zone)
    resolv = directory / "resolv.conf"
    resolv.write_text(f"nameserver {RESOLVER}\n")
    run("mount", "--bind", str(resolv), "/etc/resolv.conf")
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen(
            [program("named"), "-g", "-n", "1", "-c", str(directory / "named.conf")],
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(53, host=RESOLVER)
        yield
    finally:
        process.terminate()
        process.wait()
        run("umount", "/etc/resolv.conf")


def cpu(pid: int) -> float:
    """Return CPU seconds used by a process, its children, and those that ended."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if stat.parent.name == str(pid) or fields[1] == str(pid):
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Sink:
    """``smtp-sink`` on port 25 of every address, and how much it has taken.

    Attributes:
        taken: Messages so far.
        pid: Of its process.
    """

    def __init__(self) -> None:
        """Start it."""
        user = ("-u", "root") if os.getuid() == 0 else ()
        self._process = subprocess.Popen(
            [program("smtp-sink"), "-c", *user, "0.0.0.0:25", "1000"],
            stdout=subprocess.PIPE,
        )
        self.pid = self._process.pid
        self.taken = self.last = 0.0
        wait_for(25, host=SINK[0])
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        # "sess=2 quit=2 mesg=100" and a carriage return, for each message.
        assert self._process.stdout is not None
        while octets := os.read(self._process.stdout.fileno(), 65_536):
            counts = [line for line in octets.split(b"\r") if b"mesg=" in line]
            if counts:
                self.taken = int(counts[-1].rpartition(b"=")[2].strip() or 0)
                self.last = time.monotonic()

    def wait(self, count: int, seconds: float) -> float:
        """Return when the last of so many messages was taken.

        Raises:
            AssertionError: That took too long.
        """
        end = time.monotonic() + seconds
        while self.taken < count:
            assert time.monotonic() < end, f"{self.taken} of {count} messages"
            time.sleep(0.01)
        return self.last

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait()


_SETTINGS = """\
myhostname = mail.example.org
inet_protocols = ipv4
smtpd_client_restrictions = static:HOLD
smtp_bind_address = 10.9.0.53
"""

_SERVICES = """\
scache unix - - n - 1 scache
smtp unix - - n - - smtp
showq unix n - n - - showq
"""


class Postfix:
    """Debian's Postfix with messages on hold.

    Attributes:
        pid: Of its master.
    """

    def __init__(self, directory: Path, more: str = "") -> None:
        """Start it.

        Args:
            directory: For its files.
            more: More settings.
        """
        directory.mkdir(parents=True)
        directory.chmod(0o755)
        postfix = OwnPostfix(
            directory, 2525, settings=_SETTINGS + more, services=_SERVICES
        )
        self._run = postfix.run
        self._run("postfix", "start")
        wait_for(2525)
        self.pid = int((directory / "queue/pid/master.pid").read_text())
        favour(self.pid)

    def fill(self, count: int, size: int, domains: list[str]) -> None:
        """Queue messages, on hold."""
        each = count // len(domains)
        for domain in domains:
            run(
                *("smtp-source", "-s", "20", "-m", str(each), "-l", str(size)),
                *("-f", "ann@example.org", "-t", f"bob@{domain}", "127.0.0.1:2525"),
            )
        self._run("postsuper", "-H", "ALL")

    def flush(self) -> None:
        """Let them go."""
        self._run("postqueue", "-f")

    def close(self) -> None:
        """Stop it."""
        self._run("postfix", "stop")


class Mailframe:
    """Our own host with messages that are not due yet.

    Attributes:
        opened: Seconds from the start until the spool answered.
    """

    def __init__(self, directory: Path, more: tuple[str, ...] = ()) -> None:
        """Say where; :meth:`start` starts it."""
        self._state = directory / "state"
        self._log = directory / "log"
        self._more = more
        directory.mkdir(parents=True)
        self._state.mkdir(mode=0o700)
        (self._state / "passwd").write_text("ann@example.org:{PLAIN}pass\n")
        self.opened = 0.0
        self.pid = 0

    def fill(self, count: int, size: int, domains: list[str]) -> None:
        """Queue messages, by the spool itself, with no server there."""
        fill = Path(__file__).with_name("queue_fill.py")
        arguments = (str(self._state), str(count), str(size), *domains)
        subprocess.run(
            [sys.executable, "-P", str(fill), *arguments],
            check=True,
            env=self._environment(),
        )

    def start(self) -> None:
        """Start the server."""
        begun = time.monotonic()
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", os.environ.get("TWISTD", TWISTD)),
                    *("-n", "--pidfile=", *REACTOR),
                    *("mailframe", "--hostname=mail.example.org"),
                    *("--domain=example.org", f"--state-dir={self._state}"),
                    *("--smtp=tcp:2526:interface=127.0.0.1", *self._more),
                ],
                cwd=self._state.parent,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        favour(self.pid)
        # The port is bound first; who answers has opened the spool.
        while True:
            assert self._process.poll() is None, self._log.read_text()
            try:
                with socket.create_connection(("127.0.0.1", 2526), 60) as client:
                    if client.recv(100):
                        break
            except OSError:
                pass
            time.sleep(0.01)
        self.opened = time.monotonic() - begun

    def flush(self) -> None:
        """Let them go."""
        self._queue("flush")

    def memory(self) -> tuple[float, float]:
        """Return MB of memory that are used, now and at most so far."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        values = dict(line.split(":", 1) for line in status.splitlines())
        return tuple(int(values[key].split()[0]) / 1000 for key in ("VmRSS", "VmHWM"))  # type: ignore[return-value]

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(60)

    def _queue(self, action: str, *arguments: str) -> str:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "mailframe.cli", "queue", action),
                *(*arguments, f"--state-dir={self._state}"),
            ],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    @staticmethod
    def _environment() -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT)}
