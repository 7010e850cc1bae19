"""Parts of messages without their transfer encoding.

Source: RFC 3516 section 4.3, RFC 5524 section 3.
"""

from mailframe.imap.responses import Refused
from mailframe.imap.section import Parts, Section
from mailframe.mime.lines import to_crlf
from mailframe.mime.structure import find_part
from mailframe.mime.text import decode_transfer, is_known_encoding


def decoded(section: Section, parts: Parts, octets: bytes) -> bytes | None:
    """Return a part of a message without its transfer encoding.

    A message, and what holds other parts, has none. Text has CRLF line ends.

    Args:
        section: Which part; without numbers the message.
        parts: What is known of the message.
        octets: The message, as far as the part's end.

    Returns:
        ``None`` when the message has no such part.

    Raises:
        Refused: Its encoding is not known.

    Source: RFC 3516 sections 4.3 and 6.
    """
    extent = section.extent(parts)
    if extent is None:
        return None
    body = octets[extent[0] : extent[1]]
    part = find_part(parts.structure, section.numbers) if section.numbers else None
    if part is None or part.children:
        return body
    if not is_known_encoding(part.encoding):
        raise Refused(b"[UNKNOWN-CTE] The transfer encoding is not known")
    body = decode_transfer(body, part.encoding)
    return to_crlf(body) if part.content_type.startswith(b"text/") else body
