"""The first words of a message, for a list of messages.

Source: RFC 8970 section 3.
"""

import html
import re

from mailframe.mime.structure import Part
from mailframe.mime.text import part_text

PREVIEW = 200
"""Characters of a preview (RFC 8970 section 3.3)."""

_FIRST_LOOK = 600
_SECOND_LOOK = 65_536
_PARTS = 100

_QUOTED_LINE = re.compile(r"^>.*+$", re.MULTILINE)
_OPENING = re.compile(r"<(?:(!--)|(script|style|head|title)\b)?", re.IGNORECASE)
_NOT_SHOWN = {
    ord(character): None for character in "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f"
} | dict.fromkeys([*range(9), *range(14, 28), 127])


def preview(octets: bytes, root: Part) -> str:
    """Return the first 200 characters of readable text, on one line.

    They are those of the first text/plain part that has any, or else of the
    first text/html part, without markup. Quoted lines are left out unless there
    is nothing else. Attachments do not count.

    Args:
        octets: The message.
        root: Its parts.

    Returns:
        Empty when there is no text.

    Source: RFC 8970 section 3.3.
    """
    found = None
    for part in _texts(root):
        if part.content_type != b"text/html":
            text = _plain(octets, part)
            if text:
                return text
        elif found is None:
            found = part
    return "" if found is None else _html(octets, found)


def _texts(root: Part) -> list[Part]:
    """Return the text parts that are shown, of the first parts."""
    if not root.children:
        return [root] if _is_shown(root) else []
    found = []
    waiting = [root]
    looked_at = 0
    while waiting and looked_at < _PARTS:
        part = waiting.pop()
        looked_at += 1
        if part.children:
            waiting += reversed(part.children[:_PARTS])
        elif _is_shown(part):
            found.append(part)
    return found


def _is_shown(part: Part) -> bool:
    """Tell whether a part is text to be read, not an attachment."""
    if part.content_type not in (b"text/plain", b"text/html", b"text/enriched"):
        return False
    disposition = part.first(b"content-disposition")
    return disposition is None or disposition[:10].lower() != b"attachment"


def _plain(octets: bytes, part: Part) -> str:
    """Return the preview of a text without markup."""
    text = _lines(part_text(octets, part, _FIRST_LOOK))
    if len(text) < PREVIEW and part.size > _FIRST_LOOK:
        text = _lines(part_text(octets, part, _SECOND_LOOK))
    return text[:PREVIEW].rstrip()


def _lines(text: str) -> str:
    """Return text on one line, without quoted lines if there are others."""
    if ">" in text:
        text = _QUOTED_LINE.sub("", text).strip() or text
    return _one_line(text)


def _one_line(text: str) -> str:
    """Return text with single spaces and nothing that does not show."""
    if not text.isascii() or not text.isprintable():
        text = text.translate(_NOT_SHOWN)
    return " ".join(text.split())


def _html(octets: bytes, part: Part) -> str:
    """Return the preview of a text with markup."""
    source = part_text(octets, part, _SECOND_LOOK)
    return _one_line(html.unescape(_unmarked(source)))[:PREVIEW].rstrip()


def _unmarked(source: str) -> str:
    """Return the text between tags, until there is enough of it.

    Each tag is passed once, so that it takes no longer than the source is long,
    whatever never closes.
    """
    pieces: list[str] = []
    gathered = position = 0
    lower = ""
    while gathered < 4 * PREVIEW:
        opening = _OPENING.search(source, position)
        text = source[position : opening.start() if opening else len(source)]
        pieces.append(text)
        gathered += len(text.strip())
        if opening is None:
            break
        comment, element = opening.groups()
        if comment:
            end, length = source.find("-->", opening.end()), 3
        elif element:
            lower = lower or source.lower()
            end = lower.find("</" + element.lower(), opening.end())
            end, length = source.find(">", end) if end >= 0 else -1, 1
        else:
            end, length = source.find(">", opening.end()), 1
        if end < 0:
            break
        pieces.append(" ")
        position = end + length
    return "".join(pieces)
