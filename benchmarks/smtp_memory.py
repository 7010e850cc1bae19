"""What a large message and idle connections cost.

``python benchmarks/smtp_memory.py [--megabytes N] [--idle N]``: a message of 50 MB
through DATA and through BDAT, the highest memory of the process above what it
had before, and how long another session waits for NOOP meanwhile; then the
memory of idle connections, each after EHLO.
"""

import argparse
import re
import socket
import statistics
import threading
import time
from pathlib import Path

import disk
from servers import Server, mailframe

LINE = b"0123456789abcdef" * 4 + b"0123456789\r\n"
CHUNK = LINE * 862
SESSION = 20
"""Commands without mail of one session; many more and it would be closed."""


class Client:
    """One SMTP session that said EHLO."""

    def __init__(self, port: int) -> None:
        """Connect to ``port``."""
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self.reply()
        self.ask(b"EHLO bench")

    def reply(self) -> bytes:
        """Return the last line of a reply."""
        while True:
            line = self._file.readline()
            if line[3:4] != b"-":
                if not line or line[:1] not in b"23":
                    raise SystemExit(f"refused: {line!r}")
                return line

    def ask(self, command: bytes) -> bytes:
        """Send a line and return the reply."""
        self._socket.sendall(command + b"\r\n")
        return self.reply()

    def send(self, octets: bytes) -> None:
        """Send octets."""
        self._socket.sendall(octets)


def memory(server: Server, name: str) -> int:
    """Return a figure of the process, in KiB: ``VmRSS`` or ``VmHWM``."""
    status = Path(f"/proc/{server.pids[0]}/status").read_text()
    found = re.search(rf"{name}:\s+(\d+)", status)
    assert found is not None
    return int(found[1])


def send_large(server: Server, how: str, octets: int) -> None:
    """Send one message."""
    client = Client(server.ports["smtp"])
    client.ask(b"MAIL FROM:<sender@example.com>")
    client.ask(b"RCPT TO:<u1@example.org>")
    if how == "DATA":
        client.ask(b"DATA")
        for _ in range(octets // len(CHUNK)):
            client.send(CHUNK)
        client.ask(b".")
        return
    for _ in range(octets // len(CHUNK)):
        client.send(b"BDAT %d\r\n" % len(CHUNK) + CHUNK)
        client.reply()
    client.ask(b"BDAT 0 LAST")


def waits(port: int, until: threading.Event) -> list[float]:
    """Return the milliseconds NOOP took, one after another."""
    found: list[float] = []
    while not until.is_set():
        if len(found) % SESSION == 0:
            client = Client(port)
        begun = time.perf_counter()
        client.ask(b"NOOP")
        found.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.002)
    return found or [0.0]


def large(server: Server, how: str, octets: int) -> None:
    """Measure one large message."""
    Path(f"/proc/{server.pids[0]}/clear_refs").write_text("5")
    before = memory(server, "VmRSS")
    done = threading.Event()
    found: list[float] = []
    listener = threading.Thread(
        target=lambda: found.extend(waits(server.ports["smtp"], done))
    )
    listener.start()
    begun = time.monotonic()
    send_large(server, how, octets)
    took = time.monotonic() - begun
    done.set()
    listener.join()
    centiles = statistics.quantiles(found, n=100) if len(found) > 1 else found * 99
    print(
        f"{octets / 1e6:.0f} MB by {how}: {took:.2f} s,"
        f" {(memory(server, 'VmHWM') - before) / 1024:.1f} MiB more memory,"
        f" NOOP p50 {centiles[49]:.2f} ms, p99 {centiles[98]:.2f} ms,"
        f" longest {max(found):.2f} ms ({len(found)} of them)",
        flush=True,
    )


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--idle", type=int, default=2000)
    disk.add_option(parser)
    arguments = parser.parse_args()
    print(f"on {disk.describe(arguments.disk)}", flush=True)
    octets = arguments.megabytes * 1_000_000
    users = ["u1@example.org"]
    with mailframe(users, "smtp", where=arguments.disk) as server:
        quiet = threading.Event()
        threading.Timer(2.0, quiet.set).start()
        found = statistics.quantiles(waits(server.ports["smtp"], quiet), n=100)
        print(f"NOOP alone: p50 {found[49]:.2f} ms, p99 {found[98]:.2f} ms")
        for how in ("DATA", "BDAT"):
            large(server, how, octets)
    with mailframe(users, "smtp", where=arguments.disk) as server:
        clients = []
        for _ in range(2):
            # The first ones find memory that starting has left over.
            before = memory(server, "VmRSS")
            clients += [Client(server.ports["smtp"]) for _ in range(arguments.idle)]
            each = (memory(server, "VmRSS") - before) / arguments.idle
            print(f"{len(clients)} idle connections: {each:.1f} KiB for each new one")


if __name__ == "__main__":
    main()
