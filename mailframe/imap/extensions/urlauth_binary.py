"""URLFETCH, and URLAUTH=BINARY: what a URL means is told, decoded if wished.

Capability ``URLAUTH=BINARY``, RFC 5524, announced with URLAUTH, whose third command
is here. A URL that leads nowhere, or proves nothing, is answered with NIL.

Source: RFC 4467 section 7 (URLFETCH), RFC 5524 section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailframe.errors import (
    AccessRefused,
    BadSyntax,
    MailError,
    NoSuchContent,
    NotSupported,
    TooLarge,
)
from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.decoding import decoded
from mailframe.imap.fetch import BrokenLiteral
from mailframe.imap.grammar import astring, atom
from mailframe.imap.literal8 import nstring8_out
from mailframe.imap.message_url import MessageAt, open_message
from mailframe.imap.responses import Refused
from mailframe.imap.section import SectionText
from mailframe.imap.serialize import astring_out, without_nul
from mailframe.imap.session import Session
from mailframe.interfaces.access_keys import IAccessKeys
from mailframe.mime.structure import find_part
from mailframe.mime.wire import body_and_structure
from mailframe.model.imap_url import imap_url

_URLS_MAX = 100
_WISHES = frozenset((b"BODY", b"BINARY", b"BODYPARTSTRUCTURE"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A URL, and in which forms what it means is wanted; none for the old way."""

    url: bytes
    wishes: tuple[bytes, ...] = ()
    extended: bool = False


def parse(cursor: Cursor) -> Sequence[Asked]:
    """Read the URLs.

    ``urlfetch = "URLFETCH" 1*(SP url-fetch-arg)``

    ``url-fetch-ext = "(" url-full *(SP url-fetch-param) ")"``

    Source: RFC 5524 section 5.
    """
    asked: list[Asked] = []
    while not asked or cursor.rest():
        cursor.space()
        if len(asked) >= _URLS_MAX:
            raise TooLarge("fewer URLs", cursor.position)
        if not cursor.accept(b"("):
            asked.append(Asked(astring(cursor)))
            continue
        url = astring(cursor)
        wishes: list[bytes] = []
        while cursor.accept(b" "):
            start = cursor.position
            wish = atom(cursor).upper()
            if wish not in _WISHES or wish in wishes:
                raise BadSyntax("BODY, BINARY or BODYPARTSTRUCTURE", start)
            wishes.append(wish)
        if {b"BODY", b"BINARY"}.issubset(wishes):
            cursor.fail("either BODY or BINARY")
        cursor.expect(b")")
        asked.append(Asked(url, tuple(wishes or [b"BODY"]), True))
    return asked


async def run(session: Session, asked: Sequence[Asked]) -> bytes:
    """Tell what URLs mean.

    Raises:
        TemporaryFailure: One cannot be followed now.

    Source: RFC 4467 section 7 (URLFETCH).
    """
    if session.url_access is None:
        raise NotSupported
    for one in asked:
        written = b"* URLFETCH %b" % astring_out(one.url)
        try:
            message = await _opened(session, one.url)
        except (AccessRefused, NoSuchContent):
            session.put(written + b" NIL\r\n")
            continue
        try:
            await _tell(session, written, message, one)
        finally:
            message.close()
    return b"URLFETCH completed"


async def _opened(session: Session, octets: bytes) -> MessageAt:
    """Follow a URL; see :meth:`URLAccess.owner` for what is raised."""
    access = session.url_access
    assert access is not None
    try:
        url = imap_url(octets.decode("ascii"))
    except (UnicodeDecodeError, BadSyntax):
        raise NoSuchContent("no URL of a message") from None
    if not access.may_fetch(url, session.mail.address):
        raise AccessRefused(url.rump)
    return await open_message(await access.owner(url), url)


async def _tell(
    session: Session, written: bytes, message: MessageAt, asked: Asked
) -> None:
    """Put the response for one URL."""
    parts: list[bytes] = []
    if b"BODYPARTSTRUCTURE" in asked.wishes:
        parts += await _structure(message)
    if b"BINARY" in asked.wishes:
        try:
            octets = await _binary(message)
        except Refused as refusal:
            session.put(b"%b NIL\r\n* NO %b\r\n" % (written, refusal.text))
            return
        parts.append(b"(BINARY %b)" % nstring8_out(octets))
    head = b" ".join((written, *parts))
    if asked.extended and b"BODY" not in asked.wishes:
        session.put(head + b"\r\n")
        return
    await _put_body(session, head + (b" (BODY" if asked.extended else b""), message)
    session.put(b")\r\n" if asked.extended else b"\r\n")


async def _put_body(session: Session, head: bytes, message: MessageAt) -> None:
    """Put octets as they are, in pieces; nothing for a part that is not there.

    Raises:
        BrokenLiteral: They ended in the middle of it.

    Source: RFC 4467 section 8 (URLFETCH).
    """
    try:
        excerpt = await message.excerpt()
    except NoSuchContent:
        session.put(head + b' ""')
        return
    session.put(b"%b {%d}\r\n" % (head, excerpt.size))
    try:
        async for piece in excerpt.pieces():
            session.put(without_nul(piece))
            paused = session.pause()
            if paused is not None:
                await paused
    except MailError as problem:
        raise BrokenLiteral("a response was cut off") from problem


async def _structure(message: MessageAt) -> list[bytes]:
    """Return the structure of a part; nothing for what is no part."""
    wanted = message.section
    if wanted.text is not SectionText.ALL:
        return []
    root = (await message.parsed()).structure
    part = find_part(root, wanted.numbers) if wanted.numbers else root
    if part is None:
        return []
    return [b"(BODYPARTSTRUCTURE %b)" % body_and_structure(part)[1]]


async def _binary(message: MessageAt) -> bytes:
    """Return a part without its transfer encoding.

    Raises:
        Refused: That is not known.
    """
    parts = await message.parsed()
    octets = decoded(message.section, parts, await message.octets(parts.size)) or b""
    start, stop = message.narrowed(0, len(octets))
    return octets[start:stop]


def _announced(session: Session) -> bool:
    return session.url_access is not None and IAccessKeys.providedBy(session.account)


EXTENSION = Extension(
    b"URLAUTH=BINARY",
    (Command(b"URLFETCH", LOGGED_IN, run, parse),),
    announced=_announced,
)
