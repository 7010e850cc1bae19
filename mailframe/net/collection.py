"""Python's cyclic garbage collector, set for a server with much in memory.

By default it looks after every 700 new objects, and now and then through all
there are: with thousands of messages or connections in memory that takes an
eighth of all time, and hardly ever finds anything.

Source: https://docs.python.org/3/library/gc.html
"""

import gc

FIRST = 20_000
"""New objects after which the youngest are looked through."""

OLDER = 20
"""Rounds of the younger ones after which the older ones are."""


def collect_rarely() -> None:
    """Look through new objects rarely, and never again through those of the start.

    For a process that is the server and nothing else, when all is up.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(FIRST, OLDER, OLDER)
