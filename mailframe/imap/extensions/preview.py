"""PREVIEW: FETCH tells the beginning of a message's text.

Capability ``PREVIEW``, RFC 8970, after login. Previews are made when messages
arrive, so LAZY finds them ready and changes nothing.

Source: RFC 8970 sections 3 and 4.
"""

import re
from collections.abc import Iterable

from mailframe.imap.command import Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import FETCH_ITEMS, ColumnItem, Rows
from mailframe.imap.serialize import quoted_or_literal

# "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]   ; RFC 8970 section 6
_MODIFIERS = re.compile(rb" \(LAZY(?: LAZY)*\)", re.IGNORECASE)


def _previews(rows: Rows) -> Iterable[bytes]:
    return (quoted_or_literal(text.encode()) for text in rows.kept["preview"])


_PREVIEW = ColumnItem(b"PREVIEW", b"PREVIEW %b", _previews, ("preview",), constant=True)


def _parse(cursor: Cursor) -> ColumnItem:
    # What else is in parentheses here belongs to the FETCH.
    cursor.match(_MODIFIERS)
    return _PREVIEW


FETCH_ITEMS[b"PREVIEW"] = _parse

EXTENSION = Extension(b"PREVIEW")
