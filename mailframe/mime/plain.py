"""Messages whose texts stand in their octets as they are.

Most searches find little. Where nothing has to be decoded, a look at the octets
tells that a text is not there, many times faster than taking the message apart.

Source: RFC 2045 section 6 (transfer encodings), RFC 2046 section 4.1.2 (charset).
"""

import re

from mailframe.mime.header import header_end
from mailframe.mime.text import SEARCHED

_TEXT = re.compile(rb"(?:\A|\n)CONTENT-TYPE:[ \t]*TEXT/(?:PLAIN|HTML)[ \t]*[;\r\n]")
_MESSAGE = re.compile(rb"MESSAGE[ \t\r\n]*/")
_ENCODING = re.compile(rb"TRANSFER-ENCODING:[ \t]*(?:7BIT|8BIT|BINARY)[ \t]*\r?\n")
# Charsets that have ASCII, each octet of it standing for itself.
_CHARSET = re.compile(
    rb'CHARSET="?(?:US-ASCII|UTF-8|ISO-8859-[0-9]{1,2}|WINDOWS-125[0-9])["\s;]'
)


def plain_capitals(octets: bytes) -> bytes | None:
    """Return a message in capitals, if any text of it stands there as it is.

    Each text that :func:`mailframe.mime.text.searchable_parts` yields of it, after
    :func:`mailframe.mime.text.casemap`, is in these octets. The opposite is not
    said: they have headers and attachments too.

    Args:
        octets: The message.

    Returns:
        ``None`` when something may have to be decoded.
    """
    if not octets.isascii():
        return None
    capitals = octets.upper()
    if b"=?" in capitals or _has_message(capitals):
        return None
    if b"&" in capitals and b"HTML" in capitals:
        return None
    encodings = capitals.count(b"TRANSFER-ENCODING")
    if encodings and encodings != len(_ENCODING.findall(capitals)):
        return None
    charsets = capitals.count(b"CHARSET")
    if charsets and charsets != len(_CHARSET.findall(capitals)):
        return None
    return capitals


def _has_message(capitals: bytes) -> bool:
    """Tell whether there may be a message inside: its header is unfolded."""
    if b"DIGEST" in capitals:
        return True
    # To search for the pattern would take ten times as long.
    place = capitals.find(b"MESSAGE")
    while place >= 0:
        if _MESSAGE.match(capitals, place):
            return True
        place = capitals.find(b"MESSAGE", place + 1)
    return False


def only_text(octets: bytes, capitals: bytes) -> bytes | None:
    """Return the one text of a message, in capitals, if its body is that.

    Args:
        octets: The message.
        capitals: What :func:`plain_capitals` has returned for it.

    Returns:
        ``None`` for a message of several parts, or of another kind.
    """
    start = header_end(octets)
    types = capitals.count(b"CONTENT-TYPE")
    if types > 1 or len(octets) >= SEARCHED:
        return None
    if types and not _TEXT.search(capitals, 0, start):
        return None
    return capitals[start:]
