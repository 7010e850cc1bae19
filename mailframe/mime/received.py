"""Trace fields, counted to notice mail that goes round in circles.

Source: RFC 5321 sections 4.4 and 6.3.
"""

from mailframe.limits import HEADER_SIZE


def received_count(header: bytes) -> int:
    """Return how many Received fields a header has.

    Args:
        header: The header alone.

    Source: RFC 5321 section 6.3 (loop detection).
    """
    lower = header[:HEADER_SIZE].lower()
    return lower.count(b"\nreceived:") + lower.startswith(b"received:")
