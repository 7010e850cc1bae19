"""The arguments of a check, as operators write them: words and ``name=value``."""

from collections.abc import Iterable, Mapping

from mailframe.policy.token_buckets import Rate


def read_arguments(text: str) -> tuple[list[str], dict[str, str]]:
    """Return the words and the named values of ``word,name=value``."""
    words, named = [], {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = part.partition("=")
        if equals:
            named[name.strip()] = value.strip()
        else:
            words.append(part)
    return words, named


def only(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse names that are not known.

    Raises:
        ValueError: One is not; the text is for people.
    """
    known = list(known)
    for name in given:
        if name not in known:
            raise ValueError(f"there is no {name!r}, only: {', '.join(known)}")


def number(named: Mapping[str, str], name: str, default: float) -> float:
    """Return a number that is 0 or more.

    Raises:
        ValueError: It is not; the text is for people.
    """
    text = named.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise ValueError(f"{name}={text} is not a number of 0 or more")
    return value


def rate(named: Mapping[str, str], name: str, default: Rate | None) -> Rate | None:
    """Return a rate ``COUNT/SECONDS``; ``none`` for no bound.

    Raises:
        ValueError: It is not; the text is for people.
    """
    text = named.get(name)
    if text is None:
        return default
    if text == "none":
        return None
    count, _, seconds = text.partition("/")
    try:
        return Rate(int(count), float(seconds))
    except ValueError:
        raise ValueError(f"{name}={text} is not COUNT/SECONDS") from None
