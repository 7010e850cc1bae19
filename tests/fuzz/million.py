"""What the long runs have in common: how many, how long, and from which seed."""

import argparse
import random
import time
from collections.abc import Callable, Sequence


def run(
    arguments: Sequence[str],
    doc: str,
    try_grammar: Callable[[random.Random], int],
    try_session: Callable[[random.Random], int],
) -> int:
    """Run until enough inputs or seconds are over; return the exit status.

    Args:
        arguments: Of the command line.
        doc: What the run is for, in its first line.
        try_grammar: Returns how many texts it tried.
        try_session: Returns how many inputs a session took.
    """
    options = argparse.ArgumentParser(description=doc.splitlines()[0])
    options.add_argument("--inputs", type=int, default=1_000_000)
    options.add_argument("--seconds", type=float, default=3600.0)
    options.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = options.parse_args(arguments)
    chance = random.Random(given.seed)
    end = time.monotonic() + given.seconds
    texts = inputs = 0
    try:
        while texts + inputs < given.inputs and time.monotonic() < end:
            texts += try_grammar(chance)
            inputs += try_session(chance)
    except BaseException:
        print(f"seed {given.seed}: failed after {texts + inputs} inputs")
        raise
    print(f"seed {given.seed}: {texts} texts, {inputs} session inputs, no fault")
    return 0
