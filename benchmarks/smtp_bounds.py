"""What bounds reception on this machine: the processors, the disk, or our design.

``python benchmarks/smtp_bounds.py [--messages N] [--reps N] [--only WORKLOADS]``: the
workloads of ``smtp.py`` against one host with all connections and against two hosts,
which share nothing, with half of the connections and of the messages each; both as they
are and with flushes that do nothing. Prints for each how many messages a second were
taken and reached their mailbox, and how long the processors worked and waited for one,
everything on this machine counted.
"""

import argparse
import contextlib
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import disk
import smtp
import smtp_servers
from servers import Server, mailframe

NO_FLUSH = """\
int fdatasync(int file) { return 0; }
int fsync(int file) { return 0; }
int syncfs(int file) { return 0; }
"""

_TICK = 1e6 / os.sysconf("SC_CLK_TCK")


def processors() -> tuple[float, float]:
    """Return how long all processors have worked and waited so far, microseconds.

    Source: proc_stat(5).
    """
    first = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system, idle, disk_wait, interrupts, soft = map(int, first[1:8])
    worked = user + nice + system + interrupts + soft
    return worked * _TICK, (idle + disk_wait) * _TICK


def send(
    servers: list[Server], drive: smtp.Drive, arguments: argparse.Namespace
) -> None:
    """Send to all of them at once."""
    senders = [
        threading.Thread(target=drive, args=(server.ports["smtp"], arguments))
        for server in servers
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def measure(what: str, hosts: int, reps: int, arguments: argparse.Namespace) -> None:
    """Run one workload against some hosts and print what was seen."""
    drive = smtp.lockstep if what == "lockstep" else smtp.pipelined
    each = argparse.Namespace(
        connections=arguments.connections // hosts, load=arguments.load
    )
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(mailframe(smtp.USERS, "smtp", where=arguments.disk))
            for _ in range(hosts)
        ]
        # Accounts are there, and so is the process that files.
        total, each.messages = 2000, 2000 // hosts
        for rep in range(reps + 1):
            begun, (worked, waited) = time.monotonic(), processors()
            send(servers, drive, each)
            sent = time.monotonic() - begun
            now_worked, now_waited = processors()
            while (
                sum(
                    smtp_servers.delivered(server.directory / "state/mail")
                    for server in servers
                )
                < total
            ):
                time.sleep(0.02)
            took = time.monotonic() - begun
            count = each.messages * hosts
            if rep:
                print(
                    f"{what:10} hosts: {hosts}  taken {count / sent:6.0f}/s  "
                    f"in mailboxes {count / took:6.0f}/s  processors worked "
                    f"{(now_worked - worked) / count:4.0f} us, waited "
                    f"{(now_waited - waited) / count:4.0f} us a message",
                    flush=True,
                )
            each.messages = arguments.messages // hosts
            total += each.messages * hosts


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="lockstep,pipelined")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--reps", type=int, default=3)
    disk.add_option(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        arguments.load = smtp.make_load(directory)
        no_flush = f"{directory}/no_flush.so"
        source = Path(directory, "no_flush.c")
        source.write_text(NO_FLUSH)
        subprocess.run(["cc", "-shared", "-o", no_flush, str(source)], check=True)
        for preload in ("", no_flush):
            print("flushes that do nothing" if preload else "as it is", flush=True)
            os.environ["LD_PRELOAD"] = preload
            for what in arguments.only.split(","):
                for hosts in (1, 2):
                    measure(what, hosts, arguments.reps, arguments)


if __name__ == "__main__":
    main()
