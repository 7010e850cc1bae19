"""A place in a command: what the grammar functions read from.

A command arrives as one ``bytes`` object, literals inline as they were sent
and the final CRLF removed. Reading never copies what lies ahead.

Source: RFC 9051 section 9 (formal syntax).
"""

import re
from typing import NoReturn

from mailframe.errors import BadSyntax


class Cursor:
    """Octets and how far they were read.

    Attributes:
        octets: The whole command.
        position: Index of the next octet; functions that fail leave it
            anywhere, so a command is never read on after BadSyntax.
        utf8: Whether the client writes mailbox names in UTF-8 rather than in
            modified UTF-7.
    """

    __slots__ = ("octets", "position", "utf8")

    def __init__(self, octets: bytes, position: int = 0, utf8: bool = False) -> None:
        """Begin reading.

        Args:
            octets: A command, or some of its arguments.
            position: Where to begin, from 0.
            utf8: See the attribute.
        """
        self.octets = octets
        self.position = position
        self.utf8 = utf8

    def peek(self) -> bytes:
        """Return the next octet without reading it, empty at the end."""
        return self.octets[self.position : self.position + 1]

    def rest(self) -> bytes:
        """Return everything that was not read yet, without reading it."""
        return self.octets[self.position :]

    def accept(self, token: bytes) -> bool:
        """Read ``token`` when it comes next, in capitals or not.

        Only octets are compared: ``accept(b"OR")`` reads the beginning of
        ``ORANGE`` too. Names are better read with :func:`grammar.atom`.

        Args:
            token: In capitals.

        Returns:
            Whether it was there.
        """
        stop = self.position + len(token)
        if self.octets[self.position : stop].upper() != token:
            return False
        self.position = stop
        return True

    def expect(self, token: bytes, what: str | None = None) -> None:
        """Read ``token``, which must come next.

        Args:
            token: In capitals.
            what: How to name it to the peer; the token itself otherwise.

        Raises:
            BadSyntax: Something else comes next.
        """
        if not self.accept(token):
            self.fail(what or token.decode("ascii", "replace"))

    def space(self) -> None:
        """Read the one space between two arguments.

        Raises:
            BadSyntax: There is none.
        """
        if self.octets[self.position : self.position + 1] != b" ":
            self.fail("a space")
        self.position += 1

    def end(self) -> None:
        """Check that everything was read.

        Raises:
            BadSyntax: Something is left.
        """
        if self.position < len(self.octets):
            self.fail("the end of the command")

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Read what ``pattern`` matches here.

        Returns:
            The match, or ``None`` when there is none and nothing was read.
        """
        found = pattern.match(self.octets, self.position)
        if found is not None:
            self.position = found.end()
        return found

    def fail(self, expected: str) -> NoReturn:
        """Say what the grammar wanted here.

        Args:
            expected: In the words of the grammar.

        Raises:
            BadSyntax: Always, with this position.
        """
        raise BadSyntax(expected, self.position)
