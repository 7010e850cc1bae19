"""What a change makes of notes on a mailbox, in every store.

Source: RFC 5464 sections 4.1 and 4.3.
"""

from collections.abc import Mapping

from mailframe.errors import LimitExceeded
from mailframe.limits import IMAPLimits

_MAX = IMAPLimits().annotations


def annotated(
    had: Mapping[str, bytes], values: Mapping[str, bytes | None]
) -> dict[str, bytes]:
    """Return notes after a change.

    Raises:
        LimitExceeded: There would be too many.
    """
    merged = {**had, **values}
    found = {entry: octets for entry, octets in merged.items() if octets is not None}
    if len(found) > max(_MAX, len(had)):
        raise LimitExceeded("too many annotations")
    return found
