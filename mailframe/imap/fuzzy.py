"""Matching that forgives: words that are alike, dates and sizes that are near.

A text matches when each of its words is like a word of the message. How well,
is a score from 1 to 100: what is there exactly has 100, and what is found in
the body counts less than what is found in the header.

Source: RFC 6203 sections 3 to 5.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from mailframe.imap.criterion import (
    DAY,
    And,
    Binding,
    Candidate,
    Fuzzy,
    GradedColumnKey,
    InternalDate,
    Level,
    Or,
    SearchKey,
    SearchRows,
    Size,
    UnboundKey,
    all_of,
    any_of,
)
from mailframe.imap.search_header import Header, values_of
from mailframe.imap.search_text import Body, Text, header_text
from mailframe.mime.text import casemap, decode_words

_WORD = re.compile(r"\w+")
_WORDS_MAX = 50
"""Words of one text that are looked for, the first ones."""
_LONGEST = 40
"""Characters of a word that are compared."""
_SIMILARITIES_MAX = 20_000
_VOWELS = dict.fromkeys(map(ord, "AEIOUY"))
_IN_BODY = 0.8
_DAYS_NEAR = 7
_SIZE_NEAR = 0.25


class _Similarity(dict[str, int]):
    """How like one word others are, found out when each is first met."""

    def __init__(self, word: str) -> None:
        """Compare with ``word``."""
        self._word = word

    def __missing__(self, other: str) -> int:
        if len(self) >= _SIMILARITIES_MAX:
            self.clear()
        found = self[other] = similarity(self._word, other)
        return found


@lru_cache(maxsize=64)
def _similarities(word: str) -> _Similarity:
    return _Similarity(word)


def similarity(word: str, other: str) -> int:
    """Return how like two words are: 100 for the same, 0 for nothing alike.

    Short words must be the same. A word within another, one or two letters
    that differ, the same consonants, and a common beginning are alike.

    Args:
        word: After casemap.
        other: After casemap.
    """
    if word == other:
        return 100
    short, long = sorted((word[:_LONGEST], other[:_LONGEST]), key=len)
    if len(short) < 3:
        return 0
    if long.startswith(short):
        return 90 - min(40, 5 * (len(long) - len(short)))
    # From four letters one may differ, from eight two.
    allowed = min(2, len(long) // 4)
    if len(long) - len(short) <= allowed:
        apart = _distance(short, long, allowed)
        if apart <= allowed:
            return 85 - 20 * apart
    if short in long:
        return 50
    # swim, swam, swum; break, broken.
    bones, others = short.translate(_VOWELS), long.translate(_VOWELS)
    if len(bones) >= 3 and others.startswith(bones):
        return 45
    common = next(
        (place for place in range(len(short)) if short[place] != long[place]),
        len(short),
    )
    return 40 if common >= 4 and 2 * common >= len(long) else 0


def _distance(short: str, long: str, most: int) -> int:
    """Return in how many letters two words differ, or more than ``most``.

    A letter that is missing, too much, another, or swapped with its neighbour
    counts as one.
    """
    before_last: list[int] = []
    last = list(range(len(long) + 1))
    for row, letter in enumerate(short, 1):
        line = [row]
        for column, other in enumerate(long, 1):
            least = min(
                last[column] + 1,
                line[-1] + 1,
                last[column - 1] + (letter != other),
            )
            if (
                row > 1
                and column > 1
                and letter == long[column - 2]
                and short[row - 2] == other
            ):
                least = min(least, before_last[column - 2] + 1)
            line.append(least)
        if min(line) > most:
            return most + 1
        before_last, last = last, line
    return last[-1]


def grade(text: str, contents: Iterable[str]) -> int:
    """Return how well texts match what is looked for, 0 for not at all.

    Args:
        text: What is looked for, after casemap.
        contents: Texts, after casemap.
    """
    words: set[str] = set()
    for content in contents:
        if text in content:
            return 100
        words.update(_WORD.findall(content))
    total = 0
    wanted = _WORD.findall(text)[:_WORDS_MAX]
    for word in wanted:
        if word in words:
            total += 100
            continue
        best = max(map(_similarities(word).__getitem__, words), default=0)
        if not best:
            return 0
        total += best
    # Words that are all there, but not together, are less than a match.
    return max(1, round(0.9 * total / len(wanted))) if wanted else 0


@dataclass(frozen=True, slots=True)
class FuzzyHeader(Fuzzy):
    """Whether a field has words like some."""

    name: bytes
    text: str
    level: ClassVar[Level] = Level.HEADER

    def test(self, message: Candidate) -> bool | None:
        """Grade every field of that name."""
        if message.header is None:
            return None
        values = values_of(message.header, self.name)
        texts = (casemap(decode_words(value)) for value in values)
        return _scored(self, message, grade(self.text, texts))


@dataclass(frozen=True, slots=True)
class FuzzyBody(Fuzzy):
    """Whether the body has words like some."""

    text: str
    level: ClassVar[Level] = Level.CONTENT

    def test(self, message: Candidate) -> bool | None:
        """Grade the text parts."""
        if message.octets is None:
            return None
        texts = message.texts(message.octets)
        return _scored(self, message, grade(self.text, texts))


@dataclass(frozen=True, slots=True)
class FuzzyText(Fuzzy):
    """Whether header or body have words like some."""

    text: str
    level: ClassVar[Level] = Level.CONTENT

    def test(self, message: Candidate) -> bool | None:
        """Grade the header, then all."""
        if message.header is None or message.octets is None:
            return None
        header = header_text(message.header, 0, len(message.header))
        score = grade(self.text, (header,))
        if score < 100:
            body = grade(self.text, (*message.texts(message.octets), header))
            score = max(score, round(_IN_BODY * body))
        return _scored(self, message, score)


def _scored(key: SearchKey, message: Candidate, score: int) -> bool:
    if score:
        message.scores[id(key)] = score
    return score > 0


@dataclass(frozen=True, slots=True)
class FuzzyDate(GradedColumnKey):
    """Whether the internal date is in or near some days.

    Attributes:
        exact: The days.
    """

    exact: InternalDate

    def select(self, rows: SearchRows) -> list[int]:
        """Return the rows with a date less than a week away."""
        return list(self.grades(rows))

    def grades(self, rows: SearchRows) -> dict[int, int]:
        """Return less for each day that a date is away."""
        first, end = self.exact.first, self.exact.end
        found = {}
        for row, date in zip(rows.indices, rows.take(rows.listing.dates), strict=True):
            early = 0 if first is None else first - date
            late = 0 if end is None else date - end + 1
            score = _near(max(early, late, 0) / DAY, _DAYS_NEAR)
            if score:
                found[row] = score
        return found


@dataclass(frozen=True, slots=True)
class FuzzySize(GradedColumnKey):
    """Whether a message is about as large, or small, as it should be.

    Attributes:
        exact: The bound.
    """

    exact: Size

    def select(self, rows: SearchRows) -> list[int]:
        """Return the rows of such a size, or a quarter off."""
        return list(self.grades(rows))

    def grades(self, rows: SearchRows) -> dict[int, int]:
        """Return less the farther a size is from the bound."""
        bound = self.exact.octets
        found = {}
        for row, size in zip(rows.indices, rows.take(rows.listing.sizes), strict=True):
            off = bound + 1 - size if self.exact.larger else size - bound + 1
            score = _near(max(off, 0), max(1, bound * _SIZE_NEAR))
            if score:
                found[row] = score
        return found


def _near(off: float, most: float) -> int:
    """Return the score of what is off by a distance, 0 from ``most`` on."""
    return 100 if off <= 0 else max(0, round(100 * (1 - off / most)))


@dataclass(frozen=True, slots=True)
class Marked(GradedColumnKey):
    """Every message: what beside it is matched exactly is part of a fuzzy search."""

    def select(self, rows: SearchRows) -> list[int]:
        """Return all rows."""
        return list(rows.indices)

    def grades(self, rows: SearchRows) -> dict[int, int]:
        """Return no scores."""
        return {}


@dataclass(frozen=True, slots=True)
class FuzzyUnbound(UnboundKey, Fuzzy):
    """What a key stands for, made fuzzy.

    Attributes:
        exact: The key.
    """

    exact: UnboundKey

    async def bind(self, binding: Binding) -> SearchKey:
        """Return the fuzzy form of what it stands for."""
        return fuzzy(await self.exact.bind(binding))


def fuzzy(key: SearchKey) -> SearchKey:
    """Return the fuzzy form of a key.

    Where only an exact match makes sense, it stays exact; so does what is asked
    with NOT.

    Source: RFC 6203 sections 3 and 5.
    """
    if isinstance(key, And):
        return all_of([*map(fuzzy, key.keys), Marked()])
    if isinstance(key, Or):
        return any_of(list(map(fuzzy, key.keys)))
    if isinstance(key, Fuzzy):
        return key
    if isinstance(key, Header) and key.text:
        return FuzzyHeader(key.name, key.text)
    if isinstance(key, Body) and key.text:
        return FuzzyBody(key.text)
    if isinstance(key, Text) and key.text:
        return FuzzyText(key.text)
    if isinstance(key, InternalDate):
        return FuzzyDate(key)
    if isinstance(key, Size):
        return FuzzySize(key)
    if isinstance(key, UnboundKey):
        return FuzzyUnbound(key)
    return all_of((key, Marked()))
