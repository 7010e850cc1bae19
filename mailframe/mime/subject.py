"""The base subject, by which SORT and THREAD compare.

Source: RFC 5256 section 2.1.
"""

import re

from mailframe.mime.text import decode_words

# subj-trailer = "(fwd)" / WSP
_FWD = "(fwd)"
# subj-blob = "[" *BLOBCHAR "]" *WSP
_BLOBS = re.compile(r"(?:\[[^\[\]]*+\] *+)++")
# subj-leader = (*subj-blob subj-refwd) / WSP
# subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
_LEADER = re.compile(
    r"(?: ++|(?:\[[^\[\]]*+\] *+)*+(?:re|fwd?) *+(?:\[[^\[\]]*+\] *+)?+:)",
    re.IGNORECASE,
)
_WHITE = re.compile(r"[ \t\r\n]++")
_LONGEST = 10_000


def base_subject(value: bytes) -> str:
    """Return what is left of a subject without ``Re:``, ``Fwd:`` and the like.

    Args:
        value: The value of the Subject field, unfolded.

    Returns:
        The base subject, encoded words decoded, its case kept; may be empty.
        Of a subject of more than 10 000 characters only those are looked at.

    Source: RFC 5256 section 2.1.
    """
    return _reduced(value)[0]


def is_reply_or_forward(value: bytes) -> bool:
    """Tell whether a subject says that the message is a reply or forwarded.

    Args:
        value: The value of the Subject field, unfolded.

    Source: RFC 5256 section 3 (REFERENCES).
    """
    return _reduced(value)[1]


def _reduced(value: bytes) -> tuple[str, bool]:
    """Return the base subject, and whether more than blobs was taken off."""
    text = " ".join(_WHITE.split(decode_words(value[: 8 * _LONGEST])[:_LONGEST]))
    marked = False
    while True:
        kept = len(text.rstrip(" "))
        text = _without_trailers(text)
        marked = marked or len(text) < kept
        start = 0
        while (leader := _LEADER.match(text, start)) is not None:
            start = leader.end()
            marked = marked or leader[0].endswith(":")
        blobs = _BLOBS.match(text, start)
        if blobs is not None:
            # No leader follows the blobs, or they would be a piece of it.
            start = blobs.end() if blobs.end() < len(text) else text.rindex("[")
        text = text[start:]
        if not (text[:5].lower() == "[fwd:" and text.endswith("]")):
            return text, marked
        text = text[5:-1]
        marked = True


def _without_trailers(text: str) -> str:
    """Return the text without the ``(fwd)`` and white space at its end."""
    end = len(text)
    while True:
        if end and text[end - 1] == " ":
            end -= 1
        elif text[max(0, end - 5) : end].lower() == _FWD:
            end -= 5
        else:
            return text[:end]
