"""Headers: where they end, and the fields in them.

A header may have any octets. A line that is no field is passed over, a bare LF
ends a line as CRLF does, and a message without an empty line is all header.

Source: RFC 5322 section 2.2 (header fields), section 4.5 (obsolete ones).
"""

from collections.abc import Iterable

from mailframe.limits import HEADER_SIZE

FIELDS = 10_000
"""Lines of one header looked at for fields, folded ones unfolded first."""

_WHITE = b" \t"
# Python looks for a number in octets ten times as fast as for an octet.
_LF, _SPACE = b"\n "


def header_end(octets: bytes, start: int = 0, end: int | None = None) -> int:
    """Return where the body begins: behind the empty line that ends the header.

    Args:
        octets: What the entity is in.
        start: Where its header begins.
        end: Where the entity ends, ``None`` for the end of ``octets``.

    Returns:
        ``end`` when there is no empty line: then all is header, and there is no
        body.

    Source: RFC 5322 section 2.1.
    """
    if end is None:
        end = len(octets)
    if octets.startswith(b"\r\n", start, end):
        return start + 2
    if octets.startswith(b"\n", start, end):
        return start + 1
    found = octets.find(b"\n\r\n", start, end)
    stop = found + 3 if found >= 0 else end
    bare = octets.find(b"\n\n", start, stop)
    return bare + 2 if bare >= 0 else stop


def split(octets: bytes) -> tuple[bytes, bytes]:
    """Return the header with its final empty line, and the body.

    Source: RFC 5322 section 2.1.
    """
    end = header_end(octets)
    return octets[:end], octets[end:]


def unfold(value: bytes) -> bytes:
    """Return a field's value on one line: every line end taken out.

    Source: RFC 5322 section 2.2.3.
    """
    if _LF not in value:
        return value
    return value.replace(b"\r\n", b"").replace(b"\n", b"")


def unfolded_lines(octets: bytes, start: int, end: int) -> list[bytes]:
    """Return the header between two offsets as lines, one field a line.

    At most ``HEADER_SIZE`` octets and ``FIELDS`` lines are looked at.
    """
    if end - start > HEADER_SIZE:
        end = start + HEADER_SIZE
    header = octets[start:end].replace(b"\r\n", b"\n")
    if b"\n " in header:
        header = header.replace(b"\n ", b" ")
    if b"\n\t" in header:
        header = header.replace(b"\n\t", b"\t")
    lines = header.split(b"\n", FIELDS)
    if len(lines) > FIELDS:
        lines.pop()
    return lines


def fields(octets: bytes) -> list[tuple[bytes, bytes]]:
    """Return the fields of a message, or of a header alone, in their order.

    Returns:
        Pairs of the field's name in lower case and its value, unfolded and
        without white space around it. Octets beyond ASCII are as they came.

    Source: RFC 5322 section 2.2.
    """
    found = []
    for line in unfolded_lines(octets, 0, header_end(octets)):
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        if colon and name and _SPACE not in name:
            found.append((name.lower(), value.strip()))
    return found


def field_values(octets: bytes, name: bytes) -> list[bytes]:
    """Return the values of all fields of one name, in their order.

    Args:
        octets: A message, or a header alone.
        name: The name of the field; its case does not matter.

    Returns:
        Values as :func:`fields` gives them; empty when there is no such field.
    """
    wanted = name.lower()
    return [value for found, value in fields(octets) if found == wanted]


def first_value(octets: bytes, name: bytes) -> bytes | None:
    """Return the value of the first field of one name, ``None`` without one.

    The other fields are not taken apart: one search at C speed is all it costs.

    Args:
        octets: A message, or a header alone.
        name: The name of the field; its case does not matter.
    """
    end = min(header_end(octets), HEADER_SIZE)
    header = b"\n" + octets[:end]
    lower = header.lower()
    wanted = b"\n" + name.lower()
    at = lower.find(wanted)
    while at >= 0:
        start = at + len(wanted)
        stop = _field_stop(header, start)
        before, colon, value = header[start:stop].partition(b":")
        if colon and not before.strip(b" \t"):
            return unfold(value).strip()
        at = lower.find(wanted, stop)
    return None


def subset(octets: bytes, names: Iterable[bytes], inverted: bool = False) -> bytes:
    """Return some fields as they stand, folded, and the final empty line.

    Args:
        octets: A message, or a header alone.
        names: Names of the fields wanted; their case does not matter.
        inverted: Whether the fields of these names are left out and all others
            kept.

    Returns:
        The fields in the order of the header. The empty line is there when the
        header has one.

    Source: RFC 9051 section 6.4.5.1 (HEADER.FIELDS).
    """
    wanted = {name.lower() for name in names}
    end = header_end(octets)
    lines = octets[:end].split(b"\n")
    last = lines.pop()
    found: list[bytes] = []
    keep = inverted
    for line in lines:
        if line in (b"", b"\r"):
            found.append(line)
            continue
        if line[0] not in _WHITE:
            keep = _named(line, wanted) is not inverted
        if keep:
            found.append(line)
    if last and (keep if last[0] in _WHITE else _named(last, wanted) is not inverted):
        return b"\n".join([*found, last])
    return b"\n".join([*found, b""])


def _named(line: bytes, wanted: set[bytes]) -> bool:
    """Tell whether a line begins a field of one of these names."""
    return line.partition(b":")[0].rstrip(b" \t").lower() in wanted


def _field_stop(header: bytes, start: int) -> int:
    """Return where the field that has an octet at ``start`` ends."""
    stop = header.find(b"\n", start)
    while stop >= 0 and header[stop + 1 : stop + 2] in (b" ", b"\t"):
        stop = header.find(b"\n", stop + 1)
    return stop if stop >= 0 else len(header)
