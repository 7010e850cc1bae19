"""The client's side of IMAP, as far as fetching needs it; no network.

It goes like this: octets that came are given to ``receive``, then ``next_event``
is asked until it has none, then ``take_output`` is sent. A command is begun when
the Reply to the one before has come; the first Reply is the greeting.

Source: RFC 9051, RFC 3501, RFC 2177 (IDLE), RFC 4959 (SASL-IR).
"""

import re
from dataclasses import dataclass

from mailframe.errors import BadSyntax, LineTooLong, TooLarge
from mailframe.imap.serialize import quoted_or_literal
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.sasl.client import Carrier, ClientExchange, Login, best

LINE = 16_777_216
"""Octets of a response without its literals: SEARCH with a million numbers."""

ANSWER = 33_554_432
"""Octets of all responses to one command, messages not counted."""

LITERAL = 1_048_576
"""Octets of a literal that is not a message; it is passed over."""

_LITERAL = re.compile(rb"~?\{([0-9]{1,10})\}\Z")
_FETCH = re.compile(rb"\* [0-9]+ FETCH \(", re.I)
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"')
_STATUS = re.compile(rb"\* (OK|NO|BAD|BYE|PREAUTH)(?: (.*))?\Z", re.I | re.S)
_TAGGED = re.compile(rb"(a[0-9]+) (OK|NO|BAD)(?: (.*))?\Z", re.I | re.S)
_COUNT = re.compile(rb"\* ([0-9]{1,10}) (EXISTS|EXPUNGE)\Z", re.I)


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a command.

    Attributes:
        ok: Whether it was ``OK``.
        text: What stands behind it, with its response code.
        lines: The untagged responses before it without ``* ``; of a literal
            only ``{size}`` is left.
    """

    ok: bool
    text: bytes = b""
    lines: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """The next octets of the message that ``retrieve`` asked for."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Idling:
    """The server has begun to idle."""


@dataclass(frozen=True, slots=True)
class Exists:
    """While idling: so many messages are in the mailbox now."""

    messages: int


Event = Reply | Content | Idling | Exists


class IMAPClient:
    """One session.

    Attributes:
        timeout: Seconds the server may be silent.
        authenticated: Whether the greeting was PREAUTH.
        messages: How many there are in the mailbox that is open.
        expunged: How many went in this session.
    """

    timeout = 120.0

    def __init__(self) -> None:
        """Wait for the greeting."""
        self._buffer = bytearray()
        self._output = bytearray()
        self._kind = "greeting"
        self._number = 0
        self._line = bytearray()
        self._looked = 0
        self._left = 0
        self._skipping = False
        self._lines: list[bytes] = []
        self._size = 0
        self._exchange: ClientExchange | None = None
        self.authenticated = False
        self.messages = 0
        self.expunged = 0

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
        """Send a command without literals, such as ``UID SEARCH ALL``."""
        self._send(line, "command")

    def retrieve(self, uid: int) -> None:
        """Ask for a message; Content events come before the Reply.

        Source: RFC 9051 section 6.4.5 (BODY.PEEK).
        """
        self._send(b"UID FETCH %d (UID INTERNALDATE BODY.PEEK[])" % uid, "content")

    def idle(self) -> None:
        """Wait for news; Idling, then Exists events come until ``done``.

        Source: RFC 2177 section 3.
        """
        self._send(b"IDLE", "idle")

    def done(self) -> None:
        """Stop idling; the Reply comes."""
        self._output += b"DONE\r\n"

    def log_in(self, capabilities: frozenset[bytes], login: Login, by: Carrier) -> None:
        """Log in by the best mechanism; by LOGIN without any.

        Args:
            capabilities: What CAPABILITY told, in upper case.
            login: With what.
            by: The connection.

        Raises:
            UnauthorizedLogin: Nothing that the server offers can be used here.

        Source: RFC 9051 sections 6.2.2 and 6.2.3.
        """
        offered = [
            one[5:].decode("ascii", "replace")
            for one in capabilities
            if one.startswith(b"AUTH=")
        ]
        mechanism = best(offered, login, by)
        if mechanism is not None:
            self._exchange = exchange = ClientExchange(mechanism)
            initial = exchange.begin(with_response=b"SASL-IR" in capabilities)
            line = b"AUTHENTICATE " + exchange.name
            self._send(line if initial is None else line + b" " + initial, "auth")
            return
        if login.password is None or not by.safe or b"LOGINDISABLED" in capabilities:
            raise UnauthorizedLogin("the server offers nothing that can be used here")
        words = [
            quoted_or_literal(one)
            for one in (login.username, login.password.reveal())
            if b"\0" not in one
        ]
        if len(words) < 2 or any(one.startswith(b"{") for one in words):
            raise UnauthorizedLogin("name or password cannot be written in quotes")
        self._send(b"LOGIN " + b" ".join(words), "command")

    def tls_started(self) -> None:
        """TLS stands: nothing that was said before it counts.

        Raises:
            BadSyntax: Something came between the reply to STARTTLS and TLS.

        Source: RFC 9051 section 6.2.1.
        """
        if self._buffer:
            raise BadSyntax("nothing between the reply and TLS")
        self.authenticated = False

    # What came.

    def next_event(self) -> Event | None:
        """Return what happened next, ``None`` when more octets are needed.

        Raises:
            BadSyntax: This is not what an IMAP server says; the session is over.
            UnauthorizedLogin: The server could not prove who it is.
        """
        while True:
            if self._left:
                if not self._buffer:
                    return None
                octets = bytes(self._buffer[: self._left])
                del self._buffer[: len(octets)]
                self._left -= len(octets)
                if not self._skipping:
                    return Content(octets)
                continue
            line = self._next_line()
            if line is None:
                if self._left and self._buffer:
                    continue
                return None
            event = self._response(line)
            if event is not None:
                return event

    def _next_line(self) -> bytes | None:
        """Return the next response, without the contents of its literals."""
        while not self._left:
            end = self._buffer.find(b"\r\n", self._looked)
            self._looked = max(0, len(self._buffer) - 1) if end < 0 else 0
            held = len(self._line) + (len(self._buffer) if end < 0 else end)
            if held > LINE:
                raise LineTooLong("a shorter response")
            if end < 0:
                return None
            before = len(self._line)
            self._line += self._buffer[:end]
            del self._buffer[: end + 2]
            found = None
            if self._line.startswith(b"* ") and not _STATUS.match(self._line):
                found = _LITERAL.search(self._line, max(before, len(self._line) - 14))
            if found is None:
                line = bytes(self._line)
                self._line.clear()
                return line
            self._left = int(found[1])
            self._skipping = not self._is_body(found.start())
            if self._skipping and self._left > LITERAL:
                raise TooLarge("a smaller literal")
        return None

    def _is_body(self, end: int) -> bool:
        return (
            self._kind == "content"
            and self._line[end - 7 : end].upper() == b"BODY[] "
            and _FETCH.match(self._line) is not None
        )

    def _response(self, line: bytes) -> Event | None:
        if line.startswith(b"* "):
            return self._untagged(line)
        if line.startswith(b"+"):
            return self._go_on(line[2:])
        found = _TAGGED.match(line)
        if found is None or found[1] != b"a%d" % self._number:
            raise BadSyntax("an untagged response, or the tag of the command")
        if self._kind in ("none", "greeting"):
            raise BadSyntax("no tag, for nothing was asked")
        ok = found[2].upper() == b"OK"
        if ok and self._exchange is not None:
            self._exchange.finish()
        return self._done(ok, found[3] or b"")

    def _untagged(self, line: bytes) -> Event | None:
        if self._kind == "greeting":
            found = _STATUS.match(line)
            if found is None:
                raise BadSyntax("a greeting")
            word = found[1].upper()
            self.authenticated = word == b"PREAUTH"
            return self._done(word in (b"OK", b"PREAUTH"), found[2] or b"")
        counted = _COUNT.match(line)
        if counted is not None:
            if counted[2].upper() == b"EXISTS":
                self.messages = int(counted[1])
            elif self.messages:
                self.messages -= 1
                self.expunged += 1
        if self._kind == "idle":
            return Exists(self.messages) if counted else None
        event = None
        if self._kind == "content" and _FETCH.match(line):
            event, line = _quoted_body(line)
        self._size += len(line)
        if self._size > ANSWER:
            raise TooLarge("a shorter answer")
        self._lines.append(line[2:])
        return event

    def _go_on(self, text: bytes) -> Event | None:
        if self._kind == "idle":
            return Idling()
        if self._exchange is None:
            raise BadSyntax("no request to go on")
        try:
            self._output += self._exchange.feed(text) + b"\r\n"
        except (BadSyntax, UnauthorizedLogin):
            self._output += b"*\r\n"
            raise
        return None

    def _done(self, ok: bool, text: bytes) -> Reply:
        reply = Reply(ok, text, tuple(self._lines))
        self._lines, self._size = [], 0
        self._kind, self._exchange = "none", None
        return reply

    def _send(self, line: bytes, kind: str) -> None:
        self._kind = kind
        self._number += 1
        self._lines, self._size = [], 0
        self._output += b"a%d %b\r\n" % (self._number, line)


def _quoted_body(line: bytes) -> tuple[Content | None, bytes]:
    """Return a message that came as a quoted string, and the response without it."""
    start = line.upper().find(b'BODY[] "') + 7
    found = _QUOTED.match(line, start) if start > 6 else None
    if found is None:
        return None, line
    octets = re.sub(rb"\\(.)", rb"\1", found[1])
    return Content(octets), b"%b{%d}%b" % (
        line[:start],
        len(octets),
        line[found.end() :],
    )
