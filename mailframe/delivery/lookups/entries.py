"""The text of alias and virtual files, taken apart.

Both kinds are read by one grammar: a key, a colon or white space, then values
with commas between them. A line that begins with white space goes on with the
one before; ``#`` at the beginning of a line makes a comment.

::

    postmaster: alice, |"/usr/bin/count mail"      aliases(5)
    info@example.org  alice@example.org, bob       virtual
"""

from collections.abc import Iterator

from mailframe.delivery.lookups.broken import BrokenTable

INCLUDE = ":include:"
"""Begins a value that names a file with more values."""


def logical_lines(path: str, octets: bytes) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line, continuations joined, comments gone.

    Raises:
        BrokenTable: It is not UTF-8, or begins with a continuation.
    """
    begun, number = 0, 0
    parts: list[str] = []
    for number, line in enumerate(octets.split(b"\n"), 1):
        try:
            text = line.decode().rstrip()
        except UnicodeDecodeError:
            raise BrokenTable(path, number, "not UTF-8") from None
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if text[0] in " \t":
            if not parts:
                raise BrokenTable(path, number, "a continuation of nothing")
            parts.append(text)
            continue
        if parts:
            yield begun, " ".join(parts)
        begun, parts = number, [text]
    if parts:
        yield begun, " ".join(parts)


def entry(path: str, number: int, line: str) -> tuple[str, list[str]]:
    """Return key and values of a line.

    Raises:
        BrokenTable: It has no key, or something in it does not end.
    """
    if line.startswith('"'):
        key, at = _quoted(path, number, line, 0)
    else:
        at = next(
            (at for at, mark in enumerate(line) if mark in ": \t"),
            len(line),
        )
        key = line[:at]
    rest = line[at:].lstrip()
    if rest.startswith(":") and not rest.startswith(INCLUDE):
        rest = rest[1:]
    if not key:
        raise BrokenTable(path, number, "no key")
    return key, values(path, number, rest)


def values(path: str, number: int, text: str) -> list[str]:
    """Return the values of a line, unquoted.

    Raises:
        BrokenTable: A quoted one does not end.
    """
    found: list[str] = []
    parts: list[str] = []
    at = 0
    while at < len(text):
        mark = text[at]
        if mark == '"':
            part, at = _quoted(path, number, text, at)
            parts.append(part)
        elif mark == ",":
            found.append("".join(parts).strip())
            parts = []
            at += 1
        else:
            stop = next(
                (stop for stop in range(at, len(text)) if text[stop] in '",'),
                len(text),
            )
            parts.append(text[at:stop])
            at = stop
    found.append("".join(parts).strip())
    return [bare for value in found if value and (bare := _bare(value))]


def _quoted(path: str, number: int, text: str, at: int) -> tuple[str, int]:
    """Return what stands in the quotes that begin at ``at``, and where they end."""
    parts: list[str] = []
    at += 1
    while at < len(text):
        mark = text[at]
        if mark == '"':
            return "".join(parts), at + 1
        if mark == "\\" and at + 1 < len(text):
            at += 1
            mark = text[at]
        parts.append(mark)
        at += 1
    raise BrokenTable(path, number, "a quote without its end")


def _bare(value: str) -> str:
    """Return ``address`` for ``Name <address>``."""
    if value.endswith(">") and "<" in value and value[0] not in "|/:":
        return value[value.index("<") + 1 : -1]
    return value
