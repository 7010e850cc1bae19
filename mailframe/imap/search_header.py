"""What SEARCH can ask of headers: of many at once, in one buffer.

The headers of a batch are joined and looked through at C speed. Only a value
with encoded words or octets beyond ASCII is decoded by itself.

Source: RFC 9051 section 6.4.4 (FROM, HEADER, SENTSINCE and their like).
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import ClassVar

from mailframe.imap.criterion import DAY, EPOCH_DAY, Candidate, Level
from mailframe.mime.date import sent_day
from mailframe.mime.header import unfold
from mailframe.mime.text import casemap, decode_words

# A header ends in an empty line, but for a message that is all header: two
# line ends keep its last field apart from the first line of the next header.
_BETWEEN = b"\n\n"
_FOREVER = 2**62
_FEW = 8
"""One value in so many is worth being looked for in its message."""


@lru_cache(maxsize=256)
def _field(name: bytes) -> re.Pattern[bytes]:
    """Return what finds a field's value in headers, each behind a line end."""
    return re.compile(
        rb"\n(?i:%b)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)" % re.escape(name)
    )


def values_of(header: bytes, name: bytes) -> list[bytes]:
    """Return the values of a field in one header, folded.

    Args:
        header: Of one message.
        name: Its case does not matter.
    """
    return _field(name).findall(b"\n" + header)


class HeaderBatch:
    """The headers of some messages, joined."""

    __slots__ = ("_headers", "_joined", "_values")

    def __init__(self, headers: Sequence[bytes]) -> None:
        """Join headers; message *i* of the batch is ``headers[i]``."""
        self._headers = headers
        self._joined = _BETWEEN.join([b"", *headers])
        self._values: dict[bytes, list[bytes]] = {}

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a field in all messages, folded.

        Args:
            name: In lower case.
        """
        if name not in self._values:
            self._values[name] = _field(name).findall(self._joined)
        return self._values[name]

    def owners(self, name: bytes, places: Sequence[int]) -> set[int]:
        """Return the messages that have some values of a field.

        Args:
            name: In lower case.
            places: Indices into ``values(name)``.
        """
        values, count = self.values(name), len(self._headers)
        # Most messages have a field just once: there are as many values as
        # messages then. If each message really has the value at its place, no
        # other can have any of these, for there are no more than places.
        if len(values) == count > _FEW * len(places) and all(
            values[place] in values_of(self._headers[place], name) for place in places
        ):
            return set(places)
        lengths = (len(header) + len(_BETWEEN) for header in self._headers)
        starts = list(accumulate(lengths, initial=len(_BETWEEN)))
        found = [field.start() for field in _field(name).finditer(self._joined)]
        return {bisect_right(starts, found[place] + 1) - 1 for place in places}


@dataclass(frozen=True, slots=True)
class Header:
    """Whether a field's decoded value contains a text.

    Attributes:
        name: Of the field, in lower case.
        text: After :func:`casemap`; any field of that name will do when empty.
    """

    name: bytes
    text: str
    level: ClassVar[Level] = Level.HEADER

    @property
    def octets(self) -> bytes | None:
        """What must stand in a plain header, ``None`` if that is not one text."""
        plain, bare = _plain(self.text)
        return plain if plain and bare else None

    def select(self, batch: HeaderBatch) -> set[int]:
        """Return which messages of a batch match."""
        values = batch.values(self.name)
        places = self._places(values) if self.text else range(len(values))
        return batch.owners(self.name, places) if places else set()

    def _places(self, values: list[bytes]) -> list[int]:
        """Return which values match."""
        text = _BETWEEN.join(values).lower()
        plain, bare = _plain(self.text)
        encoded = b"=?" in text
        is_ascii = text.isascii()
        if is_ascii and not encoded and (plain is None or (bare and plain not in text)):
            return []
        return [
            place
            for place, value in enumerate(text.split(_BETWEEN))
            if (
                self.text in casemap(decode_words(values[place]))
                if (encoded and b"=?" in value) or not (is_ascii or value.isascii())
                else plain is not None
                and (plain in value if bare else plain in unfold(value))
            )
        ]

    def test(self, message: Candidate) -> bool | None:
        """Look at every field of that name."""
        if message.header is None:
            return None
        values = values_of(message.header, self.name)
        if not self.text:
            return bool(values)
        return any(self.text in casemap(decode_words(value)) for value in values)


@lru_cache(maxsize=256)
def _plain(text: str) -> tuple[bytes | None, bool]:
    """Return how a text stands in a value of ASCII, and if no fold can split it."""
    if not text.isascii():
        return None, False
    bare = not any(character.isspace() for character in text)
    return text.lower().encode("ascii"), bare


@dataclass(frozen=True, slots=True)
class Sent:
    """Whether the Date field, zone and time disregarded, is in some days.

    Attributes:
        first: First day as an ordinal, ``None`` for no bound.
        end: Day after the last, ``None`` for no bound.
    """

    first: int | None
    end: int | None
    level: ClassVar[Level] = Level.SENT

    def test(self, message: Candidate) -> bool | None:
        """Look at the first Date field."""
        if message.header is None:
            return None
        values = values_of(message.header, b"date")
        day = sent_day(b" ".join(values[0].split())) if values else None
        if day is None:
            return False
        ordinal = day.toordinal()
        return (self.first or 0) <= ordinal and (self.end is None or ordinal < self.end)

    def select(self, moments: Mapping[int, int]) -> tuple[set[int], set[int]]:
        """Return the rows surely, and perhaps, sent on these days.

        The day in UTC and the day as written are at most one apart.

        Args:
            moments: When the message of each row was sent, seconds since 1970.
        """
        first = -_FOREVER if self.first is None else (self.first - EPOCH_DAY) * DAY
        end = _FOREVER if self.end is None else (self.end - EPOCH_DAY) * DAY
        low, high = first - DAY, end + DAY
        perhaps = {row for row, when in moments.items() if low <= when < high}
        low, high = first + DAY, end - DAY
        return {row for row in perhaps if low <= moments[row] < high}, perhaps
