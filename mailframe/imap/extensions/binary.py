"""BINARY: FETCH gives parts without their transfer encoding.

Capability ``BINARY``, RFC 3516, after login. APPEND takes a ``literal8``; one
with a NUL in it is refused with UNKNOWN-CTE, since it could not be told again by
a FETCH of BODY.

Source: RFC 3516 sections 4 and 7, RFC 9051 section 6.4.5.
"""

from dataclasses import dataclass

from mailframe.imap.command import Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.decoding import decoded
from mailframe.imap.fetch_items import FETCH_ITEMS, ContentItem
from mailframe.imap.literal8 import nstring8_out
from mailframe.imap.section import Parts, Section, partial, section_part


@dataclass(frozen=True, slots=True)
class BinaryItem(ContentItem):
    """``BINARY[...]`` and ``BINARY.PEEK[...]``."""

    @property
    def streamed(self) -> bool:
        """All octets are needed before the first can be told."""
        return False

    def pieces(self, parts: Parts, octets: bytes) -> tuple[bytes, ...]:
        """Return name and value.

        Raises:
            Refused: The part's encoding is not known.
        """
        body = decoded(self.section, parts, octets)
        if body is not None and self.partial is not None:
            start, stop = self.partial.of(0, len(body))
            body = body[start:stop]
        return (self.name, b" ", nstring8_out(body))


@dataclass(frozen=True, slots=True)
class BinarySizeItem(BinaryItem):
    """``BINARY.SIZE[...]``; 0 for a part that is not there."""

    def pieces(self, parts: Parts, octets: bytes) -> tuple[bytes, ...]:
        """Return name and value.

        Raises:
            Refused: The part's encoding is not known.
        """
        body = decoded(self.section, parts, octets)
        return (b"%b %d" % (self.name, len(body or b"")),)


def _section(cursor: Cursor) -> Section:
    """``section-binary = "[" [section-part] "]"``  (RFC 3516 section 7)."""
    cursor.expect(b"[")
    found = Section(section_part(cursor))
    cursor.expect(b"]")
    return found


def _binary(cursor: Cursor, peek: bool = False) -> ContentItem:
    found = _section(cursor)
    piece = partial(cursor)
    origin = b"" if piece is None else b"<%d>" % piece.first
    return BinaryItem(b"BINARY%b%b" % (bytes(found), origin), found, piece, peek)


def _peek(cursor: Cursor) -> ContentItem:
    return _binary(cursor, peek=True)


def _size(cursor: Cursor) -> ContentItem:
    found = _section(cursor)
    return BinarySizeItem(b"BINARY.SIZE%b" % bytes(found), found, None, True)


FETCH_ITEMS[b"BINARY"] = _binary
FETCH_ITEMS[b"BINARY.PEEK"] = _peek
FETCH_ITEMS[b"BINARY.SIZE"] = _size

EXTENSION = Extension(b"BINARY")
