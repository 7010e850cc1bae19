"""What was worked out about mailboxes, kept while there is room.

A message never changes but for its flags, so the order of some messages by
their headers, their threads, what they are sorted by and what a response says
of them hold as long as the messages are there. All sessions share them where
the provider says which mailboxes are the same
(:class:`mailframe.interfaces.mailbox.ISharedMailbox`).

Source: RFC 5267 section 4.5 (a server may keep results).
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from functools import partial
from itertools import filterfalse
from typing import Any
from weakref import ref

from mailframe.interfaces.mailbox import IMailbox, ISharedMailbox
from mailframe.limits import WORKED_OUT_OCTETS

_ENTRY = 120
"""Octets that a number or a row takes up beside its value."""

_OBJECT = 40
"""Octets of a value beside what is in it."""

_SURPLUS = 1000
"""Values of messages that are gone, beside as many as there are messages, for
which a column is not yet thrown away."""

Key = tuple[int, Hashable]


class Column:
    """A value for each message that was asked about; some may be gone by now."""

    __slots__ = ("_keeper", "_key", "_values")

    def __init__(self, keeper: "WorkedOut", key: Key) -> None:
        """Begin empty; ``keeper`` is told how many octets more it holds."""
        self._values: dict[int, Any] = {}
        self._keeper = keeper
        self._key = key

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self._values)

    def of(self, uids: Iterable[int]) -> list[Any]:
        """Return the values of some messages, none of them missing."""
        return list(map(self._values.__getitem__, uids))

    def missing(self, uids: Iterable[int]) -> list[int]:
        """Return those of some messages that have no value yet."""
        return list(filterfalse(self._values.__contains__, uids))

    def add(self, uids: Sequence[int], values: Sequence[Any]) -> None:
        """Keep the values of some messages."""
        self._values.update(zip(uids, values, strict=True))
        self._keeper.grown(self._key, self, _octets(values))


class _Entry:
    __slots__ = ("octets", "owner", "value")

    def __init__(self, owner: "ref[Any]", value: Any) -> None:
        self.owner = owner
        self.value = value
        self.octets = 0


class WorkedOut:
    """Answers by mailbox and question; the ones used longest ago go first."""

    def __init__(self, most: int = WORKED_OUT_OCTETS) -> None:
        """Keep nothing yet.

        Args:
            most: How many octets to keep at most, about.
        """
        self._most = most
        self._held = 0
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()

    def get(self, mailbox: IMailbox, question: Hashable) -> Any:
        """Return the last answer to a question, ``None`` if it is not kept.

        Args:
            mailbox: One session's hold on a mailbox.
            question: What was asked.
        """
        found = self._found(_owner(mailbox), question)
        return found and found.value

    def put(
        self, mailbox: IMailbox, question: Hashable, value: Any, numbers: int
    ) -> None:
        """Keep an answer in place of the one before.

        Args:
            mailbox: One session's hold on a mailbox.
            question: What was asked.
            value: The answer, not ``None``.
            numbers: How many it consists of.
        """
        owner = _owner(mailbox)
        key = id(owner), question
        self._begin(key, owner, value)
        self.grown(key, value, _ENTRY * (numbers + 1))

    def column(self, mailbox: IMailbox, question: Hashable, count: int) -> Column:
        """Return the column of values that answer a question message by message.

        It may be let go of here at any time; whoever has it can use it to the
        end of what it is doing.

        Args:
            mailbox: One session's hold on a mailbox.
            question: What was asked.
            count: How many messages there are.
        """
        owner = _owner(mailbox)
        key = id(owner), question
        found = self._found(owner, question)
        if found is not None:
            column: Column = found.value
            if len(column) <= 2 * count + _SURPLUS:
                return column
        made = Column(self, key)
        self._begin(key, owner, made)
        self.grown(key, made, _ENTRY)
        return made

    def _begin(self, key: Key, owner: Any, value: Any) -> None:
        """Keep a value in place of the one before, not counted yet."""
        if key in self._entries:
            self._drop(key)
        self._entries[key] = _Entry(ref(owner, partial(self._gone, key)), value)

    def _gone(self, key: Key, owner: "ref[Any]") -> None:
        """Let go of what is about a mailbox nobody has any more."""
        entry = self._entries.get(key)
        if entry is not None and entry.owner is owner:
            self._drop(key)

    def _found(self, owner: Any, question: Hashable) -> _Entry | None:
        key = id(owner), question
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.owner() is not owner:
            # Another had this place in memory.
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def grown(self, key: Key, value: Any, octets: int) -> None:
        """Count what an answer has become larger by, and make room."""
        entry = self._entries.get(key)
        if entry is None or entry.value is not value:
            return
        entry.octets += octets
        self._held += octets
        if entry.octets > self._most // 2:
            self._drop(key)
        while self._held > self._most:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        self._held -= self._entries.pop(key).octets


def _owner(mailbox: IMailbox) -> Any:
    """Return what is the same for all who have a mailbox open."""
    return mailbox.shared if ISharedMailbox.providedBy(mailbox) else mailbox


def _octets(values: Sequence[Any]) -> int:
    """Return about how much memory values and their places take up."""
    octets = (_ENTRY + _OBJECT) * len(values)
    if values and isinstance(values[0], bytes | str):
        octets += sum(map(len, filter(None, values)))
    elif values and isinstance(values[0], tuple):
        octets += (_ENTRY + _OBJECT) * sum(map(len, values))
    return octets


WORKED_OUT = WorkedOut()
"""What FETCH, SORT and THREAD keep, of all sessions of this process."""
