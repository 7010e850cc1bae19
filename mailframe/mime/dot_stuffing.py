"""The transparency procedure: a dot before each line that begins with one.

Source: RFC 5321 section 4.5.2, RFC 1939 section 3.
"""


class DotStuffer:
    """Stuffs one message that comes in pieces cut anywhere."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        """Begin before the first line."""
        self._tail = b"\r\n"

    def feed(self, octets: bytes) -> bytes:
        """Return the next octets as they go onto the wire.

        Args:
            octets: Any piece of the message; its lines end in CRLF.
        """
        if not octets:
            return octets
        begins = (self._tail == b"\r\n" and octets[:1] == b".") or (
            self._tail[-1:] == b"\r" and octets[:2] == b"\n."
        )
        stuffed = octets
        # Most messages have none, and from the end that is seen in half the time.
        if octets.rfind(b"\r\n.") >= 0:
            stuffed = octets.replace(b"\r\n.", b"\r\n..")
        if begins:
            dot = 0 if octets[:1] == b"." else 1
            stuffed = stuffed[:dot] + b"." + stuffed[dot:]
        self._tail = (self._tail + octets[-2:])[-2:]
        return stuffed

    def finish(self) -> bytes:
        """Return the end of the data, with the last line's CRLF if it lacks one."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"


def stuffed(octets: bytes, before: bytes = b"") -> bytes:
    """Return a whole message as it goes onto the wire, with the end of the data.

    Args:
        octets: The message; its lines end in CRLF.
        before: What goes onto the wire before it, as it is.
    """
    begin = b"." if octets[:1] == b"." else b""
    end = b".\r\n" if not octets or octets.endswith(b"\r\n") else b"\r\n.\r\n"
    if octets.rfind(b"\r\n.") >= 0:
        octets = octets.replace(b"\r\n.", b"\r\n..")
    return b"".join((before, begin, octets, end))
