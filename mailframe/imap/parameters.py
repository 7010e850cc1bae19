"""The parentheses that extensions add words to: of SELECT, CREATE, STORE.

Source: RFC 4466 sections 2.1, 2.2 and 2.5.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import atom


class Parameter(Protocol):
    """A word that may stand there."""

    @property
    def parse(self) -> Callable[[Cursor], Any]:
        """Reads what belongs to the word, with the space before it."""


def parameters(
    cursor: Cursor, known: Mapping[bytes, Parameter], what: str
) -> dict[bytes, Any]:
    """Read ``[SP "(" parameter *(SP parameter) ")"]``; each at most once.

    Args:
        cursor: Stands before the space, if there is any.
        known: By name in capitals.
        what: What one is called, for the client.

    Raises:
        BadSyntax: It is not that.
    """
    found: dict[bytes, Any] = {}
    if not cursor.accept(b" ("):
        return found
    while True:
        start = cursor.position
        name = atom(cursor).upper()
        if name not in known or name in found:
            cursor.position = start
            cursor.fail(what)
        found[name] = known[name].parse(cursor)
        if not cursor.accept(b" "):
            break
    cursor.expect(b")")
    return found
