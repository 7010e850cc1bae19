"""Tables of regular expressions: the first that matches has the value.

::

    /^(.*)@old\\.example$/      $1@new.example
    !/@example\\.org$/i         nobody
    /^list-(.+)@(.*)$/         ${1}@${2}, archive@${2}

``!`` before it turns a pattern round (it cannot be quoted from then); case
counts only with the flag ``i``. Patterns are those of Python, searched for
anywhere in the key. They come from the operator, keys from anybody: a pattern
with a repetition inside a repetition can take long, and one key is at most
``AddressLimits.key`` characters.
"""

import re
from dataclasses import dataclass

from zope.interface import implementer

from mailframe.delivery.lookups.broken import BrokenTable
from mailframe.delivery.lookups.entries import logical_lines, values
from mailframe.delivery.lookups.watched import FileReader, WatchedTable
from mailframe.interfaces.lookup import ILookup

# [!]/pattern/flags replacement; a slash in the pattern has a backslash before it.
_LINE = re.compile(r"(!?)/((?:[^/\\]|\\.)*+)/([a-z]*)(?:\s+(.*))?", re.DOTALL)
_GROUP = re.compile(r"\$(?:\$|([0-9])|\{([0-9]{1,2})\})")


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    wanted: bool
    values: tuple[str, ...]


@implementer(ILookup)
class PatternFile(WatchedTable[list[_Rule]]):
    """One file of patterns."""

    async def lookup(self, key: str) -> list[str] | None:
        """Return the values of the first pattern that matches."""
        for rule in await self.current():
            match = rule.pattern.search(key)
            if (match is not None) is rule.wanted:
                return [_filled(value, match) for value in rule.values]
        return None

    def parse(self, reader: FileReader) -> list[_Rule]:
        """Read the patterns.

        Raises:
            BrokenTable: A line is not one.
        """
        path = self.path
        return [
            _rule(path, number, line)
            for number, line in logical_lines(path, reader.read(path))
        ]


def _rule(path: str, number: int, line: str) -> _Rule:
    match = _LINE.fullmatch(line)
    if match is None:
        raise BrokenTable(path, number, "not /pattern/flags value")
    negated, text, flags, rest = match.groups()
    if flags not in ("", "i"):
        raise BrokenTable(path, number, f"there is no flag {flags!r}")
    try:
        pattern = re.compile(
            text.replace("\\/", "/"), re.IGNORECASE if flags else re.NOFLAG
        )
    except re.error as error:
        raise BrokenTable(path, number, f"not a pattern: {error}") from None
    found = tuple(values(path, number, rest or ""))
    highest = 0 if negated else pattern.groups
    for value in found:
        for group in _GROUP.finditer(value):
            if int(group[1] or group[2] or 0) > highest:
                raise BrokenTable(path, number, f"there is no group {group[0]}")
    return _Rule(pattern, not negated, found)


def _filled(value: str, match: re.Match[str] | None) -> str:
    """Return a value with the groups of a match put in."""

    def group(found: re.Match[str]) -> str:
        number = found[1] or found[2]
        if number is None:
            return "$"
        return (match[int(number)] or "") if match is not None else ""

    return _GROUP.sub(group, value)
