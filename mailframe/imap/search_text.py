"""What SEARCH can ask of whole messages.

Source: RFC 9051 section 6.4.4 (BODY, TEXT).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mailframe.imap.criterion import Candidate, Level
from mailframe.mime.header import unfolded_lines
from mailframe.mime.structure import Part
from mailframe.mime.text import casemap, decode_words

_WHITE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Body:
    """Whether the texts of the body contain a text, given after casemap."""

    text: str
    level: ClassVar[Level] = Level.CONTENT

    def test(self, message: Candidate) -> bool | None:
        """Look at every text part."""
        if not self.text:
            return True
        if message.octets is None:
            return None
        seen = message.at_sight(message.octets, self.text)
        if seen is not None:
            return seen
        return any(self.text in text for text in message.texts(message.octets))


@dataclass(frozen=True, slots=True)
class Text:
    """Whether header, MIME headers or body contain a text, after casemap."""

    text: str
    level: ClassVar[Level] = Level.CONTENT

    def test(self, message: Candidate) -> bool | None:
        """Look at the header, then everywhere."""
        if not self.text:
            return True
        if message.header is not None and self.text in header_text(
            message.header, 0, len(message.header)
        ):
            return True
        octets = message.octets
        if octets is None:
            return None
        seen = message.at_sight(octets, self.text)
        # A text with white space may still be in an unfolded header.
        if seen or (seen is False and not _WHITE.search(self.text)):
            return seen
        return any(self.text in text for text in message.texts(octets)) or any(
            self.text in header_text(octets, part.header_start, part.body_start)
            for part in parts_below(message.structure(octets))
        )


def header_text(octets: bytes, start: int, stop: int) -> str:
    """Return a header as text, after casemap, one field a line."""
    lines = unfolded_lines(octets, start, stop)
    return casemap("\n".join(map(decode_words, lines)))


def parts_below(root: Part) -> Iterator[Part]:
    """Yield every part of a message but the message itself."""
    waiting = list(root.children)
    while waiting:
        part = waiting.pop()
        yield part
        waiting += part.children
