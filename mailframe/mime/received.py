"""Trace fields, counted to notice mail that goes round in circles.

Source: RFC 5321 sections 4.4 and 6.3.
"""

from mailframe.limits import HEADER_SIZE
from mailframe.mime.header import header_end


def received_count(octets: bytes) -> int:
    """Return how many Received fields a message has.

    Args:
        octets: The message, or its header.

    Source: RFC 5321 section 6.3 (loop detection).
    """
    header = octets[: min(header_end(octets), HEADER_SIZE)].lower()
    return header.count(b"\nreceived:") + header.startswith(b"received:")
