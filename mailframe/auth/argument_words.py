"""The argument string of a checker that needs no file: ``FIRST:key=value:...``."""

import difflib
from collections.abc import Iterable


def argument_words(text: str, keys: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return what comes first, and the values by key.

    Args:
        text: What came after the type of the checker; nothing in it can have a
            ``:``.
        keys: The keys there are.

    Raises:
        ValueError: There is another key, or one twice, or a word is no
            ``key=value``. No value is told.
    """
    known = tuple(keys)
    first, *words = text.split(":")
    values: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not value:
            raise ValueError("what follows the first ':' must be key=value")
        if key not in known:
            [near] = difflib.get_close_matches(key, known, 1, 0.0)
            raise ValueError(f"there is no key {key!r}; nearest is {near!r}")
        if key in values:
            raise ValueError(f"{key} is given twice")
        values[key] = value
    return first, values
