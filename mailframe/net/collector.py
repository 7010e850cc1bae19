"""Have Python look for reference cycles less often.

Nearly all of what a session makes goes with its last reference. What a look at
all objects costs grows with the sessions and mailboxes that are open; done
every 700 new objects, as by default, it took a seventh of the reactor thread's
time while mail came in.

Source: https://docs.python.org/3/library/gc.html
"""

import gc

_YOUNG = 20_000
_MIDDLE = 20
_OLD = 20


def collect_rarely() -> None:
    """Set the collector's thresholds for this process."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
