"""Run the tests with trial; the last line printed counts them.

``python -m tests [-j N] [NAME ...]``: the modules, classes or methods named, or
everything, in N processes side by side, since many tests wait for a program of
somebody else's. The last line is ``N passed, N failed, N skipped``; the exit code is
0 only if none failed and some ran.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from twisted.trial.reporter import TreeReporter
from twisted.trial.runner import TestLoader, TrialRunner

CHECKOUT = Path(__file__).resolve().parent.parent

PROCESSES = 4
"""How many run side by side, with many tests to run."""

TOGETHER = ("tests.clients.test_sandbox", "tests.test_examples")
"""Modules that use the same ports."""


def run(names: Sequence[str], scratch: str) -> list[int]:
    """Run the tests of ``names`` here and return how many passed, failed, skipped.

    Args:
        names: Modules, classes or methods, such as ``tests.imap``.
        scratch: A directory that goes when they are done.
    """
    # How quick a busy machine is says nothing about what it runs.
    slow = [HealthCheck.too_slow]
    settings.register_profile("slow", deadline=None, suppress_health_check=slow)
    settings.load_profile("slow")
    runner = TrialRunner(TreeReporter, workingDirectory=os.path.join(scratch, "trial"))
    suite = TestLoader().loadByNames(list(names), recurse=True)
    result: Any = runner.run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.successes + len(result.expectedFailures)
    return [passed, failed, len(result.skips)]


def modules(names: Sequence[str]) -> list[str]:
    """Return the test modules that ``names`` are, or hold; others as they are."""
    found = []
    for name in names:
        folder = CHECKOUT.joinpath(*name.split("."))
        paths = sorted(folder.rglob("test_*.py"))
        found += [
            ".".join(path.relative_to(CHECKOUT).with_suffix("").parts) for path in paths
        ] or [name]
    return found


def dealt(names: Sequence[str], processes: int) -> list[list[str]]:
    """Deal modules out; those that take long, real clients', evenly."""
    hands: list[list[str]] = [[] for _ in range(processes)]
    rest = [name for name in names if name not in TOGETHER]
    hands[-1] += [name for name in TOGETHER if name in names]
    for turn, name in enumerate(sorted(rest, key=lambda one: ".clients." not in one)):
        hands[turn % processes].append(name)
    return [hand for hand in hands if hand]


def side_by_side(hands: Sequence[Sequence[str]], scratch: Path) -> list[int]:
    """Run each hand in a process of its own; print what each said when all ended."""
    running = []
    for number, hand in enumerate(hands):
        said = scratch / f"{number}.txt"
        counts = scratch / f"{number}.json"
        with said.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests", "--counts", str(counts), *hand],
                cwd=CHECKOUT,
                env={**os.environ, "MAILFRAME_TESTS_PART": str(number)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        running.append((process, said, counts))
    totals = [0, 0, 0]
    for process, said, counts in running:
        process.wait()
        print(said.read_text(errors="replace"), flush=True)
        # A process that died without counting is a failure.
        found = json.loads(counts.read_text()) if counts.exists() else [0, 1, 0]
        totals = [one + more for one, more in zip(totals, found, strict=True)]
    return totals


def main() -> int:
    """Run what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("-j", type=int, default=PROCESSES, help="processes")
    parser.add_argument("--counts", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", default=["tests"])
    arguments = parser.parse_args()
    # Programs the tests start test this checkout too, wherever they start.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH")))
    )
    with tempfile.TemporaryDirectory(prefix="mailframe-tests-") as scratch:
        names = arguments.names
        if arguments.counts is None and arguments.j > 1:
            names = modules(names)
        if arguments.counts is not None or min(len(names), arguments.j) < 2:
            counts = run(names, scratch)
        else:
            counts = side_by_side(dealt(names, arguments.j), Path(scratch))
    if arguments.counts is not None:
        Path(arguments.counts).write_text(json.dumps(counts))
        return 0
    passed, failed, skipped = counts
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
