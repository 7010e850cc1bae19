"""SAVEDATE: when a message came into its mailbox.

Capability ``SAVEDATE``, RFC 8514, after login, for an account that knows it.

Source: RFC 8514 section 4.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mailframe.imap.command import Extension
from mailframe.imap.criterion import (
    DAY,
    EPOCH_DAY,
    ColumnKey,
    InternalDate,
    SearchKey,
    SearchRows,
)
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import FETCH_ITEMS, ColumnItem, Rows
from mailframe.imap.grammar import date
from mailframe.imap.search_keys import SEARCH_KEYS, KeyParser
from mailframe.imap.serialize import internal_date
from mailframe.imap.session import Session
from mailframe.interfaces.mailbox import ISaveDates


def _column(rows: Rows) -> Iterable[bytes]:
    saved = rows.listing.saved
    if not saved:
        return [b"NIL"] * len(rows.indices)
    return map(internal_date, rows.take(saved))


SAVEDATE = ColumnItem(b"SAVEDATE", b"SAVEDATE %b", _column, constant=True)


@dataclass(frozen=True, slots=True)
class SaveDate(ColumnKey):
    """Whether a message was saved in some days of UTC.

    In a mailbox that does not know, the internal date stands for it.

    Attributes:
        first: Seconds since 1970 at which they begin; ``None`` for no bound.
        end: At which they are over; ``None`` for no bound.

    Source: RFC 8514 section 4.3.
    """

    first: int | None
    end: int | None

    def select(self, rows: SearchRows) -> list[int]:
        """Return the rows saved in them."""
        if not rows.listing.saved:
            return InternalDate(self.first, self.end).select(rows)
        first, end = self.first, self.end
        return [
            row
            for row, when in zip(
                rows.indices, rows.take(rows.listing.saved), strict=True
            )
            if (first is None or when >= first) and (end is None or when < end)
        ]


@dataclass(frozen=True, slots=True)
class Supported(ColumnKey):
    """Whether the mailbox knows when its messages were saved."""

    def select(self, rows: SearchRows) -> list[int]:
        """Return all rows, or none."""
        return list(rows.indices) if rows.listing.saved else []


def _key(before: bool = False, since: bool = False) -> KeyParser:
    def parse(cursor: Cursor, charset: str) -> SearchKey:
        cursor.space()
        day = (date(cursor).toordinal() - EPOCH_DAY) * DAY
        return SaveDate(
            None if before else day,
            day if before else None if since else day + DAY,
        )

    return parse


def _announced(session: Session) -> bool:
    return ISaveDates.providedBy(session.account)


FETCH_ITEMS[b"SAVEDATE"] = lambda cursor: SAVEDATE
SEARCH_KEYS[b"SAVEDBEFORE"] = _key(before=True)
SEARCH_KEYS[b"SAVEDON"] = _key()
SEARCH_KEYS[b"SAVEDSINCE"] = _key(since=True)
SEARCH_KEYS[b"SAVEDATESUPPORTED"] = lambda cursor, charset: Supported()

EXTENSION = Extension(b"SAVEDATE", announced=_announced)
