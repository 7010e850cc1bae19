"""What a submission server puts right in a header: Date, Message-ID, Bcc.

Source: RFC 6409 section 8, RFC 5322 section 3.6.3 (Bcc).
"""

from mailframe.errors import MessageTooLarge
from mailframe.mime.header import fields, subset

_BLIND = (b"bcc", b"resent-bcc")


class SubmittedHeader:
    """Holds a message's header back until it is complete, and passes it on mended."""

    def __init__(self, date: bytes, message_id: bytes, most: int) -> None:
        """Begin a message.

        Args:
            date: Value of the Date field to add when there is none.
            message_id: The same for Message-ID, with its angle brackets.
            most: Octets of a header; it is held in memory until its end has
                come.
        """
        self._most = most
        self._added = {b"Date": date, b"Message-ID": message_id}
        self._held: bytearray | None = bytearray()
        self._searched = 0

    def feed(self, octets: bytes) -> bytes:
        """Return what can be passed on.

        Raises:
            MessageTooLarge: The header is too large.
        """
        held = self._held
        if held is None:
            return octets
        held += octets
        if held.startswith(b"\r\n"):
            end = 2
        else:
            found = held.find(b"\r\n\r\n", self._searched)
            end = found + 4 if found >= 0 else 0
            self._searched = max(0, len(held) - 3)
        if (end or len(held)) > self._most:
            raise MessageTooLarge(f"a header of more than {self._most} octets")
        if not end:
            return b""
        self._held = None
        return self._mended(bytes(held[:end])) + bytes(held[end:])

    def finish(self) -> bytes:
        """Return what is left: a message that was all header."""
        held, self._held = self._held, None
        return b"" if held is None else self._mended(bytes(held))

    def _mended(self, header: bytes) -> bytes:
        names = {name for name, _ in fields(header)}
        if b"bcc" in header.lower():
            header = subset(header, _BLIND, inverted=True)
        added = (
            b"%b: %b\r\n" % (name, value)
            for name, value in self._added.items()
            if name.lower() not in names
        )
        return b"".join(added) + header
