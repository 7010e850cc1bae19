"""Run the tests with trial; the last line printed counts them.

``python -m tests [-j N] [NAME ...]``: the modules, classes or methods named, or
everything, in N processes side by side, since many tests wait for a program of
somebody else's. The last line is ``N passed, N failed, N skipped``; the exit code is
0 only if none failed and some ran.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from twisted.trial.reporter import TreeReporter
from twisted.trial.runner import TestLoader, TestSuite, TrialRunner

CHECKOUT = Path(__file__).resolve().parent.parent

PROCESSES = 4
"""How many run side by side, with many tests to run."""

LONG = (
    *("tests.clients.test_tls", "tests.clients.test_policy"),
    *("tests.clients.test_accounts", "tests.clients.test_logins"),
    *("tests.clients.test_destinations", "tests.clients.test_acme"),
    *("tests.clients.test_mixed_crash", "tests.clients.test_kill"),
    *("tests.queue.test_spool_faults", "tests.fetch.test_kill"),
    *("tests.auth.test_sql_servers", "tests.auth.test_ldap_servers"),
    *("tests.storage.test_filer", "tests.imap.test_hostile_mail"),
    *("tests.test_packaging", "tests.test_transcripts", "tests.imap.test_model"),
)
"""The modules that take longest, in their order: they begin first."""


class Taken(TestSuite):  # type: ignore[misc]
    """The modules that a process takes, one after the other, until none is left."""

    def __init__(self, source: socket.socket) -> None:
        """Take them from a socket that other processes read, too."""
        super().__init__()
        self._source = source

    def run(self, result: Any) -> Any:  # type: ignore[override]
        """Run them."""
        while name := self._source.recv(1000).decode():
            TestLoader().loadByNames([name], recurse=True).run(result)
        return result


def run(suite: Any, scratch: str) -> list[int]:
    """Run tests here and return how many passed, failed, skipped.

    Args:
        suite: The tests.
        scratch: A directory that goes when they are done.
    """
    runner = TrialRunner(TreeReporter, workingDirectory=os.path.join(scratch, "trial"))
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


def in_order(names: Sequence[str]) -> list[str]:
    """Return modules with those first that take longest, so that none ends alone."""
    place = {name: number for number, name in enumerate(LONG)}
    return sorted(
        names, key=lambda one: (place.get(one, len(LONG)), ".clients." not in one)
    )


def side_by_side(names: Sequence[str], processes: int, scratch: Path) -> list[int]:
    """Run modules in processes, each taking the next; print what they said."""
    running = []
    given, source = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for number in range(processes):
        said = scratch / f"{number}.txt"
        counts = scratch / f"{number}.json"
        with said.open("wb") as file:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests", "--counts", str(counts)),
                    *("--source", str(source.fileno())),
                ],
                cwd=CHECKOUT,
                env={**os.environ, "MAILFRAME_TESTS_PART": str(number)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=[source.fileno()],
            )
        running.append((process, said, counts))
    source.close()
    # Where nobody is left to take them, nobody has counted either.
    with given, suppress(BrokenPipeError):
        for name in in_order(names):
            given.send(name.encode())
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
    parser.add_argument("--counts", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--source", type=int, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", default=["tests"])
    arguments = parser.parse_args()
    # Programs the tests start test this checkout too, wherever they start.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH")))
    )
    # How quick a busy machine is says nothing about what it runs.
    slow = [HealthCheck.too_slow]
    settings.register_profile("slow", deadline=None, suppress_health_check=slow)
    settings.load_profile("slow")
    names, processes = arguments.names, arguments.j
    with tempfile.TemporaryDirectory(prefix="mailframe-tests-") as scratch:
        if arguments.counts is not None:
            with socket.socket(fileno=arguments.source) as source:
                source.set_inheritable(False)
                counts = run(Taken(source), scratch)
            arguments.counts.write_text(json.dumps(counts))
            return 0
        if processes > 1:
            names = modules(names)
        processes = min(processes, len(names))
        if processes > 1:
            counts = side_by_side(names, processes, Path(scratch))
        else:
            counts = run(TestLoader().loadByNames(list(names), recurse=True), scratch)
    passed, failed, skipped = counts
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
