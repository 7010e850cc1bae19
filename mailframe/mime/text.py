"""Octets of a message read as text: encoded words, transfer encodings, case.

Nothing here fails: what is broken is read as far as it goes.

Source: RFC 2047 (encoded words), RFC 2045 section 6 (transfer encodings),
RFC 5051 (i;unicode-casemap).
"""

import binascii
import html
import re
import unicodedata
from collections.abc import Iterator

from mailframe.mime.charset import decode_charset
from mailframe.mime.header import unfold
from mailframe.mime.structure import Part

SEARCHED = 10_485_760
"""Octets of one message, encoded, that :func:`searchable_parts` looks at."""

# encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="
# Lenient: spaces in the text, for senders that leave them in "Q" words.
_WORD = re.compile(
    rb"=\?([^?*\s]{1,64})(?:\*[^?\s]{0,64})?\?([bBqQ])\?([^?]*+)\?="
    rb"([ \t\r\n]*+(?==\?))?"
)
_NOT_BASE64 = bytes(
    set(range(256))
    - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)
# A character of UTF-8 that the end of what is looked at cuts in two.
_TORN = re.compile(rb"[\xc0-\xff][\x80-\xbf]{0,2}\Z")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_ENCODINGS = frozenset((b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable"))


def decode_words(value: bytes) -> str:
    """Return the value of a field as text, its encoded words decoded.

    Neighbouring words of one charset are put together before they are decoded,
    so that a character cut in two is whole again. Octets beyond ASCII outside
    of encoded words are read as UTF-8, or else as windows-1252.

    Args:
        value: Unfolded or not.

    Source: RFC 2047 sections 2, 5 and 6.2, RFC 6532 section 3 (UTF-8).
    """
    if b"=?" not in value:
        return decode_charset(unfold(value), b"")
    value = unfold(value)
    pieces: list[str] = []
    position = 0
    charset = b""
    gathered: list[bytes] = []
    for match in _WORD.finditer(value):
        if match.start() > position or match[1].lower() != charset:
            pieces.append(decode_charset(b"".join(gathered), charset))
            gathered = []
            if match.start() > position:
                pieces.append(decode_charset(value[position : match.start()], b""))
            charset = match[1].lower()
        gathered.append(_decode_word(match[2], match[3]))
        position = match.end()
    pieces.append(decode_charset(b"".join(gathered), charset))
    pieces.append(decode_charset(value[position:], b""))
    return "".join(pieces)


def _decode_word(encoding: bytes, text: bytes) -> bytes:
    """Return the octets an encoded word stands for."""
    if encoding in b"bB":
        return decode_base64(text)
    text = text.replace(b"_", b" ")
    if b"=" not in text:
        return text
    return _HEX.sub(lambda match: bytes((int(match[1], 16),)), text)


def decode_base64(octets: bytes) -> bytes:
    """Return base64 decoded: other octets passed over, a torn end cut off.

    Source: RFC 2045 section 6.8.
    """
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        kept = octets.partition(b"=")[0].translate(None, _NOT_BASE64)
        if len(kept) % 4 == 1:
            kept = kept[:-1]
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def is_known_encoding(encoding: bytes) -> bool:
    """Tell whether :func:`decode_transfer` can decode this.

    Args:
        encoding: In lower case, as ``Part.encoding`` has it.

    Source: RFC 2045 section 6.1, RFC 9051 section 7.1 (UNKNOWN-CTE).
    """
    return encoding in _ENCODINGS


def decode_transfer(octets: bytes, encoding: bytes) -> bytes:
    """Return a body without its transfer encoding.

    Args:
        octets: The body as it is in the message.
        encoding: In lower case; an unknown one leaves the octets as they are.

    Source: RFC 2045 section 6.
    """
    if encoding == b"base64":
        return decode_base64(octets)
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(octets)
    return octets


def part_text(octets: bytes, part: Part, most: int | None = None) -> str:
    """Return the text of a text part.

    Args:
        octets: The message.
        part: One of its text parts.
        most: Octets of the encoded body to look at, ``None`` for all.

    Source: RFC 2045 sections 5.2 and 6.
    """
    end = part.body_end
    if most is not None:
        end = min(end, part.body_start + most)
    body = decode_transfer(octets[part.body_start : end], part.encoding)
    if end < part.body_end:
        body = _TORN.sub(b"", body)
    return decode_charset(body, part.parameter(b"charset"))


def searchable_parts(octets: bytes, structure: Part) -> Iterator[str]:
    """Yield what SEARCH BODY looks at: the text in a message's body, decoded.

    That is each text part, entities of HTML replaced, and the headers of
    messages inside. The header of the message itself is not among them. At most
    ``SEARCHED`` octets of the message are decoded.

    Args:
        octets: The message.
        structure: Its parts.

    Source: RFC 9051 section 6.4.4 (BODY, TEXT).
    """
    left = SEARCHED
    waiting = [structure]
    while waiting and left > 0:
        part = waiting.pop()
        if part.content_type.startswith(b"text/"):
            text = part_text(octets, part, left)
            left -= part.size
            if part.content_type == b"text/html" and "&" in text:
                text = html.unescape(text)
            yield text
        elif part.is_message:
            inner = part.children[0]
            size = min(left, inner.body_start - inner.header_start)
            left -= size
            yield decode_words(octets[inner.header_start : inner.header_start + size])
        waiting += reversed(part.children)


class _Casemap(dict[int, str]):
    """What each character becomes, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        title = character.title()
        # Several characters are a special casing, which the collation has not.
        mapped = "".join(map(_decomposed, title if len(title) == 1 else character))
        if len(self) < _CASEMAP_SIZE:
            self[code] = mapped
        return mapped


def _decomposed(character: str) -> str:
    """Return the full decomposition; Hangul has none in UnicodeData.txt."""
    if "\uac00" <= character <= "\ud7a3":
        return character
    return unicodedata.normalize("NFKD", character)


_CASEMAP_SIZE = 20_000
_casemap = _Casemap()


def casemap(text: str) -> str:
    """Return the key by which i;unicode-casemap compares.

    Two texts are equal when their keys are, one contains the other when its key
    does, and keys sort as the texts do.

    Source: RFC 5051 section 2.
    """
    if text.isascii():
        return text.upper()
    return text.translate(_casemap)
