"""Durable reception into Maildirs, and a sink, against Postfix and aiosmtpd.

``python benchmarks/smtp.py [--messages N] [--connections N] [--reps N]``: 4 KB
messages for 100 users over 20 connections, timed until the last one is in its
mailbox, with Debian's ``smtp-source``; then a server that throws everything
away, with ``smtpload.c``. All in one run, in turns; prints the ratios.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import smtp_servers
from servers import Server, mailframe

HERE = Path(__file__).resolve().parent
USERS = [f"u{number}@example.org" for number in range(1, 101)]


def deliver(server: Server, mail: Path, arguments: argparse.Namespace) -> float:
    """Send all messages; return how many reached their mailbox a second."""
    before = smtp_servers.delivered(mail)
    each = arguments.messages // arguments.connections
    begun = time.monotonic()
    sources = [
        subprocess.Popen(
            [
                *("smtp-source", "-c", "-d", "-s", "1", "-m", str(each)),
                *("-l", "4096", "-f", "sender@example.com", "-t", user),
                f"inet:127.0.0.1:{server.ports['smtp']}",
            ],
            stdout=subprocess.DEVNULL,
        )
        for user in USERS[:: 100 // arguments.connections][: arguments.connections]
    ]
    for source in sources:
        if source.wait() != 0:
            raise SystemExit(f"smtp-source failed against {server.label}")
    expected = before + each * arguments.connections
    while smtp_servers.delivered(mail) < expected:
        time.sleep(0.02)
    return each * arguments.connections / (time.monotonic() - begun)


def swallow(server: Server, load: str, arguments: argparse.Namespace) -> float:
    """Return how many messages a second a sink takes."""
    command = [load, str(server.ports["smtp"]), str(arguments.connections), "4096"]
    done = subprocess.run(
        [*command, str(arguments.seconds)], stdout=subprocess.PIPE, check=True
    )
    return float(done.stdout.split()[0])


def report(what: str, figures: dict[str, list[float]]) -> None:
    """Print medians, and how many times as fast we are."""
    ours = statistics.median(figures["mailframe"])
    for label, rates in figures.items():
        rate = statistics.median(rates)
        print(f"{what:12} {label:14} {rate:10.0f} messages/s   {ours / rate:6.2f}x")


def main() -> None:
    """Measure all and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--base", help="directory to put the stores in")
    arguments = parser.parse_args()
    base = arguments.base
    servers: list[tuple[Any, str]] = [
        (lambda: mailframe(USERS, "smtp", base=base), "state/mail"),
        (lambda: smtp_servers.postfix(USERS, base), "mail"),
        (lambda: smtp_servers.aiosmtpd(base), "mail"),
    ]
    figures: dict[str, list[float]] = {}
    for _ in range(arguments.reps):
        for start, mail in servers:
            with start() as server:
                rate = deliver(server, server.directory / mail, arguments)
                figures.setdefault(server.label, []).append(rate)
    report("to mailbox", figures)
    figures = {}
    with tempfile.TemporaryDirectory() as directory:
        load = f"{directory}/smtpload"
        subprocess.run(["cc", "-O2", "-o", load, str(HERE / "smtpload.c")], check=True)
        for _ in range(arguments.reps):
            for start in (smtp_servers.sink, lambda: smtp_servers.aiosmtpd(sink=True)):
                with start() as server:
                    rate = swallow(server, load, arguments)
                    figures.setdefault(server.label, []).append(rate)
    report("sink", figures)


if __name__ == "__main__":
    main()
