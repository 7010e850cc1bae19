"""Makes a message fit for a server that takes seven bits only.

The bodies that have octets beyond ASCII, or lines too long for SMTP, are put
into quoted-printable (text) or base64 (all else); everything that needs no
change stays as it is, octet by octet. Header fields are not touched but for
Content-Transfer-Encoding.

Source: RFC 6152 section 3 (conversion), RFC 2045 sections 6.2, 6.4, 6.7 and
6.8, RFC 1428 section 3 (no MIME before).
"""

from binascii import b2a_base64, b2a_qp
from collections.abc import Iterator

from mailframe.mime.header import subset
from mailframe.mime.lines import to_crlf
from mailframe.mime.structure import Part, structure

MAX_LINE = 998
"""Octets of a line without its CRLF (RFC 5322 section 2.1.1)."""

_BASE64_LINE = 57
"""Octets that make a base64 line of 76 characters (RFC 2045 section 6.8)."""

_BASE64_PIECE = _BASE64_LINE * 1024

_CTE = b"content-transfer-encoding"

_IDENTITY = frozenset((b"7bit", b"8bit", b"binary"))
"""Encodings that are none; what is encoded otherwise has seven bits already."""

_ENCODED_MESSAGES = frozenset((b"message/global",))
"""Messages that may be encoded as a whole (RFC 6532 section 3.7)."""

_ASCII = bytes(octet if octet < 128 else 63 for octet in range(256))


def needs_downgrade(octets: bytes) -> bool:
    """Tell whether a piece of a message has octets that seven bits cannot carry."""
    return not octets.isascii() or b"\0" in octets


def downgrade(octets: bytes) -> Iterator[bytes]:
    """Return a message in seven bits, in pieces.

    Args:
        octets: The whole message.

    Returns:
        Pieces that joined are the message. Header fields with octets beyond
        ASCII are still in it as they were.

    Source: RFC 6152 section 3.
    """
    root = structure(octets)
    yield from _entity(octets, root, root=True)


def _entity(octets: bytes, part: Part, root: bool = False) -> Iterator[bytes]:
    """Return one entity, header and body."""
    header = octets[part.header_start : part.body_start]
    if part.is_multipart and part.children:
        yield from _composite(octets, part, header)
    elif part.is_message and part.children and part.encoding in _IDENTITY:
        if part.content_type in _ENCODED_MESSAGES:
            yield from _leaf(octets, part, header, root)
        else:
            yield from _composite(octets, part, header)
    else:
        yield from _leaf(octets, part, header, root)


def _composite(octets: bytes, part: Part, header: bytes) -> Iterator[bytes]:
    """Return an entity with others inside.

    It can have no encoding of its own but the three that are none (RFC 2045
    section 6.4); what is around its parts is nobody's content.
    """
    if part.encoding in _IDENTITY and part.encoding != b"7bit":
        header = _encoded_as(header, b"7bit")
    yield header
    position = part.body_start
    for child in part.children:
        yield octets[position : child.header_start].translate(_ASCII)
        yield from _entity(octets, child)
        position = child.body_end
    yield octets[position : part.body_end].translate(_ASCII)


def _leaf(octets: bytes, part: Part, header: bytes, root: bool) -> Iterator[bytes]:
    """Return an entity with nothing inside, encoded if it has to be."""
    body = octets[part.body_start : part.body_end]
    if part.encoding not in _IDENTITY or not (
        needs_downgrade(body) or has_long_line(body)
    ):
        if part.encoding in (b"8bit", b"binary"):
            header = _encoded_as(header, b"7bit")
        yield header
        yield body
        return
    if root and part.first(b"mime-version") is None:
        header = _with_field(header, b"MIME-Version: 1.0\r\n")
        if part.first(b"content-type") is None:
            # RFC 1428 section 3: nobody has said what it is.
            unknown = b"Content-Type: text/plain; charset=unknown-8bit\r\n"
            header = _with_field(header, unknown)
    if part.content_type.startswith(b"text/"):
        yield _encoded_as(header, b"quoted-printable")
        yield _quoted_printable(body)
    else:
        yield _encoded_as(header, b"base64")
        yield from _base64(body)


def has_long_line(body: bytes) -> bool:
    """Tell whether a line is longer than SMTP has it (RFC 5321 section 4.5.3.1.6)."""
    if len(body) <= MAX_LINE:
        return False
    return max(map(len, body.split(b"\r\n"))) > MAX_LINE


def _quoted_printable(body: bytes) -> bytes:
    """Return text with its line ends kept (RFC 2045 section 6.7)."""
    ends = to_crlf(body)
    return to_crlf(b2a_qp(ends.replace(b"\r\n", b"\n"), istext=True))


def _base64(body: bytes) -> Iterator[bytes]:
    """Return lines of base64, many at a time (RFC 2045 section 6.8)."""
    for start in range(0, len(body), _BASE64_PIECE):
        stop = min(start + _BASE64_PIECE, len(body))
        yield b"\r\n".join(
            b2a_base64(body[at : min(at + _BASE64_LINE, stop)], newline=False)
            for at in range(start, stop, _BASE64_LINE)
        ) + (b"\r\n" if stop < len(body) else b"")


def _encoded_as(header: bytes, encoding: bytes) -> bytes:
    """Return a header that names this encoding, and no other."""
    others = subset(header, (_CTE,), inverted=True)
    return _with_field(others, b"Content-Transfer-Encoding: " + encoding + b"\r\n")


def _with_field(header: bytes, field: bytes) -> bytes:
    """Return a header with a field more, before the empty line that ends it."""
    if header.endswith(b"\r\n\r\n") or header == b"\r\n":
        return header[:-2] + field + b"\r\n"
    if header.endswith(b"\n\n") or header == b"\n":
        return header[:-1] + field + b"\r\n"
    return header + (b"" if header.endswith(b"\n") or not header else b"\r\n") + field
