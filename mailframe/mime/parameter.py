"""Parameters of a field: ``attachment; filename="a.txt"`` taken apart.

Extended and continued parameters come out whole, in UTF-8, under the name
they have without their asterisks: a client that knows nothing of RFC 2231
still finds ``filename``.

Source: RFC 2045 section 5.1, RFC 2231 sections 3 and 4.
"""

import re
from itertools import islice
from urllib.parse import unquote_to_bytes

from mailframe.mime.charset import decode_charset

Parameters = tuple[tuple[bytes, bytes], ...]
"""Names in lower case and values, in the order they came."""

PARAMETERS = 200
"""Parameters of one field that are looked at."""

_VALUE = 65_536

# parameter = attribute "=" value ; value = token / quoted-string
# Lenient: a value without quotes runs to the next semicolon, for senders that
# leave them out around a name with spaces.
_PARAMETER = re.compile(
    rb';[ \t]*([^=;"\s]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*+)|([^;]*))', re.DOTALL
)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
# A quoted string hides parentheses, but not in a comment.
_OPENING = re.compile(rb'"(?:[^"\\]|\\.)*+"?|\(', re.DOTALL)
_IN_COMMENT = re.compile(rb"\\.|[()]", re.DOTALL)
_SECTION = re.compile(rb"([^*]+)\*(?:([0-9]{1,3})(\*?))?\Z")


def parameters(value: bytes) -> tuple[bytes, Parameters]:
    """Take the unfolded value of a field apart.

    Args:
        value: For example of Content-Type or Content-Disposition.

    Returns:
        What is before the first semicolon, and the parameters. Of two with one
        name the first counts.

    Source: RFC 2045 section 5.1, RFC 2231 section 3.
    """
    if len(value) > _VALUE:
        value = value[:_VALUE]
    if b"(" in value:
        value = _without_comments(value)
    start = value.find(b";")
    if start < 0:
        return value.strip(), ()
    head = value[:start].strip()
    found: dict[bytes, bytes] = {}
    extended = False
    for match in islice(_PARAMETER.finditer(value, start), PARAMETERS):
        name, quoted, bare = match.groups()
        if quoted is None:
            text = bare.strip()
        elif b"\\" in quoted:
            text = _ESCAPE.sub(rb"\1", quoted)
        else:
            text = quoted
        if b"*" in name:
            extended = True
        found.setdefault(name.lower(), text)
    if extended:
        found = _joined(found)
    return head, tuple(found.items())


def _without_comments(value: bytes) -> bytes:
    """Return a value without its comments, which may be nested.

    One that is not closed is none.

    Source: RFC 5322 section 3.2.2, RFC 2045 section 5.1.
    """
    kept = []
    start = position = 0
    while (match := _OPENING.search(value, position)) is not None:
        position = match.end()
        if match[0] != b"(":
            continue
        end = _comment_end(value, position)
        if not end:
            break
        kept.append(value[start : match.start()])
        start = position = end
    return b"".join([*kept, value[start:]])


def _comment_end(value: bytes, position: int) -> int:
    """Return where a comment ends that is open, 0 when it does not."""
    depth = 1
    for match in _IN_COMMENT.finditer(value, position):
        depth += {b"(": 1, b")": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    return 0


def _joined(found: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Put the pieces of continued parameters together and decode them."""
    plain: dict[bytes, bytes] = {}
    pieces: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in found.items():
        match = _SECTION.match(name)
        if match is None:
            # The extended form wins over a plain one of the same name, which
            # is there for software that cannot read it.
            if name not in pieces:
                plain[name] = value
            continue
        base, number, star = match.groups()
        if base not in pieces:
            pieces[base] = {}
            plain[base] = b""
        encoded = number is None or star == b"*"
        pieces[base].setdefault(int(number or 0), (value, encoded))
    for base, sections in pieces.items():
        plain[base] = _value(sections)
    return plain


def _value(sections: dict[int, tuple[bytes, bool]]) -> bytes:
    """Return the value that numbered sections make, in UTF-8 if it was encoded."""
    charset = None
    octets = []
    for place, number in enumerate(sorted(sections)):
        value, encoded = sections[number]
        if encoded:
            if place == 0 and value.count(b"'") >= 2:
                charset, _, value = value.split(b"'", 2)
            value = unquote_to_bytes(value)
        octets.append(value)
    joined = b"".join(octets)
    if charset is None:
        return joined
    return decode_charset(joined, charset).encode()
