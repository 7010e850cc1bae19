"""Octets that may have a NUL in them, read and written.

Source: RFC 3516 section 7, RFC 5464 section 5 (value).
"""

import re

from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import nstring
from mailframe.imap.serialize import quoted_or_literal

# literal8 = "~{" number ["+"] "}" CRLF *OCTET
_LITERAL8 = re.compile(rb"~\{([0-9]{1,19})\+?\}\r\n")


def nstring8(cursor: Cursor) -> bytes | None:
    """Read ``nstring / literal8``.

    Returns:
        ``None`` for NIL.

    Raises:
        BadSyntax: There is none here.

    Source: RFC 5464 section 5 (value).
    """
    found = cursor.match(_LITERAL8)
    if found is None:
        return nstring(cursor)
    start = cursor.position
    stop = start + int(found[1])
    if stop > len(cursor.octets):
        cursor.fail("as many octets as the literal announced")
    cursor.position = stop
    return cursor.octets[start:stop]


def nstring8_out(octets: bytes | None) -> bytes:
    """Return octets as a string, as a ``literal8`` when they have a NUL.

    Source: RFC 3516 section 7 (literal8).
    """
    if octets is None:
        return b"NIL"
    if b"\0" in octets:
        return b"~{%d}\r\n%b" % (len(octets), octets)
    return quoted_or_literal(octets)
