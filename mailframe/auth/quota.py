"""A quota as administrators write it: octets, or a number with a unit."""

import re

_SIZE = re.compile(r"([0-9]{1,15})([bkmgt]?)(?:i?b)?\Z", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def quota_octets(text: str) -> int | None:
    """Return a quota in octets; 0 and empty are ``None``, no bound.

    Args:
        text: Such as ``1073741824``, ``500M`` or ``1 GB``.

    Raises:
        ValueError: It is not a size.
    """
    compact = text.replace(" ", "")
    if not compact:
        return None
    found = _SIZE.match(compact)
    if found is None:
        raise ValueError("not a size")
    return int(found[1]) * _UNITS[found[2].lower()] or None
