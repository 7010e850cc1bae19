"""Octets in a named charset, decoded whatever they are.

Source: RFC 2978 (names), RFC 2045 section 5.2 (US-ASCII without a name).
"""

import codecs
from functools import lru_cache

_WINDOWS = {"ascii": "utf-8", "iso8859-1": "cp1252", "gb2312": "gb18030"}


@lru_cache(maxsize=256)
def _codec(charset: str) -> str | None:
    """Return Python's name of the charset, ``None`` when it has none.

    Senders say US-ASCII and mean what they have, ISO-8859-1 and mean
    windows-1252, GB2312 and mean its successor; each is read as the larger one.
    """
    try:
        info = codecs.lookup(charset.strip())
        if not info._is_text_encoding:
            return None
        "x".encode(info.name)
    except (LookupError, ValueError, UnicodeError):
        return None
    return _WINDOWS.get(info.name, info.name)


def decode_charset(octets: bytes, charset: bytes | str) -> str:
    """Return the octets as text.

    What the charset does not allow becomes U+FFFD. A charset nobody knows, and
    none at all, is read as UTF-8, and octets that are not UTF-8 then as
    windows-1252. Lone surrogates never come out.

    Args:
        octets: What to decode.
        charset: Its name, as the message has it; may be empty.

    Source: RFC 2045 section 5.2, RFC 2047 section 5 (unknown charsets).
    """
    if octets.isascii() and charset in _ASCII_ALIKE:
        return octets.decode("ascii")
    if isinstance(charset, bytes):
        charset = charset.decode("latin-1")
    codec = _codec(charset[:64])
    try:
        if codec is None or codec == "utf-8":
            return octets.decode("utf-8")
        return _clean(octets.decode(codec, "replace"))
    except (UnicodeError, ValueError, LookupError):
        if codec == "utf-8" and charset.strip().lower() in ("utf-8", "utf8"):
            return octets.decode("utf-8", "replace")
        return octets.decode("cp1252", "replace")


_ASCII_ALIKE = frozenset((b"", b"us-ascii", b"utf-8", b"US-ASCII", b"UTF-8", ""))


def _clean(text: str) -> str:
    """Return the text without lone surrogates (UTF-7 and UTF-16 can have them)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
