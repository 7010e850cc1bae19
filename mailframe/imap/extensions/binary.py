"""BINARY: FETCH gives parts without their transfer encoding.

Capability ``BINARY``, RFC 3516, after login. APPEND takes a ``literal8``; one
with a NUL in it is refused with UNKNOWN-CTE, since it could not be told again by
a FETCH of BODY.

Source: RFC 3516 sections 4 and 7, RFC 9051 section 6.4.5.
"""

from dataclasses import dataclass

from mailframe.imap.command import Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import FETCH_ITEMS, ContentItem
from mailframe.imap.literal8 import nstring8_out
from mailframe.imap.responses import Refused
from mailframe.imap.section import Parts, Section, partial, section_part
from mailframe.mime.lines import to_crlf
from mailframe.mime.structure import find_part
from mailframe.mime.text import decode_transfer, is_known_encoding


def decoded(section: Section, parts: Parts, octets: bytes) -> bytes | None:
    """Return a part of a message without its transfer encoding.

    A message, and what holds other parts, has none. Text has CRLF line ends.

    Args:
        section: Which part; without numbers the message.
        parts: What is known of the message.
        octets: The message, as far as the part's end.

    Returns:
        ``None`` when the message has no such part.

    Raises:
        Refused: Its encoding is not known.

    Source: RFC 3516 sections 4.3 and 6.
    """
    extent = section.extent(parts)
    if extent is None:
        return None
    body = octets[extent[0] : extent[1]]
    part = find_part(parts.structure, section.numbers) if section.numbers else None
    if part is None or part.children:
        return body
    if not is_known_encoding(part.encoding):
        raise Refused(b"[UNKNOWN-CTE] The transfer encoding is not known")
    body = decode_transfer(body, part.encoding)
    return to_crlf(body) if part.content_type.startswith(b"text/") else body


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
