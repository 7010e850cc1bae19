"""A backend's own TOML file: which keys there are, and one line when one is wrong."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from mailframe.model.secret import Secret
from mailframe.toml import read_toml


class TOMLFile:
    """The values of one file by dotted name, such as ``login.query``.

    Whatever is wrong is a ``ValueError`` that names the file and the key, and
    never a value: it could be a password.
    """

    def __init__(self, path: str, keys: Mapping[str, str]) -> None:
        """Read a file.

        Args:
            path: The file.
            keys: What may be in it: ``text``, ``texts``, ``number``,
                ``switch`` or ``named texts`` by dotted name.

        Raises:
            ValueError: It cannot be read, is not TOML, or has a key that is
                not among ``keys`` or not of its kind.
        """
        self.path = path
        self._keys = keys
        self._values: dict[str, Any] = {}
        self._take(read_toml(path), "")

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or ``default`` when the file does not have it."""
        assert key in self._keys, key
        return self._values.get(key, default)

    def need(self, key: str) -> Any:
        """Return a value.

        Raises:
            ValueError: The file does not have it.
        """
        if key not in self._values:
            raise self.wrong(key, "is missing")
        return self._values[key]

    def number(self, key: str, default: float, least: float, most: float) -> Any:
        """Return a number, ``least`` to ``most``.

        Raises:
            ValueError: It is not in that range.
        """
        value = self.get(key, default)
        if not least <= value <= most:
            raise self.wrong(key, f"must be {least:g} to {most:g}")
        return value

    def choice(self, key: str, *words: str) -> str:
        """Return one of ``words``, the first when the file has none.

        Raises:
            ValueError: The file has another one.
        """
        value: str = self.get(key, words[0])
        if value not in words:
            raise self.wrong(key, f"must be {' or '.join(words)}")
        return value

    def checked(self, key: str, make: Callable[[str], Any], default: str) -> Any:
        """Return what ``make`` makes of a text.

        Raises:
            ValueError: ``make`` did; its text is taken over.
        """
        try:
            return make(self.get(key, default))
        except ValueError as error:
            raise self.wrong(key, str(error)) from None

    def secret(self, prefix: str = "") -> Secret | None:
        """Return ``password``, or the first line of the file ``password-file``.

        Args:
            prefix: What comes before both names, such as ``service.``.

        Raises:
            ValueError: Both are there, or the file cannot be read or is empty.
        """
        text = self.get(f"{prefix}password")
        key = f"{prefix}password-file"
        path = self.get(key)
        if path is None:
            return None if text is None else Secret(text.encode())
        if text is not None:
            raise self.wrong(key, "and password are both given")
        try:
            with open(path, "rb") as file:
                octets = file.readline(4096).rstrip(b"\r\n")
        except OSError as error:
            raise self.wrong(key, f"{path}: {error.strerror}") from None
        if not octets:
            raise self.wrong(key, f"{path} is empty")
        return Secret(octets)

    def readable(self, key: str) -> str | None:
        """Return the path of a file that can be opened, or ``None``.

        Raises:
            ValueError: It cannot.
        """
        path: str | None = self.get(key)
        if path is not None:
            try:
                with open(path, "rb"):
                    pass
            except OSError as error:
                raise self.wrong(key, f"{path}: {error.strerror}") from None
        return path

    def wrong(self, key: str, why: str) -> ValueError:
        """Return the error that says what is wrong with a key."""
        return ValueError(f"{self.path}: {key} {why}")

    def _take(self, table: Mapping[str, Any], prefix: str) -> None:
        for name, value in table.items():
            key = f"{prefix}{name}"
            kind = self._keys.get(key)
            if kind is not None:
                if not _KINDS[kind](value):
                    raise self.wrong(key, f"must be {_WORDS[kind]}")
                self._values[key] = value
            elif isinstance(value, dict) and any(
                known.startswith(f"{key}.") for known in self._keys
            ):
                self._take(value, f"{key}.")
            else:
                [near] = difflib.get_close_matches(key, self._keys, 1, 0.0)
                raise ValueError(
                    f"{self.path}: there is no key {key!r}; nearest is {near!r}"
                )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_named_texts(value: Any) -> bool:
    return isinstance(value, dict) and _is_texts(list(value.values()))


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "texts": _is_texts,
    "number": _is_number,
    "switch": lambda value: isinstance(value, bool),
    "named texts": _is_named_texts,
}
_WORDS = {
    "text": "a text",
    "texts": "a list of texts",
    "number": "a number",
    "switch": "true or false",
    "named texts": "a table of texts",
}
