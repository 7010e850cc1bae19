"""WITHIN: search by how long ago messages came.

Capability ``WITHIN``, RFC 5032, after login.

Source: RFC 5032 section 2.
"""

from dataclasses import dataclass
from typing import ClassVar

from mailframe.imap import grammar
from mailframe.imap.command import Extension
from mailframe.imap.criterion import ColumnKey, SearchKey, SearchRows
from mailframe.imap.cursor import Cursor
from mailframe.imap.search_keys import SEARCH_KEYS


@dataclass(frozen=True, slots=True)
class Within(ColumnKey):
    """Whether a message came at most, or at least, some time ago.

    Attributes:
        seconds: How long ago.
        younger: Whether it must have come then or later, not then or earlier.
    """

    seconds: int
    younger: bool
    depends_on_time: ClassVar[bool] = True

    def select(self, rows: SearchRows) -> list[int]:
        """Return the rows with an internal date on that side of the moment."""
        target = int(rows.now) - self.seconds
        dated = zip(rows.indices, rows.take(rows.listing.dates), strict=True)
        if self.younger:
            return [row for row, when in dated if when >= target]
        return [row for row, when in dated if when <= target]


def _older(cursor: Cursor, charset: str) -> SearchKey:
    cursor.space()
    return Within(grammar.nz_number(cursor), younger=False)


def _younger(cursor: Cursor, charset: str) -> SearchKey:
    cursor.space()
    return Within(grammar.nz_number(cursor), younger=True)


SEARCH_KEYS.update({b"OLDER": _older, b"YOUNGER": _younger})

EXTENSION = Extension(b"WITHIN")
