"""Line ends: the one form in which messages are kept.

Source: RFC 5322 section 2.1 (lines end in CRLF), RFC 5321 section 2.3.8.
"""

import re

# The LF first: it is looked for at the speed of memchr(3).
_BARE_LF = re.compile(rb"\n(?<!\r\n)")


def to_crlf(octets: bytes) -> bytes:
    """Return the octets with every line ended by CRLF.

    An LF without a CR before it becomes CRLF. A CRLF stays, and so does a CR
    that no LF follows.

    Args:
        octets: A message or a piece of one. A piece that begins with the LF of
            a CRLF would get a second CR: cut pieces elsewhere.

    Returns:
        The same object when there is nothing to do.

    Source: RFC 5322 section 2.1.
    """
    if _BARE_LF.search(octets) is None:
        return octets
    return _BARE_LF.sub(b"\r\n", octets)
