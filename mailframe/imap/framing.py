"""Cut what a client sends into commands, before any grammar.

Whoever reads the pieces knows where each command ends even when the command
makes no sense, so no octet of a refused literal is ever run as a command.
Nothing is decided here but the length of a line: at each literal the server
says what becomes of it.

Source: RFC 9051 section 4.3 (literals), RFC 7888 (non-synchronizing ones).
"""

import re
from dataclasses import dataclass

from mailframe.errors import LineTooLong

# literal = "{" number64 ["+"] "}" CRLF *CHAR8            ; RFC 9051 section 9
_LITERAL = re.compile(rb"\{([0-9]{1,19})(\+?)\}\Z")
_LITERAL_OCTETS = 22
_CLOSING_BRACE = 0x7D
_TIDY = 65_536


@dataclass(frozen=True, slots=True)
class Announced:
    """A literal begins; the framer must be told what to do with it.

    One of ``gather``, ``stream``, ``skip`` and ``drop`` has to be called
    before the next piece is asked for.

    Attributes:
        size: Its octets.
        synchronizing: Whether the client waits to be told to go on.
        so_far: Octets of the command before it, all literals included.
    """

    size: int
    synchronizing: bool
    so_far: int


class Skipped:
    """The end of a command that was skipped has come."""


SKIPPED = Skipped()


class Framer:
    """Hold what has arrived; hand it out one piece at a time.

    Asked for one piece, it reads no further: what follows a STARTTLS can still
    be thrown away.

    Attributes:
        max_line: Octets a command may have without its literals; may be
            changed between commands.
        passed: Octets of a line that were thrown away while its end is waited for.
    """

    def __init__(self, max_line: int) -> None:
        """Begin at a line.

        Args:
            max_line: See the attribute.
        """
        self.max_line = max_line
        self.reset()

    def reset(self) -> None:
        """Forget everything received and begin at a line."""
        self._held = bytearray()
        self._begin = 0
        self._text = 0
        self._searched = 0
        self._literals = 0
        self._announced: tuple[int, int, int] | None = None
        """The announced literal: its brace, its first octet, its size."""
        self._streaming = 0
        self._skipping = 0
        self._discarding = False
        self.passed = 0

    def receive(self, octets: bytes) -> None:
        """Take what the transport read."""
        self._held += octets

    def take_rest(self) -> bytes:
        """Return what was received and not handed out, and forget it."""
        rest = bytes(self._held[self._begin :])
        self.reset()
        return rest

    def next_piece(self) -> bytes | Announced | Skipped | None:
        """Return the next piece, or ``None`` until more octets arrive.

        Returns:
            A command without its last CRLF, its gathered literals inline; or
            a literal that is announced; or ``SKIPPED``. After a literal was
            streamed, the rest of its command is a piece of its own.

        Raises:
            LineTooLong: No CRLF came in time. The next boundary is not known: close
                the connection, or ``pass_over`` what comes before it.
        """
        held = self._held
        if self._skipping and not self._skip():
            return None
        if len(held) < self._text:
            return None
        end = held.find(b"\r\n", self._searched)
        size = self._line_end(end) - self._begin - self._literals
        if size > self.max_line and not self._discarding:
            raise LineTooLong(f"at most {self.max_line} octets in a line")
        if end < 0:
            if self._discarding:
                # A literal may be announced by the last octets.
                self._pass_to(len(held) - _LITERAL_OCTETS - 1)
            # Hold back one octet: it may be the CR of a CRLF cut in two.
            self._searched = max(self._text, len(held) - 1)
            return None
        if end > self._text and held[end - 1] == _CLOSING_BRACE:
            low = max(self._text, end - _LITERAL_OCTETS)
            found = _LITERAL.search(held, low, end)
            if found is not None:
                brace, size = found.start(), int(found[1])
                self._announced = (brace, end + 2, size)
                return Announced(size, not found[2], brace - self._begin)
        if self._discarding:
            self._discarding, self.passed = False, 0
            self._start_at(end + 2)
            return SKIPPED
        piece = bytes(held[self._begin : end])
        self._start_at(end + 2)
        return piece

    def next_line(self, max_line: int) -> bytes | None:
        """Return the next line of a dialogue without its CRLF.

        No literal belongs there. One that comes without being asked for is skipped
        with the rest of its command (``skipping``), as ``skip`` does it.

        Args:
            max_line: Octets it may have.

        Raises:
            LineTooLong: As for ``next_piece``.
        """
        held = self._held
        end = held.find(b"\r\n", self._searched)
        if self._line_end(end) - self._begin > max_line:
            raise LineTooLong(f"at most {max_line} octets in a line")
        if end < 0:
            self._searched = max(self._begin, len(held) - 1)
            return None
        line = bytes(held[self._begin : end])
        self._start_at(end + 2)
        literal = _LITERAL.search(line, max(0, len(line) - _LITERAL_OCTETS))
        if literal is not None and literal[2]:
            self._skipping, self._discarding = int(literal[1]), True
        return line

    def so_far(self, octets: int) -> bytes:
        """Return the beginning of the command that has not ended.

        Args:
            octets: How much of it at most; nothing of an announced literal.
        """
        stop = self._begin + octets
        if self._announced is not None:
            stop = min(self._announced[0], stop)
        return bytes(self._held[self._begin : stop])

    def gather(self) -> None:
        """Keep the literal in its command."""
        _, start, size = self._settled()
        self._literals += size
        self._text = self._searched = start + size

    def stream(self) -> None:
        """Hand the literal out through ``next_octets``; forget what was before."""
        _, start, size = self._settled()
        self._start_at(start)
        self._streaming = size

    def skip(self) -> None:
        """Throw away the literal and the rest of its command.

        ``SKIPPED`` tells when it has ended. Another synchronizing literal in
        it is announced once more.
        """
        _, start, size = self._settled()
        self._start_at(start)
        self._skipping = size
        self._discarding = True

    def pass_over(self) -> None:
        """Throw away the command whose line is too long, to its end.

        ``SKIPPED`` tells when it has ended. Another literal in it is announced.
        """
        self._discarding = True
        self._pass_to(self._text)

    def drop(self) -> None:
        """The command is over: its synchronizing literal will not be sent."""
        _, start, _ = self._settled()
        self._discarding, self.passed = False, 0
        self._start_at(start)

    @property
    def skipping(self) -> int | None:
        """Octets of a literal that is skipped, ``None`` if no command is."""
        return self._skipping if self._discarding else None

    @property
    def streaming(self) -> bool:
        """Whether octets of a streamed literal are still to come."""
        return self._streaming > 0

    def next_octets(self) -> bytes | None:
        """Return octets of the streamed literal, ``None`` until more arrive."""
        start = self._begin
        octets = bytes(self._held[start : start + self._streaming])
        if not octets:
            return None
        self._streaming -= len(octets)
        self._start_at(start + len(octets))
        return octets

    def _line_end(self, found: int) -> int:
        """Return where the line ends, or that it has not before."""
        held = self._held
        # A last CR may be that of the CRLF.
        return found if found >= 0 else len(held) - held.endswith(b"\r")

    def _skip(self) -> bool:
        gone = min(self._skipping, len(self._held) - self._begin)
        self._skipping -= gone
        self._start_at(self._begin + gone)
        return not self._skipping

    def _pass_to(self, place: int) -> None:
        place = max(self._text, place)
        self.passed += place - self._begin
        del self._held[:place]
        self._start_at(0)

    def _settled(self) -> tuple[int, int, int]:
        assert self._announced is not None
        announced, self._announced = self._announced, None
        return announced

    def _start_at(self, place: int) -> None:
        """Begin a command, or what is left of one, at ``place``."""
        if place >= len(self._held):
            self._held.clear()
            place = 0
        elif place > _TIDY:
            del self._held[:place]
            place = 0
        self._begin = self._text = self._searched = place
        self._literals = 0
