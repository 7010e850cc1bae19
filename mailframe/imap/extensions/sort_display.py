"""SORT=DISPLAY: sort by the names of people rather than by their addresses.

Capability ``SORT=DISPLAY``, RFC 5957, after login. The value is taken from the
kept ENVELOPE, as the RFC defines it.

Source: RFC 5957 sections 3 and 4.
"""

import re
from collections.abc import Sequence

from mailframe.imap.command import Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import nstring
from mailframe.imap.sort_keys import SORT_KEYS, Columns, SortKey, collation_key
from mailframe.mime.text import decode_words

# envelope = "(" env-date SP env-subject SP env-from SP ...
# address  = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
_NSTRING = rb'(?:NIL|"[^"\\]*+(?:\\.[^"\\]*+)*+")'
_ADDRESSES = rb"(?:NIL|\((?:\(%b %b %b %b\))++\))" % ((_NSTRING,) * 4)
_FIRST = rb"(?:NIL|\(\((%b) %b (%b) (%b)\))" % ((_NSTRING,) * 4)
_START = rb"\(%b %b " % ((_NSTRING,) * 2)
# env-from SP env-sender SP env-reply-to SP env-to
_FROM = re.compile(_START + _FIRST)
_TO = re.compile(_START + rb"%b %b %b " % ((_ADDRESSES,) * 3) + _FIRST)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_TO_PLACE = 3


def _from(columns: Columns) -> Sequence[str]:
    return [_display(envelope, _FROM, 0) for envelope in columns.kept["envelope"]]


def _to(columns: Columns) -> Sequence[str]:
    return [_display(envelope, _TO, _TO_PLACE) for envelope in columns.kept["envelope"]]


def _display(envelope: bytes, pattern: re.Pattern[bytes], place: int) -> str:
    """Return the sort value of the first address of a field."""
    found = pattern.match(envelope)
    if found is None:
        # There is a literal in it.
        name, mailbox, host = _read(envelope, place)
    else:
        name, mailbox, host = map(_unquoted, found.groups())
    text = decode_words(name) if name else ""
    if not text and mailbox:
        text = decode_words(mailbox if host is None else b"%b@%b" % (mailbox, host))
    return collation_key(text)


def _unquoted(value: bytes | None) -> bytes | None:
    if value is None or value == b"NIL":
        return None
    value = value[1:-1]
    return _ESCAPED.sub(rb"\1", value) if b"\\" in value else value


def _read(envelope: bytes, place: int) -> tuple[bytes | None, ...]:
    """Return name, mailbox and host of the first address of a field.

    Args:
        envelope: As it is kept.
        place: Which list of addresses, from 0.
    """
    cursor = Cursor(envelope)
    cursor.expect(b"(")
    for _ in range(2):
        nstring(cursor)
        cursor.space()
    for _ in range(place):
        _addresses(cursor)
        cursor.space()
    return (_addresses(cursor) or [(None, None, None)])[0]


def _addresses(cursor: Cursor) -> list[tuple[bytes | None, ...]]:
    if cursor.accept(b"NIL"):
        return []
    found: list[tuple[bytes | None, ...]] = []
    cursor.expect(b"(")
    while cursor.accept(b"("):
        name = nstring(cursor)
        cursor.space()
        nstring(cursor)
        cursor.space()
        mailbox = nstring(cursor)
        cursor.space()
        found.append((name, mailbox, nstring(cursor)))
        cursor.expect(b")")
    cursor.expect(b")")
    return found


SORT_KEYS.update(
    {
        b"DISPLAYFROM": SortKey(_from, ("envelope",)),
        b"DISPLAYTO": SortKey(_to, ("envelope",)),
    }
)

EXTENSION = Extension(b"SORT=DISPLAY")
