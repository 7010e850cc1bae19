"""What SEARCH can ask of a message, and how the questions combine.

A column key picks rows out of the view, all in one comprehension. Every other
key is asked message by message, and may say ``None``: more of the message must
be known. So what is cheap decides first, and few messages are ever read.

Source: RFC 3501 section 6.4.4, RFC 9051 section 6.4.4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import ClassVar, Protocol

from mailframe.imap.fetch_items import Rows
from mailframe.imap.sequence import SequenceSet
from mailframe.mime.date import sent_day
from mailframe.mime.header import unfolded_lines
from mailframe.mime.structure import Part, structure
from mailframe.mime.text import casemap, decode_words, searchable_parts

DAY = 86_400
EPOCH_DAY = date(1970, 1, 1).toordinal()


class Level(IntEnum):
    """What must be known of a message to answer a key, cheapest first."""

    COLUMN = 0
    SENT = 1
    HEADER = 2
    CONTENT = 3


class Candidate:
    """A message that may match, as far as it is known.

    Attributes:
        row: Its row in the view.
        chosen: For each column key that is part of another, by ``id``: the
            rows that match it.
        sent: When its Date field says it was sent, seconds since 1970, or
            ``None`` without one. Known before the header where it is asked for.
        header: Its header, ``None`` when not known yet.
        octets: The whole message, ``None`` when not known yet.
    """

    __slots__ = (
        "_lower",
        "_root",
        "_texts",
        "chosen",
        "header",
        "octets",
        "row",
        "sent",
    )

    def __init__(self, row: int, chosen: dict[int, frozenset[int]]) -> None:
        """Begin with a message of which nothing is known.

        Args:
            row: Its row in the view.
            chosen: The rows that match each column key, by the key's ``id``.
        """
        self.row = row
        self.chosen = chosen
        self.sent: int | None = None
        self.header: bytes | None = None
        self.octets: bytes | None = None
        self._lower: bytes | None = None
        self._texts: list[str] | None = None
        self._root: Part | None = None

    def values(self, header: bytes, name: bytes) -> Iterator[bytes]:
        """Yield the values of a field as they stand, folded.

        Args:
            header: The header.
            name: In lower case.
        """
        lower = self._lowered(header)
        wanted = b"\n" + name
        at = lower.find(wanted)
        while at >= 0:
            start = at + len(wanted)
            stop = lower.find(b"\n", start)
            while stop >= 0 and lower[stop + 1 : stop + 2] in (b" ", b"\t"):
                stop = lower.find(b"\n", stop + 1)
            if stop < 0:
                stop = len(lower)
            # One octet was put before the header, so places differ by one.
            before, colon, value = header[start - 1 : stop - 1].partition(b":")
            if colon and not before.strip(b" \t"):
                yield value
            at = lower.find(wanted, stop)

    def may_contain(self, header: bytes, octets: bytes) -> bool:
        """Tell whether some decoded field can have ``octets`` in it.

        Args:
            header: The header.
            octets: ASCII in lower case, without white space.
        """
        lower = self._lowered(header)
        return octets in lower or b"=?" in header or not header.isascii()

    def _lowered(self, header: bytes) -> bytes:
        """Return the header in lower case, with a line end before it."""
        if self._lower is None:
            self._lower = b"\n" + header.lower()
        return self._lower

    def structure(self, octets: bytes) -> Part:
        """Return the parts of the message."""
        if self._root is None:
            self._root = structure(octets)
        return self._root

    def texts(self, octets: bytes) -> list[str]:
        """Return the texts of the body, decoded, ready to compare."""
        if self._texts is None:
            parts = searchable_parts(octets, self.structure(octets))
            self._texts = [casemap(text) for text in parts]
        return self._texts


class SearchKey(Protocol):
    """A question about a message; frozen and hashable."""

    @property
    def level(self) -> Level:
        """What must be known to answer at worst."""

    def test(self, message: Candidate) -> bool | None:
        """Tell whether it matches, ``None`` if that needs more of it."""


class ColumnKey:
    """A key that the view alone answers; ``level`` is always COLUMN."""

    __slots__ = ()
    level: ClassVar[Level] = Level.COLUMN

    def select(self, rows: Rows) -> list[int]:
        """Return those of ``rows.indices`` that match, ascending.

        Raises:
            BadSyntax: It names a message number beyond the mailbox.
        """
        raise NotImplementedError

    def test(self, message: Candidate) -> bool:
        """Tell whether the message is among those selected before."""
        return message.row in message.chosen[id(self)]


@dataclass(frozen=True, slots=True)
class And:
    """All of some keys; every message when there are none.

    Attributes:
        keys: Cheapest first.
        level: The highest of theirs.
        depth: How many keys are inside each other below.
    """

    keys: tuple[SearchKey, ...]
    level: Level
    depth: int

    def test(self, message: Candidate) -> bool | None:
        """Tell whether all match."""
        verdict: bool | None = True
        for key in self.keys:
            one = key.test(message)
            if one is False:
                return False
            if one is None:
                verdict = None
        return verdict


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of some keys; attributes as for :class:`And`."""

    keys: tuple[SearchKey, ...]
    level: Level
    depth: int

    def test(self, message: Candidate) -> bool | None:
        """Tell whether any matches."""
        verdict: bool | None = False
        for key in self.keys:
            one = key.test(message)
            if one:
                return True
            if one is None:
                verdict = None
        return verdict


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a key."""

    key: SearchKey
    level: Level
    depth: int

    def test(self, message: Candidate) -> bool | None:
        """Tell whether the key does not match."""
        verdict = self.key.test(message)
        return None if verdict is None else not verdict


@dataclass(frozen=True, slots=True)
class HasFlag(ColumnKey):
    """Whether a flag is set, or is not.

    Attributes:
        flag: A system flag, or a keyword in any case.
        present: Whether it must be set.
    """

    flag: str
    present: bool = True

    def select(self, rows: Rows) -> list[int]:
        """Return the rows whose flags have it, or have it not."""
        flags = rows.take(rows.listing.flags)
        wanted = self.flag.casefold()
        # There are few different sets among any number of messages.
        having = {
            those
            for those in set(flags)
            if any(flag.casefold() == wanted for flag in those) is self.present
        }
        return [
            row
            for row, those in zip(rows.indices, flags, strict=True)
            if those in having
        ]


@dataclass(frozen=True, slots=True)
class Recent(ColumnKey):
    """Whether a message is recent in this session, or is not."""

    present: bool = True

    def select(self, rows: Rows) -> list[int]:
        """Return the rows that are recent, or are not."""
        recent = set[int]()
        for start, stop in rows.recent.slices(rows.listing.uids):
            recent.update(range(start, stop))
        return [row for row in rows.indices if (row in recent) is self.present]


@dataclass(frozen=True, slots=True)
class InternalDate(ColumnKey):
    """Whether the internal date is in some days of UTC.

    Attributes:
        first: Seconds since 1970 at which they begin; ``None`` for no bound.
        end: At which they are over; ``None`` for no bound.
    """

    first: int | None
    end: int | None

    def select(self, rows: Rows) -> list[int]:
        """Return the rows with a date in them."""
        dated = zip(rows.indices, rows.take(rows.listing.dates), strict=True)
        first, end = self.first, self.end
        if first is None and end is not None:
            return [row for row, when in dated if when < end]
        if end is None and first is not None:
            return [row for row, when in dated if when >= first]
        return [row for row, when in dated if (first or 0) <= when < (end or 0)]


@dataclass(frozen=True, slots=True)
class Size(ColumnKey):
    """Whether a message has more octets than a number, or fewer."""

    octets: int
    larger: bool

    def select(self, rows: Rows) -> list[int]:
        """Return the rows of such a size."""
        sized = zip(rows.indices, rows.take(rows.listing.sizes), strict=True)
        if self.larger:
            return [row for row, size in sized if size > self.octets]
        return [row for row, size in sized if size < self.octets]


@dataclass(frozen=True, slots=True)
class Messages(ColumnKey):
    """Whether a message is in a set of numbers or UIDs."""

    messages: SequenceSet
    by_uid: bool

    def select(self, rows: Rows) -> list[int]:
        """Return the rows in the set."""
        column = rows.listing.uids
        found: list[int] = []
        for start, stop in self.messages.to_uids(column, self.by_uid).slices(column):
            found += range(start, stop)
        if isinstance(rows.indices, range):
            return found
        wanted = set(found)
        return [row for row in rows.indices if row in wanted]


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
        """Compare the days; near a bound the field itself must be seen."""
        if message.header is not None:
            value = next(message.values(message.header, b"date"), None)
            day = None if value is None else sent_day(b" ".join(value.split()))
            if day is None:
                return False
            ordinal = day.toordinal()
            return (self.first or 0) <= ordinal and (
                self.end is None or ordinal < self.end
            )
        if message.sent is None:
            return False
        # The day in UTC and the day as written are at most one apart.
        ordinal = message.sent // DAY + EPOCH_DAY
        if self.first is not None and ordinal < self.first - 1:
            return False
        if self.end is not None and ordinal > self.end:
            return False
        past_first = self.first is None or ordinal > self.first
        before_end = self.end is None or ordinal < self.end - 1
        return True if past_first and before_end else None


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

    def test(self, message: Candidate) -> bool | None:
        """Look at every field of that name."""
        header = message.header
        if header is None:
            return None
        octets = _plain(self.text)
        if octets and not message.may_contain(header, octets):
            return False
        values = message.values(header, self.name)
        if not self.text:
            return next(values, None) is not None
        return any(self.text in casemap(decode_words(value)) for value in values)


@dataclass(frozen=True, slots=True)
class Body:
    """Whether the texts of the body contain a text, given after casemap."""

    text: str
    level: ClassVar[Level] = Level.CONTENT

    def test(self, message: Candidate) -> bool | None:
        """Look at every text part."""
        if not self.text:
            return True
        if message.octets is None:
            return None
        return any(self.text in text for text in message.texts(message.octets))


@dataclass(frozen=True, slots=True)
class Text:
    """Whether header, MIME headers or body contain a text, after casemap."""

    text: str
    level: ClassVar[Level] = Level.CONTENT

    def test(self, message: Candidate) -> bool | None:
        """Look at the header, then everywhere."""
        if not self.text:
            return True
        if message.header is not None and self.text in _header_text(
            message.header, 0, len(message.header)
        ):
            return True
        octets = message.octets
        if octets is None:
            return None
        return any(self.text in text for text in message.texts(octets)) or any(
            self.text in _header_text(octets, part.header_start, part.body_start)
            for part in _below(message.structure(octets))
        )


def _plain(text: str) -> bytes:
    """Return a casemapped text as it is found in a plain header, or nothing."""
    if not text.isascii() or any(character.isspace() for character in text):
        return b""
    return text.lower().encode("ascii")


def _header_text(octets: bytes, start: int, stop: int) -> str:
    lines = unfolded_lines(octets, start, stop)
    return casemap("\n".join(map(decode_words, lines)))


def _below(root: Part) -> Iterator[Part]:
    waiting = list(root.children)
    while waiting:
        part = waiting.pop()
        yield part
        waiting += part.children


def all_of(keys: Sequence[SearchKey]) -> SearchKey:
    """Return the key that asks for all of ``keys``; for nothing when empty."""
    flat: list[SearchKey] = []
    for key in keys:
        flat.extend(key.keys if isinstance(key, And) else (key,))
    if len(flat) == 1:
        return flat[0]
    return And(*_joined(flat))


def any_of(keys: Sequence[SearchKey]) -> SearchKey:
    """Return the key that asks for at least one of ``keys``."""
    flat: list[SearchKey] = []
    for key in keys:
        flat.extend(key.keys if isinstance(key, Or) else (key,))
    return Or(*_joined(flat))


def none_of(key: SearchKey) -> SearchKey:
    """Return the opposite of ``key``."""
    if isinstance(key, Not):
        return key.key
    return Not(key, key.level, depth(key) + 1)


def depth(key: SearchKey) -> int:
    """Return how many keys are inside each other in ``key``."""
    return key.depth if isinstance(key, And | Or | Not) else 0


def _joined(keys: list[SearchKey]) -> tuple[tuple[SearchKey, ...], Level, int]:
    keys.sort(key=lambda key: key.level)
    level = keys[-1].level if keys else Level.COLUMN
    return tuple(keys), level, max(map(depth, keys), default=0) + 1
