"""Emptying a queue, against Postfix; and what a long queue costs. Takes root.

``python benchmarks/queue.py [--messages N] [--reps N] [--long N]``: messages of
4 KB that wait in the queue, all for one domain or for 100 of them, each with a
host of its own; timed from the command that lets them go until ``smtp-sink`` has
the last one. Then a spool of 100,000: how long it takes to open, and the memory
it needs waiting and going. All in one run, in turns; prints the ratios.
"""

import argparse
import statistics
import time

import disk
import queue_peers as peers

SIZE = 4096


def empty(
    label: str, domains: list[str], arguments: argparse.Namespace
) -> tuple[float, float]:
    """Return messages a second, and CPU microseconds a message, of one server."""
    count = arguments.messages
    with disk.directory(arguments.disk) as base, peers.dns(base / "dns"):
        server: peers.Postfix | peers.Mailframe
        if label == "mailframe":
            server = peers.Mailframe(base / "server", tuple(arguments.option))
            server.fill(count, SIZE, domains)
            server.start()
        else:
            server = peers.Postfix(base / "server")
            server.fill(count, SIZE, domains)
        sink = peers.Sink()
        try:
            time.sleep(1)
            before = peers.cpu(server.pid)
            begun = time.monotonic()
            server.flush()
            ended = sink.wait(count, 300)
            used = peers.cpu(server.pid) - before
        finally:
            server.close()
            sink.close()
    return count / (ended - begun), used / count * 1e6


def hold_many(arguments: argparse.Namespace) -> None:
    """Print what a long queue costs."""
    count = arguments.long
    with disk.directory(arguments.disk) as base, peers.dns(base / "dns"):
        server = peers.Mailframe(base / "server", tuple(arguments.option))
        server.fill(count, SIZE, peers.DOMAINS)
        server.start()
        sink = peers.Sink()
        try:
            time.sleep(2)
            print(f"{count} messages waiting: open after {server.opened:.1f} s,")
            print(f"  memory {server.memory()[0]:.0f} MB", flush=True)
            begun = time.monotonic()
            server.flush()
            ended = sink.wait(count, 900)
            print(f"  memory while they go {server.memory()[1]:.0f} MB at most")
            print(f"  {count / (ended - begun):.0f} messages a second", flush=True)
        finally:
            server.close()
            sink.close()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--long", type=int, default=100_000, help="0 for not at all")
    parser.add_argument(
        "--only", choices=("mailframe", "postfix"), help="run only one of them"
    )
    parser.add_argument(
        "--option", action="append", default=[], help="one more option for mailframe"
    )
    disk.add_option(parser)
    arguments = parser.parse_args()
    peers.enter()
    for name, domains in (("one domain", peers.DOMAINS[:1]), ("100", peers.DOMAINS)):
        rates: dict[str, list[float]] = {"mailframe": [], "postfix": []}
        costs: dict[str, list[float]] = {"mailframe": [], "postfix": []}
        for _ in range(arguments.reps):
            for label, found in rates.items():
                if arguments.only in (None, label):
                    rate, cost = empty(label, domains, arguments)
                    found.append(rate)
                    costs[label].append(cost)
        for label, found in rates.items():
            if found:
                said = " ".join(f"{rate:.0f}" for rate in found)
                median = statistics.median(found)
                print(
                    f"{name}: {label} {median:.0f} messages a second ({said}),"
                    f" {statistics.median(costs[label]):.0f} us CPU each"
                )
        if all(rates.values()):
            ratio = statistics.median(rates["mailframe"]) / statistics.median(
                rates["postfix"]
            )
            print(f"{name}: mailframe / postfix {ratio:.2f}", flush=True)
    if arguments.long:
        hold_many(arguments)


if __name__ == "__main__":
    main()
