"""Run the tests with trial; the last line printed counts them.

The line is ``N passed, N failed, N skipped``; the exit code is 0 only if none
failed and some ran.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.reporter import TreeReporter
from twisted.trial.runner import TestLoader, TrialRunner


def run(names: list[str]) -> int:
    """Run the tests of ``names`` and return the exit code.

    Args:
        names: Modules, classes or methods, such as ``tests.imap``.
    """
    checkout = str(Path(__file__).resolve().parent.parent)
    # Programs the tests start test this checkout too, wherever they start.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (checkout, os.environ.get("PYTHONPATH")))
    )
    with tempfile.TemporaryDirectory(prefix="mailframe-tests-") as scratch:
        runner = TrialRunner(
            TreeReporter, workingDirectory=os.path.join(scratch, "trial")
        )
        suite = TestLoader().loadByNames(names, recurse=True)
        result: Any = runner.run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.successes + len(result.expectedFailures)
    print(f"{passed} passed, {failed} failed, {len(result.skips)} skipped", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:] or ["tests"]))
