"""Messages whose texts stand in their octets as they are.

Most searches find little. Where nothing has to be decoded, a look at the octets
tells that a text is not there, many times faster than taking the message apart.

Source: RFC 2045 section 6 (transfer encodings), RFC 2046 section 4.1.2 (charset).
"""

import re

# The header of a message inside is searched unfolded.
_MESSAGE = re.compile(rb"MESSAGE[ \t\r\n]*/|DIGEST")
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
    if b"=?" in capitals or _MESSAGE.search(capitals):
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
