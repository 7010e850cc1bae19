"""CHUNKING: content in chunks of a known length, without dots.

RFC 3030. Always announced. The octets of a chunk are taken whatever the answer
to it is, so none of them is ever read as a command; when they are more than
anybody wants to read, the session ends instead.
"""

import re
from collections.abc import Awaitable

from mailframe.smtp import replies
from mailframe.smtp.chunk import PassedOver, chunk_reader
from mailframe.smtp.command import Command, Extension, Step
from mailframe.smtp.session import Session

# bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ]   ; RFC 3030 section 2
_ARGUMENT = re.compile(r"([0-9]{1,20})(?: +(LAST))?", re.IGNORECASE | re.ASCII)


def bdat(session: Session, argument: str) -> Step | None:
    """``BDAT size [LAST]``: that many octets of the message follow.

    Source: RFC 3030 section 2.
    """
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        # Nobody knows where the next command begins.
        session.close(replies.CHUNK_LOST)
        return None
    size, last = int(match[1]), match[2] is not None
    if not size:
        session.idle += 1
    refused = session.no_content_yet()
    if refused is not None:
        _pass_over(session, size, refused)
        return None
    asking = session.content_comes() if session.chunks is None else None
    if asking is not None:
        return _take_after(session, asking, size, last)
    _take(session, size, last)
    return None


async def _take_after(
    session: Session, asking: Awaitable[None], size: int, last: bool
) -> None:
    try:
        await asking
    except Exception as error:
        refused = session.refusal(error) * _answers(session, last)
        _pass_over(session, size, refused)
    else:
        _take(session, size, last)


def _pass_over(session: Session, size: int, refused: bytes) -> None:
    """Refuse a chunk, when it has come, or at once if nobody wants to wait for it."""
    if size > session.limits.unwanted:
        session.put(refused)
        session.close(replies.TOO_MUCH_UNWANTED)
    else:
        session.data = PassedOver(size, refused)


def _take(session: Session, size: int, last: bool) -> None:
    """Read a chunk, unless the message gets too large with it."""
    limits = session.limits
    chunks = session.chunks
    if chunks is None:
        chunks = session.chunks = chunk_reader(session)
    if chunks.size + size > limits.message_size + limits.unwanted:
        session.note_refusal(replies.TOO_LARGE)
        session.put(replies.TOO_LARGE * _answers(session, last))
        return session.close(replies.TOO_MUCH_UNWANTED)
    chunks.begin_chunk(size, last)
    session.data = chunks


def _answers(session: Session, last: bool) -> int:
    """Return how many replies a chunk has; with LMTP the last has one a recipient."""
    return session.accepted if last and session.service == "lmtp" else 1


EXTENSION = Extension("CHUNKING", commands=(Command(b"BDAT", bdat, moves_mail=True),))
