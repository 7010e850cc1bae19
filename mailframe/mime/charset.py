"""Octets in a named charset, decoded whatever they are.

Source: RFC 2978 (names), RFC 2045 section 5.2 (US-ASCII without a name).
"""

import codecs
from functools import lru_cache

_LARGER = {"ascii": "utf-8", "iso8859-1": "cp1252", "gb2312": "gb18030"}
# Codecs of Python's own, which are no charset and may take long.
_NO_CHARSET = frozenset(
    ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape")
)
_ASCII_ALIKE = frozenset((b"", b"us-ascii", b"utf-8", b"US-ASCII", b"UTF-8"))
_LONGEST_NAME = 64


@lru_cache(maxsize=256)
def _codec(charset: bytes) -> str | None:
    """Return Python's name of the charset, ``None`` when it has none.

    Senders say US-ASCII and mean what they have, ISO-8859-1 and mean
    windows-1252, GB2312 and mean its successor; each is read as the larger one.
    """
    try:
        name = codecs.lookup(charset.decode("ascii").strip()).name
        "x".encode(name)
    except (LookupError, ValueError):
        return None
    name = _LARGER.get(name, name)
    return None if name.replace("_", "-") in _NO_CHARSET else name


def is_known_charset(charset: bytes) -> bool:
    """Tell whether this is the name of a charset we can decode.

    Args:
        charset: Its name; the case does not matter.

    Source: RFC 9051 section 6.4.4 (BADCHARSET).
    """
    return len(charset) <= _LONGEST_NAME and _codec(charset) is not None


def decode_charset(octets: bytes, charset: bytes) -> str:
    """Return the octets as text.

    What the charset does not allow becomes U+FFFD. A charset nobody knows, and
    none at all, is read as UTF-8, and octets that are not UTF-8 then as
    windows-1252. Lone surrogates never come out.

    Args:
        octets: What to decode.
        charset: Its name, as the message has it; may be empty.

    Source: RFC 2045 section 5.2, RFC 2047 section 5 (unknown charsets).
    """
    if charset in _ASCII_ALIKE and octets.isascii():
        return octets.decode("ascii")
    codec = _codec(charset[:_LONGEST_NAME])
    try:
        if codec is not None and codec != "utf-8":
            return without_surrogates(octets.decode(codec, "replace"))
        return octets.decode("utf-8")
    except ValueError:
        if charset.strip().lower() in (b"utf-8", b"utf8"):
            return octets.decode("utf-8", "replace")
        return octets.decode("cp1252", "replace")


def without_surrogates(text: str) -> str:
    """Return the text without lone surrogates.

    UTF-7 and UTF-16 can have them; SQLite and UTF-8 cannot.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
