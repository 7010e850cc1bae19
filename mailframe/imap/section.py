"""Sections of a message: what stands in the brackets of ``BODY[...]``.

A section is found as a pair of offsets, so that a large message is sent in
pieces without ever being cut apart in memory.

Source: RFC 3501 section 6.4.5, RFC 9051 section 6.4.5.1.
"""

import re
from dataclasses import dataclass
from enum import Enum

from mailframe.imap import grammar
from mailframe.imap.cursor import Cursor
from mailframe.imap.serialize import astring_out
from mailframe.limits import MIME_DEPTH
from mailframe.mime.header import header_end, subset
from mailframe.mime.structure import Part, find_part, structure

# section-part = nz-number *("." nz-number)           ; RFC 9051 section 9
_PART = re.compile(rb"[1-9][0-9]{0,9}(?:\.[1-9][0-9]{0,9})*")
# section-text = section-msgtext / "MIME"
_TEXT = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.I)


class SectionText(Enum):
    """The word that may end a section."""

    ALL = ""
    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


_HEADERS = frozenset(
    (SectionText.HEADER, SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT)
)


@dataclass(frozen=True, slots=True)
class Section:
    """What is wanted of a message.

    Attributes:
        numbers: The part, ``(4, 2)`` for ``4.2``; empty for the message.
        text: What of it.
        names: Field names as the client wrote them, for ``HEADER.FIELDS`` and
            ``HEADER.FIELDS.NOT`` only.
    """

    numbers: tuple[int, ...] = ()
    text: SectionText = SectionText.ALL
    names: tuple[bytes, ...] = ()

    @property
    def in_header(self) -> bool:
        """Whether the header of the message is enough to answer."""
        return not self.numbers and self.text in _HEADERS

    def __bytes__(self) -> bytes:
        """Return the section as a response has it, brackets included."""
        words = [b"%d" % number for number in self.numbers]
        if self.text is not SectionText.ALL:
            words.append(self.text.value.encode("ascii"))
        names = b""
        if self.names:
            names = b" (%b)" % b" ".join(map(astring_out, self.names))
        return b"[%b%b]" % (b".".join(words), names)

    def extent(self, message: "Parts") -> tuple[int, int] | None:
        """Return where the section is, field names not looked at.

        Args:
            message: The message the section is of.

        Returns:
            Offsets ``(start, stop)``, or ``None`` when the message has no such
            part.

        Source: RFC 9051 section 6.4.5.1.
        """
        if not self.numbers:
            if self.text is SectionText.ALL:
                return 0, message.size
            if self.text is SectionText.TEXT:
                return message.header_size, message.size
            return 0, message.header_size
        part = find_part(message.structure, self.numbers)
        if part is None:
            return None
        if self.text is SectionText.ALL:
            return part.body_start, part.body_end
        if self.text is SectionText.MIME:
            return part.header_start, part.body_start
        if not part.is_message:
            return None
        inner = part.children[0]
        if self.text is SectionText.TEXT:
            return inner.body_start, inner.body_end
        return inner.header_start, inner.body_start

    def filtered(self, octets: bytes) -> bytes:
        """Return what the field names leave of the section's octets."""
        if self.text is SectionText.HEADER_FIELDS:
            return subset(octets, self.names)
        if self.text is SectionText.HEADER_FIELDS_NOT:
            return subset(octets, self.names, inverted=True)
        return octets


class Parts:
    """A message as far as its sections need to be known.

    Attributes:
        size: Octets of the whole message.
    """

    __slots__ = ("_header_size", "_octets", "_structure", "size")

    def __init__(
        self,
        size: int,
        header_size: int | None,
        octets: bytes | None,
        root: Part | None,
    ) -> None:
        """Describe a message.

        Args:
            size: Octets of the whole message.
            header_size: Octets of its header with the empty line; ``None``
                when ``octets`` are given, to find out if it is asked for.
            octets: The message, needed unless ``root`` is given or no section
                with a part number is asked for.
            root: Its structure when that is known.
        """
        self.size = size
        self._header_size = header_size
        self._octets = octets
        self._structure = root

    @classmethod
    def of(cls, octets: bytes) -> "Parts":
        """Return the parts of a message that is in memory."""
        return cls(len(octets), None, octets, None)

    @property
    def header_size(self) -> int:
        """Octets of its header with the empty line."""
        if self._header_size is None:
            if self._octets is None:
                raise ValueError("neither octets nor a header's size were given")
            self._header_size = header_end(self._octets)
        return self._header_size

    @property
    def structure(self) -> Part:
        """The tree of parts, made when it is first asked for."""
        if self._structure is None:
            if self._octets is None:
                raise ValueError("neither octets nor structure were given")
            self._structure = structure(self._octets)
        return self._structure


def section(cursor: Cursor) -> Section:
    """Read a ``section`` with its brackets.

    Raises:
        BadSyntax: There is none here, or more part numbers than a message can
            have.

    Source: RFC 9051 section 9 (section).
    """
    cursor.expect(b"[")
    numbers = section_part(cursor)
    text = SectionText.ALL
    names: tuple[bytes, ...] = ()
    if not numbers or cursor.accept(b"."):
        if found := cursor.match(_TEXT):
            text = SectionText(found[0].decode("ascii").upper())
        elif numbers:
            cursor.fail("HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, MIME or TEXT")
    if text is SectionText.MIME and not numbers:
        cursor.fail("a part number before MIME")
    if text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT):
        cursor.space()
        names = header_list(cursor)
    cursor.expect(b"]")
    return Section(numbers, text, names)


def section_part(cursor: Cursor) -> tuple[int, ...]:
    """Read a ``section-part``; empty when there is none here.

    Raises:
        BadSyntax: More numbers than parts can be inside each other, or one
            above 2**32 - 1.

    Source: RFC 9051 section 9 (section-part).
    """
    start = cursor.position
    found = cursor.match(_PART)
    if found is None:
        return ()
    numbers = tuple(map(int, found[0].split(b".")))
    if len(numbers) > MIME_DEPTH + 1 or max(numbers) >= 2**32:
        cursor.position = start
        cursor.fail("a part number of a message")
    return numbers


def header_list(cursor: Cursor) -> tuple[bytes, ...]:
    """Read a ``header-list``: field names in parentheses, in capitals after.

    Raises:
        BadSyntax: There is none here.

    Source: RFC 9051 section 9 (header-list).
    """
    cursor.expect(b"(")
    names = [grammar.astring(cursor).upper()]
    while cursor.accept(b" "):
        names.append(grammar.astring(cursor).upper())
    cursor.expect(b")")
    return tuple(names)


@dataclass(frozen=True, slots=True)
class Partial:
    """Some octets of a section only.

    Attributes:
        first: Offset of the first, from 0.
        count: How many at most, from 1.
    """

    first: int
    count: int

    def of(self, start: int, stop: int) -> tuple[int, int]:
        """Return the offsets of the part that lies in ``start`` to ``stop``."""
        first = min(start + self.first, stop)
        return first, min(first + self.count, stop)


def partial(cursor: Cursor) -> Partial | None:
    """Read ``<first.count>`` when it comes next.

    Raises:
        BadSyntax: What follows the ``<`` is something else.

    Source: RFC 9051 section 9 (partial).
    """
    if not cursor.accept(b"<"):
        return None
    # number64 in RFC 9051, number in RFC 3501: the larger one is read.
    first = grammar.number64(cursor)
    cursor.expect(b".")
    start = cursor.position
    count = grammar.number64(cursor)
    if count == 0:
        cursor.position = start
        cursor.fail("a count of octets above 0")
    cursor.expect(b">")
    return Partial(first, count)
