"""What the long runs have in common: how many, how long, and from which seed."""

import argparse
import random
import time
from collections.abc import Callable, Sequence


def changed(chance: random.Random, octets: bytes, odd: Sequence[bytes]) -> bytes:
    """Return ``octets`` with one change.

    Args:
        chance: Says which.
        octets: What is changed.
        odd: Octets that mean something to whoever reads them.
    """
    at = chance.randrange(len(octets) + 1)
    kind = chance.randrange(5)
    if kind == 0:
        return octets[:at] + chance.choice(odd) + octets[at:]
    if kind == 1:
        return octets[:at] + octets[at + chance.randrange(1, 5) :]
    if kind == 2:
        return octets[:at] + chance.randbytes(chance.randrange(1, 6)) + octets[at:]
    if kind == 3:
        return octets[:at] + octets[max(at - chance.randrange(9), 0) :]
    return octets[:at] + octets[at:].swapcase()


def run(
    arguments: Sequence[str], doc: str, **tries: Callable[[random.Random], int]
) -> int:
    """Run until enough inputs or seconds are over; return the exit status.

    Args:
        arguments: Of the command line.
        doc: What the run is for, in its first line.
        tries: By what they are called in the plural: each tries some inputs, and
            returns how many.
    """
    options = argparse.ArgumentParser(description=doc.splitlines()[0])
    options.add_argument("--inputs", type=int, default=1_000_000)
    options.add_argument("--seconds", type=float, default=3600.0)
    options.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = options.parse_args(arguments)
    chance = random.Random(given.seed)
    end = time.monotonic() + given.seconds
    counts = dict.fromkeys(tries, 0)
    try:
        while sum(counts.values()) < given.inputs and time.monotonic() < end:
            for name, try_some in tries.items():
                counts[name] += try_some(chance)
    except BaseException:
        print(f"seed {given.seed}: failed after {sum(counts.values())} inputs")
        raise
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"seed {given.seed}: {told}, no fault")
    return 0
