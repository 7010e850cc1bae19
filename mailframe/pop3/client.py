"""The client's side of POP3, as far as fetching needs it; no network.

It goes like this: octets that came are given to ``receive``, then ``next_event``
is asked until it has none, then ``take_output`` is sent. A command is begun when
the Reply to the one before has come; the first Reply is the greeting.

Source: RFC 1939, RFC 2449 (CAPA), RFC 2595 (STLS), RFC 5034 (AUTH).
"""

from dataclasses import dataclass

from mailframe.errors import BadSyntax, LineTooLong, TooLarge
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.sasl.client import Carrier, ClientExchange, Login, best

REPLY_LINE = 16_384
"""Octets of a line of the server's; RFC 2449 section 4 has 512, a challenge of
RFC 5034 section 4 may be longer."""

LISTING = 67_108_864
"""Octets of a listing: a million messages with the longest identifiers."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a command.

    Attributes:
        ok: Whether it was ``+OK``.
        text: What stands behind it.
        lines: Of a listing, without their ends.
    """

    ok: bool
    text: bytes = b""
    lines: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """The next octets of the message that ``retrieve`` asked for."""

    octets: bytes


Event = Reply | Content


class POP3Client:
    """One session.

    Attributes:
        timeout: Seconds the server may be silent.
    """

    timeout = 120.0

    def __init__(self) -> None:
        """Wait for the greeting."""
        self._buffer = bytearray()
        self._output = bytearray()
        self._kind = "line"
        self._lines: list[bytes] = []
        self._listed = 0
        self._text = b""
        self._first = False
        self._exchange: ClientExchange | None = None
        self._password: bytes | None = None

    def receive(self, octets: bytes) -> None:
        """Take what the server sent."""
        self._buffer += octets

    def take_output(self) -> bytes:
        """Return what is to be sent."""
        output = bytes(self._output)
        self._output.clear()
        return output

    # Commands.

    def command(self, line: bytes) -> None:
        """Send a command with a reply of one line, such as ``DELE 1``."""
        self._send(line, "line")

    def listing(self, line: bytes) -> None:
        """Send ``CAPA``, ``LIST`` or ``UIDL``; the Reply has the lines."""
        self._send(line, "listing")

    def retrieve(self, number: int) -> None:
        """Ask for a message; Content events come before the Reply.

        Source: RFC 1939 section 5 (RETR).
        """
        self._send(b"RETR %d" % number, "content")

    def log_in(
        self, capabilities: tuple[bytes, ...], login: Login, by: Carrier
    ) -> None:
        """Log in by the best mechanism; by USER and PASS without any.

        Args:
            capabilities: The lines of CAPA; empty if it was refused.
            login: With what.
            by: The connection.

        Raises:
            UnauthorizedLogin: Nothing that the server offers can be used here.

        Source: RFC 5034 section 4, RFC 1939 section 7 (USER, PASS).
        """
        mechanism = best(_mechanisms(capabilities), login, by)
        if mechanism is not None:
            self._exchange = exchange = ClientExchange(mechanism)
            # A line of 255 octets may not hold the response; a challenge line may.
            exchange.begin(with_response=False)
            self._send(b"AUTH " + exchange.name, "auth")
            return
        # A server without CAPA has USER and PASS: they were there first.
        known = {one.split(b" ")[0].upper() for one in capabilities}
        if login.password is None or not by.safe or (known and b"USER" not in known):
            raise UnauthorizedLogin("the server offers nothing that can be used here")
        self._password = login.password.reveal()
        if _breaks_line(login.username) or _breaks_line(self._password):
            raise UnauthorizedLogin("name or password cannot be written in a line")
        self._send(b"USER " + login.username, "user")

    def tls_started(self) -> None:
        """TLS stands: nothing that was said before it counts.

        Raises:
            BadSyntax: Something came between the reply to STLS and TLS.

        Source: RFC 2595 section 4.
        """
        if self._buffer:
            raise BadSyntax("nothing between the reply and TLS")

    # What came.

    def next_event(self) -> Event | None:
        """Return what happened next, ``None`` when more octets are needed.

        Raises:
            BadSyntax: This is not what a POP3 server says; the session is over.
            UnauthorizedLogin: The server could not prove who it is.
        """
        while True:
            if self._kind == "body":
                return self._next_content()
            line = self._next_line()
            if line is None:
                return None
            if self._kind == "lines":
                if line == b".":
                    return self._done(True, self._text)
                self._listed += len(line) + 2
                if self._listed > LISTING:
                    raise TooLarge("a shorter listing")
                self._lines.append(line[1:] if line.startswith(b".") else line)
                continue
            event = self._status_line(line)
            if event is not None:
                return event

    def _status_line(self, line: bytes) -> Reply | None:
        word, _, text = line.partition(b" ")
        if word == b"+" and self._exchange is not None:
            self._answer(self._exchange, text)
            return None
        if word not in (b"+OK", b"-ERR"):
            raise BadSyntax("+OK or -ERR")
        if word == b"-ERR":
            return self._done(False, text)
        if self._kind == "idle":
            raise BadSyntax("no reply, for nothing was asked")
        if self._kind == "listing":
            self._kind, self._text = "lines", text
            return None
        if self._kind == "content":
            self._kind, self._text = "body", text
            # The message begins at the beginning of a line.
            self._buffer[:0] = b"\r\n"
            self._first = True
            return None
        if self._kind == "user":
            assert self._password is not None
            self._send(b"PASS " + self._password, "line")
            return None
        if self._exchange is not None:
            self._exchange.finish()
        return self._done(True, text)

    def _answer(self, exchange: ClientExchange, challenge: bytes) -> None:
        try:
            self._output += exchange.feed(challenge) + b"\r\n"
        except (BadSyntax, UnauthorizedLogin):
            self._output += b"*\r\n"
            raise

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end > REPLY_LINE or (end < 0 and len(self._buffer) > REPLY_LINE):
            raise LineTooLong("a shorter line")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _next_content(self) -> Event | None:
        """Return the next piece of the message, its dots taken out.

        Source: RFC 1939 section 3 (byte-stuffing).
        """
        buffer = self._buffer
        end = buffer.find(b"\r\n.\r\n")
        if end >= 0:
            octets = self._cut(end + 2)
            if octets:
                # What is left is the dot's own line: it ends the next time.
                buffer[:0] = b"\r\n"
                self._first = True
                return Content(octets)
            del buffer[:3]
            return self._done(True, self._text)
        # A CR near the end may begin what ends the message, or a dot to take out.
        held = buffer.find(b"\r", max(0, len(buffer) - 4))
        octets = self._cut(held if held >= 0 else len(buffer))
        return Content(octets) if octets else None

    def _cut(self, size: int) -> bytes:
        if not size:
            return b""
        octets = bytes(self._buffer[:size]).replace(b"\r\n.", b"\r\n")
        del self._buffer[:size]
        if self._first:
            self._first = False
            octets = octets[2:]
        return octets

    def _done(self, ok: bool, text: bytes) -> Reply:
        reply = Reply(ok, text, tuple(self._lines))
        self._lines, self._listed, self._text = [], 0, b""
        self._kind, self._exchange, self._password = "idle", None, None
        return reply

    def _send(self, line: bytes, kind: str) -> None:
        self._kind = kind
        self._output += line + b"\r\n"


def _mechanisms(capabilities: tuple[bytes, ...]) -> list[str]:
    """Return the names of the SASL capability (RFC 5034 section 3)."""
    for one in capabilities:
        words = one.decode("ascii", "replace").split()
        if words and words[0].upper() == "SASL":
            return words[1:]
    return []


def _breaks_line(octets: bytes) -> bool:
    return any(one in octets for one in (b"\r", b"\n", b"\0"))
