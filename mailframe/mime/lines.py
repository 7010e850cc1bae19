"""Line ends: the one form in which messages are kept.

Source: RFC 5322 section 2.1 (lines end in CRLF), RFC 5321 section 2.3.8.
"""

import re

_BARE_LF = re.compile(rb"(?<!\r)\n")


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
    if octets.count(b"\n") == octets.count(b"\r\n"):
        return octets
    return _BARE_LF.sub(b"\r\n", octets)
