"""Drive two servers with ``imap_load.py`` in turns, and put their figures together."""

import argparse
import json
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import disk
from servers import PASSWORD, Server

HERE = Path(__file__).resolve().parent
USERS = [f"u{number}@example.org" for number in range(1, 65)]
COLD = {
    "mailframe": "true",
    "dovecot": "find {directory} -name 'dovecot.index.cache' -delete",
}

Figures = dict[str, dict[str, list[dict[str, Any]]]]
"""What the driver told, by workload and server."""


def parser(description: str | None, only: str) -> argparse.ArgumentParser:
    """Return a parser of what both benchmarks take."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--only", default=only)
    made.add_argument("--messages", type=int, default=10_000)
    made.add_argument("--rounds", type=int, default=3, help="turns of each server")
    made.add_argument("--reps", type=int, default=3, help="runs a turn")
    made.add_argument("--seconds", type=float, default=3.0)
    made.add_argument("--idle", type=int, default=1000)
    made.add_argument("--json", action="store_true", help="print what was measured")
    disk.add_option(made)
    # Servers and disks are let go of when this is told to stop, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return made


def measure(
    server: Server, only: str, arguments: argparse.Namespace, reps: int | None = None
) -> list[dict[str, Any]]:
    """Run workloads against one server and return the driver's lines."""
    at = "@example.org" if server.label == "mailframe" else ""
    command = [
        *(sys.executable, str(HERE / "imap_load.py")),
        *("--port", str(server.ports["imap"])),
        *("--pop3-port", str(server.ports["pop3"])),
        *("--user", f"u%d{at}", "--password", PASSWORD, "--label", server.label),
        *("--only", only, "--messages", str(arguments.messages)),
        *("--reps", str(reps or arguments.reps), "--seconds", str(arguments.seconds)),
        *("--idle", str(arguments.idle)),
        *("--cold-cmd", COLD[server.label].format(directory=server.directory)),
        *(one for pid in server.pids for one in ("--server-pid", str(pid))),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def in_turns(
    servers: Sequence[Server], only: str, arguments: argparse.Namespace
) -> None:
    """Run one workload, the servers changing places each round, and print it."""
    figures: Figures = {}
    rounds = 1 if only == "idle" else arguments.rounds
    for turn in range(rounds):
        for server in servers if turn % 2 == 0 else reversed(servers):
            gather(figures, measure(server, only, arguments), arguments)
    report(figures)


def gather(
    figures: Figures,
    lines: Iterable[dict[str, Any]],
    arguments: argparse.Namespace,
    prefix: str = "",
) -> None:
    """Put what the driver told to the rest."""
    for line in lines:
        if arguments.json:
            print(json.dumps(line), flush=True)
        by_server = figures.setdefault(prefix + line["workload"], {})
        by_server.setdefault(line["server"], []).append(line)


def report(figures: Figures) -> None:
    """Print medians of all runs, and how many times as good we are."""
    for workload, by_server in figures.items():
        if workload == "idle":
            for server, (line,) in by_server.items():
                print(
                    f"{'idle':18} {server:10} {line['kb_per_connection']:10} KB each,"
                    f" {line['connections']} connections",
                    flush=True,
                )
            continue
        rates = {
            server: [
                line["amounts"][place] / max(seconds, 0.001)
                for line in lines
                if "seconds" in line
                for place, seconds in enumerate(line["seconds"])
            ]
            for server, lines in by_server.items()
        }
        ours = statistics.median(rates.get("mailframe") or [0.0])
        for server, lines in by_server.items():
            failed = [line["failed"] for line in lines if "failed" in line]
            failed += [str(line["first_error"]) for line in lines if line.get("errors")]
            if failed:
                print(f"{workload:18} {server:10} FAILED {failed[0]}", flush=True)
                continue
            rate = statistics.median(rates[server])
            seconds = statistics.median(
                one for line in lines for one in line["seconds"]
            )
            cpu = statistics.median(line["server_cpu_ms_per_unit"] for line in lines)
            print(
                f"{workload:18} {server:10} {rate:12.1f} {lines[0]['unit']:12}"
                f" {1000 * seconds:8.1f} ms   cpu {1000 * cpu:9.1f} us   "
                f"{ours / rate:6.2f}x  ({len(rates[server])} runs)",
                flush=True,
            )
