"""Modified UTF-7: how mailbox names beyond ASCII are written in IMAP4rev1.

Source: RFC 3501 section 5.1.3, RFC 2152 (UTF-7).
"""

import re
from binascii import Error, a2b_base64, b2a_base64

from mailframe.errors import BadSyntax

_PLAIN = re.compile(r"[\x20-\x25\x27-\x7e]+")
_SHIFTED = re.compile(r"[^\x20-\x7e]+")
_PIECES = re.compile(rb"([\x20-\x25\x27-\x7e]+)|&([A-Za-z0-9+,]*)-")


def encode(text: str) -> bytes:
    """Return ``text`` in modified UTF-7.

    Args:
        text: Unicode without lone surrogates.

    Source: RFC 3501 section 5.1.3.
    """
    if _PLAIN.fullmatch(text):
        return text.encode("ascii")
    shifted = _SHIFTED.sub(_shift, text.replace("&", "&-"))
    return shifted.encode("ascii")


def _shift(found: re.Match[str]) -> str:
    octets = b2a_base64(found[0].encode("utf-16-be"), newline=False)
    return "&" + octets.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def decode(octets: bytes) -> str:
    """Return the text that ``octets`` stand for.

    Strict: there is one way to write each text, every other is refused, so
    that no mailbox has two names.

    Raises:
        BadSyntax: The octets are not modified UTF-7, or not as
            :func:`encode` writes them.

    Source: RFC 3501 section 5.1.3.
    """
    if b"&" not in octets and _PLAIN.fullmatch(text := octets.decode("latin-1")):
        return text
    found = []
    position = 0
    while position < len(octets):
        piece = _PIECES.match(octets, position)
        if piece is None:
            raise BadSyntax("a name in modified UTF-7")
        if piece[1] is not None:
            found.append(piece[1].decode("ascii"))
        else:
            found.append(_unshifted(piece[2]))
        position = piece.end()
    text = "".join(found)
    if encode(text) != octets:
        raise BadSyntax("a name in modified UTF-7")
    return text


def _unshifted(octets: bytes) -> str:
    if not octets:
        return "&"
    padded = octets.replace(b",", b"/") + b"=" * (-len(octets) % 4)
    try:
        return a2b_base64(padded).decode("utf-16-be")
    except (Error, UnicodeDecodeError):
        raise BadSyntax("a name in modified UTF-7") from None
