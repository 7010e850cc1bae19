"""What SEARCH can ask of the columns of a view, and how all questions combine.

A column key picks rows out of the view, all in one comprehension. Every other
key is asked message by message, and may say ``None``: more of the message must
be known. So what is cheap decides first, and few messages are ever read. Those
keys are in :mod:`mailframe.imap.search_header` and
:mod:`mailframe.imap.search_text`.

Source: RFC 3501 section 6.4.4, RFC 9051 section 6.4.4.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import ClassVar, Literal, Protocol

from mailframe.imap.context import MessageContext
from mailframe.imap.fetch_items import Rows
from mailframe.imap.sequence import SequenceSet
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.mime.plain import only_text, plain_capitals
from mailframe.mime.structure import Part, structure
from mailframe.mime.text import casemap, searchable_parts
from mailframe.model.uid_set import UIDSet

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
        header: Its header, ``None`` when not known yet.
        octets: The whole message, ``None`` when not known yet.
        scores: How well it matches each fuzzy key that it matches, 1 to 100,
            by ``id`` (RFC 6203 section 4).
    """

    __slots__ = (
        "_capitals",
        "_root",
        "_texts",
        "chosen",
        "header",
        "octets",
        "row",
        "scores",
    )

    def __init__(self, row: int, chosen: Mapping[int, Container[int]]) -> None:
        """Begin with a message of which nothing is known.

        Args:
            row: Its row in the view.
            chosen: The rows that match each column key, by the key's ``id``.
        """
        self.row = row
        self.chosen = chosen
        self.scores: dict[int, int] = {}
        self.header: bytes | None = None
        self.octets: bytes | None = None
        self._texts: list[str] | None = None
        self._root: Part | None = None
        self._capitals: bytes | Literal[False] | None = False

    def at_sight(self, octets: bytes, text: str) -> bool | None:
        """Tell whether a text of the body has a text, if that is plain to see.

        Args:
            octets: The message.
            text: After casemap.
        """
        if self._capitals is False:
            self._capitals = plain_capitals(octets)
        if self._capitals is None:
            return None
        if not text.isascii() or text.encode() not in self._capitals:
            return False
        only = only_text(octets, self._capitals)
        return None if only is None else text.encode() in only

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


def depends_on_time(key: SearchKey) -> bool:
    """Tell whether what matches may change although no message does."""
    return isinstance(key, ColumnKey) and key.depends_on_time


@dataclass(slots=True)
class SearchRows(Rows):
    """Rows of a view that a column key picks from.

    Attributes:
        now: Seconds since 1970.
    """

    now: float = 0.0


class ColumnKey:
    """A key that the view alone answers; ``level`` is always COLUMN.

    Attributes:
        tells_modseq: Whether the answer has the highest mod-sequence of what
            was found (RFC 7162 section 3.1.5).
        depends_on_time: Whether what matches may change although no message
            does.
    """

    __slots__ = ()
    level: ClassVar[Level] = Level.COLUMN
    tells_modseq: ClassVar[bool] = False
    depends_on_time: ClassVar[bool] = False

    def select(self, rows: SearchRows) -> list[int]:
        """Return those of ``rows.indices`` that match, ascending."""
        raise NotImplementedError

    def test(self, message: Candidate) -> bool:
        """Tell whether the message is among those selected before."""
        return message.row in message.chosen[id(self)]


class Fuzzy:
    """Marks a key that says how well a message matches (RFC 6203 section 4)."""

    __slots__ = ()


class GradedColumnKey(ColumnKey, Fuzzy):
    """A fuzzy key that the view alone answers."""

    __slots__ = ()

    def grades(self, rows: SearchRows) -> dict[int, int]:
        """Return the score of each of the rows that match."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Binding:
    """What a key may ask for before a search begins.

    Attributes:
        context: The view that is searched.
        account: Whose mailbox it is.
    """

    context: MessageContext
    account: IMailAccount


class UnboundKey:
    """A key whose meaning depends on the session, or must be asked for.

    It never takes part in a search itself: ``bind`` says what does.
    """

    __slots__ = ()
    level: ClassVar[Level] = Level.COLUMN

    async def bind(self, binding: Binding) -> SearchKey:
        """Return the key that stands for this one now.

        Raises:
            MailError: There is none.
        """
        raise NotImplementedError

    def test(self, message: Candidate) -> bool | None:
        """Refuse: it was not bound."""
        raise TypeError(f"{type(self)} was not bound")


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

    @property
    def keys(self) -> tuple[SearchKey, ...]:
        """Return the one key in it."""
        return (self.key,)

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

    def select(self, rows: SearchRows) -> list[int]:
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

    def select(self, rows: SearchRows) -> list[int]:
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

    def select(self, rows: SearchRows) -> list[int]:
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

    def select(self, rows: SearchRows) -> list[int]:
        """Return the rows of such a size."""
        sized = zip(rows.indices, rows.take(rows.listing.sizes), strict=True)
        if self.larger:
            return [row for row, size in sized if size > self.octets]
        return [row for row, size in sized if size < self.octets]


@dataclass(frozen=True, slots=True)
class Messages(ColumnKey):
    """Whether a message is in a set of numbers or UIDs.

    A number beyond the mailbox matches nothing; to a search it is no error.

    Source: RFC 7377 section 2.
    """

    messages: SequenceSet
    by_uid: bool

    def select(self, rows: SearchRows) -> list[int]:
        """Return the rows in the set."""
        column = rows.listing.uids
        if self.by_uid:
            return among(rows, self.messages.to_uids(column, by_uid=True))
        indices = rows.indices
        found = set[int]()
        for low, high in self.messages.numbers(len(column)):
            if isinstance(indices, range):
                # The whole view: the ranges are the answer.
                found.update(range(low - 1, high))
            else:
                found.update(row for row in indices if low <= row + 1 <= high)
        return sorted(found)


@dataclass(frozen=True, slots=True)
class Saved(UnboundKey):
    """Whether a message is in the search result variable.

    Source: RFC 5182 section 2.1.
    """

    async def bind(self, binding: Binding) -> SearchKey:
        """Return the messages that are in it now."""
        return UIDs(binding.context.saved)


@dataclass(frozen=True, slots=True)
class UIDs(ColumnKey):
    """Whether a message is one of some."""

    uids: UIDSet

    def select(self, rows: SearchRows) -> list[int]:
        """Return the rows with one of the UIDs."""
        return among(rows, self.uids)


def among(rows: SearchRows, uids: UIDSet) -> list[int]:
    """Return those of ``rows.indices`` that have one of ``uids``, ascending."""
    found: list[int] = []
    for start, stop in uids.slices(rows.listing.uids):
        found += range(start, stop)
    wanted = set(found)
    return [row for row in rows.indices if row in wanted]


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


def leaves(key: SearchKey) -> Iterator[SearchKey]:
    """Yield every key in ``key`` that is not made of others."""
    waiting = [key]
    while waiting:
        key = waiting.pop()
        if isinstance(key, And | Or | Not):
            waiting += key.keys
        else:
            yield key


def rebuilt(key: SearchKey, leaf: Callable[[SearchKey], SearchKey]) -> SearchKey:
    """Return ``key`` with what ``leaf`` makes of each key not made of others."""
    if isinstance(key, And):
        return all_of([rebuilt(one, leaf) for one in key.keys])
    if isinstance(key, Or):
        return any_of([rebuilt(one, leaf) for one in key.keys])
    if isinstance(key, Not):
        return none_of(rebuilt(key.key, leaf))
    return leaf(key)


def _joined(keys: list[SearchKey]) -> tuple[tuple[SearchKey, ...], Level, int]:
    keys.sort(key=lambda key: key.level)
    level = keys[-1].level if keys else Level.COLUMN
    return tuple(keys), level, max(map(depth, keys), default=0) + 1
