"""Durable reception into Maildirs, and a sink, against Postfix and Python's peers.

``python benchmarks/smtp.py [--messages N] [--connections N] [--reps N]
[--only WORKLOADS]``: 4 KB messages for 100 users over 20 connections, timed
until the last one is in its mailbox. ``lockstep`` sends them with Debian's
``smtp-source``, a process a connection, each command after the last reply;
``pipelined`` with ``smtpload.c``. ``sink`` and ``sink-lockstep`` are the same
against servers that throw everything away. Postfix, aiosmtpd and twisted.mail
take turns with us in one run; only Postfix and we answer when the message is
on the disk. Prints medians and ratios.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import disk
import smtp_servers
from servers import Server, mailframe

HERE = Path(__file__).resolve().parent
USERS = [f"u{number}@example.org" for number in range(1, 101)]
WORKLOADS = "lockstep,pipelined,sink,sink-lockstep"

Start = Callable[[], AbstractContextManager[Server]]
Drive = Callable[[int, argparse.Namespace], None]


def lockstep(port: int, arguments: argparse.Namespace) -> None:
    """Send all messages with one ``smtp-source`` a connection."""
    each = arguments.messages // arguments.connections
    step = max(1, len(USERS) // arguments.connections)
    sources = [
        subprocess.Popen(
            [
                *("smtp-source", "-d", "-s", "1", "-m", str(each)),
                *("-l", "4096", "-f", "sender@example.com", "-t", user),
                f"inet:127.0.0.1:{port}",
            ],
            stdout=subprocess.DEVNULL,
        )
        for user in (USERS[::step] * arguments.connections)[: arguments.connections]
    ]
    if any([source.wait() for source in sources]):
        raise SystemExit("smtp-source failed")


def pipelined(port: int, arguments: argparse.Namespace) -> None:
    """Send all messages with ``smtpload.c``, to all users in turn."""
    each = arguments.messages // arguments.connections
    total = str(each * arguments.connections)
    numbers = [str(port), str(arguments.connections), "4096", "0", total]
    subprocess.run([arguments.load, *numbers], stdout=subprocess.DEVNULL, check=True)


def make_load(directory: str) -> str:
    """Compile what :func:`pipelined` runs; return its path."""
    load = f"{directory}/smtpload"
    subprocess.run(["cc", "-O2", "-o", load, str(HERE / "smtpload.c")], check=True)
    return load


def timed(
    server: Server, mail: str, drive: Drive, arguments: argparse.Namespace
) -> float:
    """Return how many messages a second were taken, and reached their mailbox."""
    where = server.directory / mail if mail else None
    before = smtp_servers.delivered(where) if where else 0
    count = arguments.messages // arguments.connections * arguments.connections
    begun = time.monotonic()
    drive(server.ports["smtp"], arguments)
    while where and smtp_servers.delivered(where) < before + count:
        time.sleep(0.02)
    return count / (time.monotonic() - begun)


def report(what: str, figures: dict[str, list[float]]) -> None:
    """Print medians, and how many times as fast we are."""
    ours = statistics.median(figures["mailframe"])
    for label, rates in figures.items():
        rate = statistics.median(rates)
        print(
            f"{what:14} {label:14} {rate:10.0f} messages/s   {ours / rate:6.2f}x",
            flush=True,
        )


def main() -> None:
    """Measure all and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=WORKLOADS)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--reps", type=int, default=3)
    disk.add_option(parser)
    arguments = parser.parse_args()
    where = arguments.disk
    print(f"on {disk.describe(where)}", flush=True)
    keeping: list[tuple[Start, str]] = [
        (lambda: mailframe(USERS, "smtp", where=where), "state/mail"),
        (lambda: smtp_servers.postfix(USERS, where), "mail"),
        (lambda: smtp_servers.aiosmtpd(where), "mail"),
        (lambda: smtp_servers.twisted_mail(where), "mail"),
    ]
    sinks: list[tuple[Start, str]] = [
        (smtp_servers.sink, ""),
        (lambda: smtp_servers.aiosmtpd(sink=True), ""),
        (lambda: smtp_servers.twisted_mail(sink=True), ""),
    ]
    with tempfile.TemporaryDirectory() as directory:
        arguments.load = make_load(directory)
        for what in arguments.only.split(","):
            drive = lockstep if what.endswith("lockstep") else pipelined
            figures: dict[str, list[float]] = {}
            for _ in range(arguments.reps):
                for start, mail in sinks if what.startswith("sink") else keeping:
                    with start() as server:
                        rate = timed(server, mail, drive, arguments)
                        figures.setdefault(server.label, []).append(rate)
            report(what, figures)


if __name__ == "__main__":
    main()
