"""BURL: a message, or a piece of one, comes from an IMAP server.

RFC 4468. Announced on submission where URLs can be followed; with arguments after
login. Pieces may come by BURL and BDAT in turns. Who follows URLs, and for whom, is
not known here (:class:`mailframe.interfaces.content.IContentByURL`).
"""

import re

from mailframe.errors import BadSyntax, MailError
from mailframe.smtp import replies
from mailframe.smtp.chunk import chunk_reader
from mailframe.smtp.command import Command, Extension
from mailframe.smtp.session import Session

# burl-cmd = "BURL" SP absolute-URI [SP end-marker] CRLF  ; RFC 4468 section 3.5
_ARGUMENT = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*:[!-~]+)(?: +(LAST))?", re.I | re.A)
_SUBMISSION = frozenset({"submission"})


def offer(session: Session) -> str | None:
    """Return what URLs may be used.

    Source: RFC 4468 sections 3.1 and 3.3.
    """
    followed = session.options.content_by_url
    if session.service != "submission" or followed is None:
        return None
    return "" if session.user is None else f"imap imap://{followed.hostname}"


async def burl(session: Session, argument: str) -> None:
    """``BURL url [LAST]``: what the URL means is the next piece of the message.

    When it cannot be had the transaction is over.

    Source: RFC 4468 section 3.2.
    """
    followed = session.options.content_by_url
    if followed is None:
        return session.put(replies.NOT_HERE)
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        raise BadSyntax("a URL, and perhaps LAST")
    refused = session.no_content_yet()
    if refused is not None:
        return session.put(replies.LOGIN_REQUIRED if session.user is None else refused)
    assert session.user is not None
    if session.chunks is None:
        asking = session.content_comes()
        if asking is not None:
            await asking
    try:
        content = await followed.open(match[1], session.user)
    except MailError as error:
        session.end_transaction()
        return session.put(replies.url_refusal(error))
    chunks = session.chunks
    if chunks is None:
        chunks = session.chunks = chunk_reader(session)
    if chunks.size + content.size > session.limits.message_size:
        content.close()
        session.note_refusal(replies.TOO_LARGE)
        session.end_transaction()
        return session.put(replies.TOO_LARGE)
    chunks.begin_chunk(content.size, match[2] is not None)
    session.data, session.source = chunks, content


EXTENSION = Extension(
    "BURL",
    offer,
    commands=(Command(b"BURL", burl, services=_SUBMISSION, moves_mail=True),),
)
