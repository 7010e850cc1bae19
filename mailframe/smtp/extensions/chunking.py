"""CHUNKING: content in chunks of a known length, without dots.

RFC 3030. Always announced. The octets of a chunk are taken whatever the answer
to it is, so none of them is ever read as a command; when they are more than
anybody wants to read, the session ends instead.
"""

import re

from mailframe.smtp import replies
from mailframe.smtp.chunk import PassedOver, chunk_reader
from mailframe.smtp.command import Command, Extension
from mailframe.smtp.session import Session

# bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ]   ; RFC 3030 section 2
_ARGUMENT = re.compile(r"([0-9]{1,20})(?: +(LAST))?", re.IGNORECASE | re.ASCII)


def bdat(session: Session, argument: str) -> None:
    """``BDAT size [LAST]``: that many octets of the message follow.

    Source: RFC 3030 section 2.
    """
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        # Nobody knows where the next command begins.
        return session.close(replies.CHUNK_LOST)
    size = int(match[1])
    if not size:
        session.idle += 1
    limits = session.limits
    refused = session.no_content_yet()
    if refused is not None:
        if size > limits.unwanted:
            session.put(refused)
            return session.close(replies.TOO_MUCH_UNWANTED)
        session.data = PassedOver(size, refused)
        return None
    chunks = session.chunks
    if chunks is None:
        chunks = session.chunks = chunk_reader(session)
    last = match[2] is not None
    if chunks.size + size > limits.message_size + limits.unwanted:
        session.note_refusal(replies.TOO_LARGE)
        each = last and session.service == "lmtp"
        session.put(replies.TOO_LARGE * (session.accepted if each else 1))
        return session.close(replies.TOO_MUCH_UNWANTED)
    chunks.begin_chunk(size, last)
    session.data = chunks
    return None


EXTENSION = Extension("CHUNKING", commands=(Command(b"BDAT", bdat, moves_mail=True),))
