"""The wildcards of LIST, matched in a time that no pattern can blow up.

Source: RFC 3501 section 6.3.8.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from mailframe.errors import BadSyntax
from mailframe.model.mailbox import DELIMITER, INBOX

_MAX = 4000
_RUN = re.compile(r"[*%]*\*[*%]*|%+")


def mailbox_matcher(reference: str, pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether a mailbox name matches.

    ``*`` stands for any characters, ``%`` for any but ``/``. INBOX matches
    without regard to case.

    Args:
        reference: What stands before the pattern, unless that begins with
            ``/``; empty for nothing.
        pattern: Decoded, with wildcards.

    Raises:
        BadSyntax: Both together are longer than any name.

    Source: RFC 3501 section 6.3.8.
    """
    whole = pattern if pattern.startswith(DELIMITER) else reference + pattern
    if len(whole) > _MAX:
        raise BadSyntax("a shorter pattern")
    return _compiled(whole)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Callable[[str], bool]:
    levels = pattern.split(DELIMITER)
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    expression = _expression(DELIMITER.join(levels))
    matches = re.compile(expression, re.DOTALL).fullmatch
    inbox = bool(re.compile(expression, re.DOTALL | re.IGNORECASE).fullmatch(INBOX))
    return lambda name: inbox if name == INBOX else matches(name) is not None


def _expression(pattern: str) -> str:
    """Translate a pattern into a regular expression.

    Between two ``*`` the earliest match is never worse than a later one, so
    each such piece is an atomic group and nothing is tried twice.
    """
    # A run of wildcards is one: "*" if there is a "*" in it.
    pattern = _RUN.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
    first, *others = pattern.split("*")
    if not others:
        return _piece(first, last=True)
    *middle, last = others
    return "".join(
        [
            _piece(first, last=False),
            *(f"(?>.*?{_piece(piece, last=False)})" for piece in middle),
            f".*?{_piece(last, last=True)}" if last else ".*",
        ]
    )


def _piece(piece: str, last: bool) -> str:
    """Translate what stands between two ``*``."""
    first, *others = map(re.escape, piece.split("%"))
    if not others:
        return first
    *middle, end = others
    tail = f"[^/]*{end}" if last else f"(?>[^/]*?{end})"
    return first + "".join(f"(?>[^/]*?{text})" for text in middle) + tail
