"""Values of settings, read and checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mailframe.config_key import BadConfig


def choice(given: Mapping[str, Any], name: str, words: tuple[str, ...]) -> int:
    """Return which of ``words`` a key has; the first when it is not given."""
    word = given.get(name, words[0])
    if word not in words:
        raise BadConfig(f"--{name} {word}: not one of {', '.join(words)}")
    return words.index(word)


def days(given: Mapping[str, Any], name: str) -> int | None:
    """Return a number of days, ``None`` for ``never``."""
    text = given.get(name, "never")
    if text == "never":
        return None
    if not (text.isascii() and text.isdigit() and int(text) < 100_000):
        raise BadConfig(f"--{name} {text}: neither never nor a number of days")
    return int(text)


def seconds(given: Mapping[str, Any], name: str) -> int:
    """Return seconds, a week at most."""
    value: int = given.get(name, 0)
    if not 0 <= value <= 604_800:
        raise BadConfig(f"--{name} {value}: 0 to 604800 seconds")
    return value


def path(text: str | None) -> Path | None:
    """Return a path from the root, ``None`` for nothing."""
    return Path(text).absolute() if text else None


def endpoint(service: str, text: str) -> str:
    """Return a server endpoint string; a bare number is a TCP port."""
    if text.isdigit():
        text = f"tcp:{text}"
    if ":" not in text:
        raise BadConfig(f"--{service} {text}: not a port or endpoint (tcp:PORT)")
    return text


def domains(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the domains of a key.

    Raises:
        BadConfig: One is none.
    """
    return tuple(domain(name, text) for text in given.get(name, ()))


def domain(name: str, text: str) -> str:
    """Return a domain in lower case.

    Raises:
        BadConfig: It is none.
    """
    labels = text.rstrip(".").split(".")
    if any(
        not label
        or len(label) > 63
        or not all(part.isalnum() or part in "-_" for part in label)
        for label in labels
    ):
        raise BadConfig(f"--{name} {text}: not a domain name")
    return text.rstrip(".").lower()
