"""The parts of a message: a tree with the offset of every part.

The octets are gone through once for each multipart around them, by
``bytes.find``, and nothing is copied but headers. It is a loop, not a
recursion; how deep, how many and how much is bounded. Broken messages have a
structure as well: a multipart that never closes ends where its parent does, and
what cannot be taken apart is text.

Source: RFC 2045 section 5.2 (defaults), RFC 2046 section 5 (multipart, message).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from mailframe.limits import MIME_DEPTH, MIME_PARTS
from mailframe.mime.header import header_end, unfolded_lines
from mailframe.mime.parameter import Parameters, parameters

# delimiter := CRLF "--" boundary ; followed by transport-padding CRLF
_AFTER_BOUNDARY = re.compile(rb"(--)?[ \t]*(?:\r?\n|\Z)")
# type "/" subtype, both tokens of RFC 2045 section 5.1
_TYPE = re.compile(rb"([!#-'*+.0-9A-Z^-~-]+)[ \t]*/[ \t]*([!#-'*+.0-9A-Z^-~-]+)")

# token of RFC 2045 section 5.1
_TOKEN = re.compile(rb"[!#-'*+.0-9A-Z^-~-]+")

_CR = 13
_TEXT_PLAIN = b"text/plain"
_DIGEST = b"multipart/digest"
_MESSAGE = b"message/rfc822"
_MESSAGES = frozenset((_MESSAGE, b"message/global"))
_CONTAINERS = (b"multipart/", *_MESSAGES)
_DEFAULT_PARAMETERS: Parameters = ((b"charset", b"us-ascii"),)

WORK = 67_108_864
"""Octets that may be searched for boundaries in one message, at least; sixteen
times its size when that is more. A line that only looks like a boundary counts
as ``_FALSE_HIT``. Multiparts beyond that are taken as text."""

_FALSE_HIT = 1000


@dataclass(slots=True, eq=False)
class Part:
    """One part of a message, or the message itself.

    Attributes:
        header_start: Offset of its header in the message.
        body_start: Offset of its body, behind the empty line.
        body_end: Offset behind its body; the line end before a boundary
            belongs to the boundary.
        content_type: ``type/subtype`` in lower case.
        parameters: Of Content-Type.
        fields: All fields of its header by name in lower case, each with its
            values, unfolded, in their order.
        depth: How many parts it is inside of.
        lines: Line ends in its body; 0 unless it is text or a message.
        children: The parts of a multipart, at least one; the message inside a
            message/rfc822 or message/global, exactly one; else none.
    """

    header_start: int
    body_start: int
    body_end: int
    content_type: bytes
    parameters: Parameters
    fields: dict[bytes, list[bytes]]
    depth: int
    lines: int = 0
    children: list["Part"] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Octets of the body, in its transfer encoding."""
        return self.body_end - self.body_start

    @property
    def is_multipart(self) -> bool:
        """Whether the children are the parts of a multipart."""
        return self.content_type.startswith(b"multipart/")

    @property
    def is_message(self) -> bool:
        """Whether the one child is a message with a header of its own."""
        return self.content_type in _MESSAGES

    def first(self, name: bytes) -> bytes | None:
        """Return the first value of a field, ``None`` without one.

        Args:
            name: In lower case.
        """
        values = self.fields.get(name)
        return values[0] if values else None

    def parameter(self, name: bytes) -> bytes:
        """Return a parameter of Content-Type, empty without one.

        Args:
            name: In lower case.
        """
        for found, value in self.parameters:
            if found == name:
                return value
        return b""

    @property
    def encoding(self) -> bytes:
        """The transfer encoding in lower case, ``7bit`` without one."""
        value = self.first(b"content-transfer-encoding")
        if not value:
            return b"7bit"
        match = _TOKEN.match(value)
        return match[0].lower() if match else b"7bit"


def structure(octets: bytes) -> Part:
    """Return the tree of parts of a message.

    Args:
        octets: The whole message. Lines may end in LF alone.

    Returns:
        The message. No part is more than ``MIME_DEPTH`` parts deep and there
        are at most ``MIME_PARTS``; a multipart or message beyond that is given
        as text/plain, and what follows the last part as a piece of it.

    Source: RFC 2046 section 5.1.
    """
    scan = _Scan(octets)
    root = scan.part(0, len(octets), _TEXT_PLAIN, 0)
    scan.run(root)
    return root


def find_part(root: Part, numbers: Sequence[int]) -> Part | None:
    """Return the part that an IMAP section number names.

    Args:
        root: The message.
        numbers: ``(4, 2, 1)`` for ``4.2.1``; empty for the message itself.

    Returns:
        The part, whose header is ``MIME`` and whose body is the section without
        a word; of a message/rfc822 part, ``HEADER`` and ``TEXT`` are those of
        its one child. ``None`` when there is no such part. For a message that
        is not a multipart ``(1,)`` is the message itself: its body is the part.

    Source: RFC 9051 section 6.4.5.1.
    """
    part = root
    numbered = False
    for number in numbers:
        if numbered and part.is_message:
            part, numbered = part.children[0], False
        if part.is_multipart:
            if not 1 <= number <= len(part.children):
                return None
            part, numbered = part.children[number - 1], True
        elif number == 1 and not numbered:
            numbered = True
        else:
            return None
    return part


class _Scan:
    """Takes one message apart; what is still to do waits in a list."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._parts = 1
        self._work = max(WORK, 16 * len(octets))

    def run(self, root: Part) -> None:
        """Take apart ``root``, then what is in it."""
        waiting = [root]
        messages: list[Part] = []
        while waiting:
            part = waiting.pop()
            kind = part.content_type
            if kind.startswith(_CONTAINERS) and self._is_full(part):
                part.content_type = kind = _TEXT_PLAIN
                part.parameters = _DEFAULT_PARAMETERS
            if kind.startswith(b"text/"):
                part.lines = self._octets.count(b"\n", part.body_start, part.body_end)
            elif kind.startswith(b"multipart/"):
                self._cut(part)
                waiting += reversed(part.children)
            elif kind in _MESSAGES:
                messages.append(part)
                self._parts += 1
                inner = self.part(
                    part.body_start, part.body_end, _TEXT_PLAIN, part.depth + 1
                )
                part.children.append(inner)
                waiting.append(inner)
        if messages:
            self._count_lines(messages)

    def _is_full(self, part: Part) -> bool:
        """Tell whether nothing inside this part can be looked at any more."""
        return part.depth >= MIME_DEPTH or self._parts >= MIME_PARTS or self._work <= 0

    def part(self, start: int, end: int, default: bytes, depth: int) -> Part:
        """Read the header of the entity between two offsets."""
        octets = self._octets
        body = header_end(octets, start, end)
        fields: dict[bytes, list[bytes]] = {}
        for line in unfolded_lines(octets, start, body):
            name, colon, value = line.partition(b":")
            if colon:
                name = name.rstrip(b" \t").lower()
                if name in fields:
                    fields[name].append(value.strip())
                else:
                    fields[name] = [value.strip()]
        types = fields.get(b"content-type")
        if types is None:
            kind = default
            given = _DEFAULT_PARAMETERS if kind == _TEXT_PLAIN else ()
        else:
            kind, given = _content_type(types[0])
        return Part(start, body, end, kind, given, fields, depth)

    def _cut(self, part: Part) -> None:
        """Find the parts of a multipart by its boundary."""
        octets, end = self._octets, part.body_end
        delimiter = b"\n--" + part.parameter(b"boundary").rstrip()
        default = _MESSAGE if part.content_type == _DIGEST else _TEXT_PLAIN
        depth = part.depth + 1
        start = -1
        position = max(part.body_start - 1, 0)
        while self._work > 0:
            at = octets.find(delimiter, position, end)
            self._work -= (at if at >= 0 else end) - position
            if at < 0:
                break
            match = _AFTER_BOUNDARY.match(octets, at + len(delimiter), end)
            if match is None:
                self._work -= _FALSE_HIT
                position = at + 1
                continue
            closing = match[1] is not None
            if not closing and self._parts >= MIME_PARTS:
                break
            if start >= 0:
                stop = at - 1 if octets[at - 1] == _CR else at
                part.children.append(self.part(start, max(start, stop), default, depth))
            if closing:
                start = -1
                break
            self._parts += 1
            start = match.end()
            position = start - 1
        if start >= 0:
            part.children.append(self.part(start, end, default, depth))
        elif not part.children:
            # A multipart has at least one part (RFC 2046 section 5.1.1), and so
            # has the body production of RFC 9051 section 9.
            self._parts += 1
            part.children.append(self.part(end, end, _TEXT_PLAIN, depth))

    def _count_lines(self, messages: list[Part]) -> None:
        """Count the lines of messages, each octet once however they nest."""
        bounds = {part.body_start for part in messages}
        bounds.update(part.body_end for part in messages)
        before: dict[int, int] = {}
        lines = last = 0
        for bound in sorted(bounds):
            lines += self._octets.count(b"\n", last, bound) if before else 0
            before[bound] = lines
            last = bound
        for part in messages:
            part.lines = before[part.body_end] - before[part.body_start]


@lru_cache(maxsize=1024)
def _content_type(value: bytes) -> tuple[bytes, Parameters]:
    """Return type and parameters; text/plain for what cannot be understood."""
    head, given = parameters(value)
    match = _TYPE.match(head)
    if match is None:
        return _TEXT_PLAIN, _DEFAULT_PARAMETERS
    kind = b"%b/%b" % (match[1].lower(), match[2].lower())
    if kind.startswith(b"multipart/"):
        boundary = dict(given).get(b"boundary", b"").rstrip()
        if not boundary or b"\n" in boundary:
            return _TEXT_PLAIN, _DEFAULT_PARAMETERS
    return kind, given
