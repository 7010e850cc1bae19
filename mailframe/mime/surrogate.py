"""The header of an internationalized message, for programs that know ASCII only.

Fields in ASCII stay octet for octet. A subject and the names of people become
encoded words, an address that is not ASCII one that is nobody's, a MIME parameter
that is not is left out, and so is any other such field.

Source: RFC 6858 sections 2.1 to 2.4, RFC 2047 section 5.
"""

import binascii
import re

from mailframe.mime.address import FieldAddress, addresses
from mailframe.mime.header import unfold

ADDRESSES = frozenset(
    (
        b"from",
        b"sender",
        b"reply-to",
        b"to",
        b"cc",
        b"bcc",
        b"resent-from",
        b"resent-sender",
        b"resent-reply-to",
        b"resent-to",
        b"resent-cc",
        b"resent-bcc",
    )
)
"""Fields that hold addresses."""

PARAMETERS = frozenset((b"content-type", b"content-disposition"))
"""Fields that hold MIME parameters."""

NOBODY = b"<invalid@internationalized-address.invalid>"
"""Stands for an address that cannot be shown."""

# An encoded word has 75 characters at most: with =?unknown-8bit?b??= around it,
# 56 of base64.
_WORD_OCTETS = 42
_PHRASE = re.compile(rb"[A-Za-z0-9!*+/=_ -]*\Z")
_PARAMETER = re.compile(rb';(?:[^;"]|"(?:[^"\\]|\\.)*+"?)*+', re.DOTALL)


def surrogate(header: bytes) -> bytes:
    """Return a header in ASCII.

    Args:
        header: Fields with CRLF line ends, and the empty line if there is one.
    """
    if header.isascii():
        return header
    return b"".join(
        field if field.isascii() else _changed(field) for field in _fields(header)
    )


def _fields(header: bytes) -> list[bytes]:
    """Return the fields as they stand, each with its folded lines."""
    found: list[list[bytes]] = []
    for line in header.splitlines(keepends=True):
        if found and line[:1] in (b" ", b"\t"):
            found[-1].append(line)
        else:
            found.append([line])
    return [b"".join(lines) for lines in found]


def _changed(field: bytes) -> bytes:
    """Return a field that is not ASCII as one that is, or nothing."""
    name, _, value = field.partition(b":")
    kind = name.rstrip(b" \t").lower()
    value = unfold(value).strip()
    if not name.isascii():
        return b""
    if kind == b"subject":
        return b"%b: %b\r\n" % (name, encoded_words(value))
    if kind in ADDRESSES:
        return b"%b: %b\r\n" % (name, _addresses(value))
    if kind in PARAMETERS:
        return _without_parameters(name, value)
    return b""


def encoded_words(text: bytes) -> bytes:
    """Return a text as encoded words, one a line.

    What is not UTF-8 is said to be of no charset anybody knows (RFC 1428).

    Source: RFC 2047 sections 2 and 5.
    """
    try:
        text.decode("utf-8")
        charset = b"utf-8"
    except UnicodeDecodeError:
        charset = b"unknown-8bit"
    words = []
    start = 0
    while start < len(text):
        stop = min(start + _WORD_OCTETS, len(text))
        if charset == b"utf-8":
            # Never within a character.
            while stop < len(text) and text[stop] & 0xC0 == 0x80:
                stop -= 1
        encoded = binascii.b2a_base64(text[start:stop], newline=False)
        words.append(b"=?%b?b?%b?=" % (charset, encoded))
        start = stop
    return b"\r\n ".join(words)


def _addresses(value: bytes) -> bytes:
    """Return an address list; groups are kept."""
    written: list[bytes] = []
    begins = True
    for one in addresses(value):
        if one.host is None and one.mailbox is None:
            written.append(b";")
            continue
        if not begins:
            written.append(b",\r\n ")
        if one.host is None:
            written.append(b"%b:" % _phrase(one.mailbox or b""))
            begins = True
            continue
        written.append(_address(one))
        begins = False
    return b"".join(written)


def _address(one: FieldAddress) -> bytes:
    address = b"%b@%b" % (one.mailbox or b"", one.host or b"")
    name = one.name or b""
    if address.isascii():
        shown = b"<%b>" % address if _is_plain(one) else NOBODY
    else:
        # Its name says whose it was.
        name, shown = name or address, NOBODY
    return b"%b\r\n %b" % (_phrase(name), shown) if name else shown


def _is_plain(one: FieldAddress) -> bool:
    """Tell whether an address can be written without quotes."""
    text = b"%b@%b" % (one.mailbox or b"", one.host or b"")
    return re.fullmatch(rb"[^\s()<>,;:\\\"@]+@[^\s()<>,;:\\\"@]+", text) is not None


def _phrase(text: bytes) -> bytes:
    """Return a display name as a phrase.  Source: RFC 2047 section 5."""
    if text.isascii() and _PHRASE.match(text):
        return text
    return encoded_words(text)


def _without_parameters(name: bytes, value: bytes) -> bytes:
    """Return a MIME field without its parameters that are not ASCII."""
    kind = value.partition(b";")[0]
    if not kind.isascii():
        return b""
    kept = [one for one in _PARAMETER.findall(value) if one.isascii()]
    return b"%b: %b\r\n" % (name, b"".join([kind.rstrip(), *kept]))
