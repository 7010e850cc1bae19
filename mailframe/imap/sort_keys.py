"""Putting messages in order: what they are compared by, column by column.

:data:`SORT_KEYS` is a table, so that an extension adds a row when it is
imported and nothing here changes.

Source: RFC 5256 section 3 (SORT).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailframe.errors import BadSyntax, TooLarge
from mailframe.imap.context import MessageContext
from mailframe.imap.cursor import Cursor
from mailframe.imap.loading import rows_of
from mailframe.imap.search_run import Found
from mailframe.imap.worked_out import WORKED_OUT, Column
from mailframe.interfaces.mailbox import SummaryField
from mailframe.mime.text import casemap
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet

_NAME = re.compile(rb"[A-Z]+", re.IGNORECASE)
_CRITERIA_MAX = 20
_ROWS = 2000
"""Messages asked for summaries at once."""
_NONE = UIDSet.EMPTY
_UNDECODABLE = "\ufffd"
_LAST = "\U0010ffff"


def collation_key(text: str) -> str:
    """Return what a text is put in order by.

    That is i;unicode-casemap. Behind all such texts come those whose octets their
    charset did not allow, as they are; decoding has put U+FFFD there.

    Source: RFC 5255 section 4.6.
    """
    return casemap(text) if _UNDECODABLE not in text else _LAST + text


@dataclass(slots=True)
class Columns:
    """What is known of the messages that are put in order.

    Attributes:
        uids: Which, ascending.
        dates: Their internal dates.
        sizes: Their sizes.
        kept: Columns of summaries.
        scores: How well they match, by UID.
    """

    uids: Sequence[int]
    dates: Sequence[int]
    sizes: Sequence[int]
    kept: dict[SummaryField, list[Any]]
    scores: Mapping[int, int] = field(default_factory=dict)

    def sent(self) -> list[int]:
        """Return the sent dates, internal dates where there are none.

        Source: RFC 5256 section 2.2.
        """
        return [
            date if sent is None else sent
            for sent, date in zip(self.kept["sent"], self.dates, strict=True)
        ]

    def texts(self, name: SummaryField) -> list[str]:
        """Return what a column of texts is put in order by."""
        return list(map(collation_key, self.kept[name]))


@dataclass(frozen=True, slots=True)
class SortKey:
    """What messages can be sorted by.

    Attributes:
        column: Returns what is compared, a value for each message.
        fields: The kept answers it needs.
        fuzzy: Whether it needs a fuzzy search (RFC 6203 section 6).
    """

    column: Callable[[Columns], Sequence[Any]]
    fields: tuple[SummaryField, ...] = ()
    fuzzy: bool = False


def _text_key(name: SummaryField) -> SortKey:
    return SortKey(lambda columns: columns.texts(name), (name,))


SORT_KEYS: dict[bytes, SortKey] = {
    b"ARRIVAL": SortKey(lambda columns: columns.dates),
    b"CC": _text_key("sort_cc"),
    b"DATE": SortKey(Columns.sent, ("sent",)),
    b"FROM": _text_key("sort_from"),
    b"SIZE": SortKey(lambda columns: columns.sizes),
    b"SUBJECT": _text_key("subject"),
    b"TO": _text_key("sort_to"),
}
"""By name in capitals."""


@dataclass(frozen=True, slots=True)
class SortOrder:
    """The order a client asks for.

    Attributes:
        criteria: Keys, the most important first, each with whether it is
            reversed.
    """

    criteria: tuple[tuple[SortKey, bool], ...]

    @property
    def fuzzy(self) -> bool:
        """Whether it is an order of what a fuzzy search has found."""
        return any(key.fuzzy for key, _ in self.criteria)

    async def arrange(self, context: MessageContext, found: Found) -> list[int]:
        """Return the UIDs of what was found in this order.

        Messages that compare as equal stay in the order of the mailbox, with
        REVERSE too.

        Source: RFC 5256 section 3 (SORT).
        """
        if self.fuzzy:
            return await self._arranged(context, found)
        # Orders hold: messages may only be missing from them, or be too many.
        uids, order = WORKED_OUT.get(context.mailbox, self.criteria) or (_NONE, [])
        if found.uids - uids:
            order = await self._arranged(context, Found(found.uids | uids, {}))
            uids = UIDSet.of(order)
            WORKED_OUT.put(context.mailbox, self.criteria, (uids, order), len(order))
        if uids == found.uids:
            return list(order)
        wanted = set(found.uids & uids)
        return [uid for uid in order if uid in wanted]

    async def _arranged(self, context: MessageContext, found: Found) -> list[int]:
        fields = {name: None for key, _ in self.criteria for name in key.fields}
        columns = await read_columns(context, found.uids, tuple(fields))
        columns.scores = found.scores
        places = list(range(len(columns.uids)))
        for key, reverse in reversed(self.criteria):
            column = key.column(columns)
            places.sort(key=column.__getitem__, reverse=reverse)
        uids = columns.uids
        return [uids[place] for place in places]


def sort_order(cursor: Cursor) -> SortOrder:
    """Read ``sort-criteria``.

    Raises:
        BadSyntax: There is none here.
        TooLarge: There are too many.

    Source: RFC 5256 section 5 (sort-criteria).
    """
    cursor.expect(b"(", "sort criteria in parentheses")
    criteria: list[tuple[SortKey, bool]] = []
    while True:
        reverse = cursor.accept(b"REVERSE ")
        start = cursor.position
        named = cursor.match(_NAME)
        key = SORT_KEYS.get(named[0].upper()) if named else None
        if key is None:
            raise BadSyntax("a sort criterion", start)
        criteria.append((key, reverse))
        if len(criteria) > _CRITERIA_MAX:
            raise TooLarge("fewer sort criteria", start)
        if not cursor.accept(b" "):
            cursor.expect(b")")
            return SortOrder(tuple(criteria))


async def read_columns(
    context: MessageContext, uids: UIDSet, fields: Sequence[SummaryField]
) -> Columns:
    """Return what is known of messages, those that are gone left out.

    Args:
        context: The view they are in.
        uids: Which messages.
        fields: The kept answers needed; may be none.

    Raises:
        NoSuchMailbox: The mailbox was deleted.
        TemporaryFailure: Summaries cannot be read now.
    """
    listing = context.listing
    rows = list(rows_of(uids, listing))
    asked = [listing.uids[row] for row in rows]
    columns = [
        WORKED_OUT.column(context.mailbox, ("field", name), len(listing.uids))
        for name in fields
    ]
    missing = _missing(asked, columns)
    for start in range(0, len(missing), _ROWS):
        found, *read = await context.mailbox.summaries(
            UIDSet.of(missing[start : start + _ROWS]), fields
        )
        for column, values in zip(columns, read, strict=True):
            column.add(found, values)
        waiting = context.pause()
        if waiting is not None:
            await waiting
    if missing:
        gone = set(_missing(missing, columns))
        rows = [row for row in rows if listing.uids[row] not in gone]
        asked = [listing.uids[row] for row in rows]
    kept = {
        name: column.of(asked) for name, column in zip(fields, columns, strict=True)
    }
    return Columns(asked, *_dated(listing, rows), kept)


def _missing(uids: Sequence[int], columns: Iterable[Column]) -> list[int]:
    """Return the messages that have no value in some column."""
    return sorted({uid for column in columns for uid in column.missing(uids)})


def _dated(listing: Listing, rows: Sequence[int]) -> tuple[list[int], list[int]]:
    return [listing.dates[row] for row in rows], [listing.sizes[row] for row in rows]
