"""A message on its way to the client, in pieces: RETR and TOP.

Source: RFC 1939 sections 3 (multi-line responses), 5 and 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.mime.dot_stuffing import DotStuffer, stuffed
from mailframe.mime.header import header_end
from mailframe.mime.surrogate import surrogate
from mailframe.pop3.command import Step
from mailframe.pop3.top_cut import TopCut

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server

PIECE = 262_144
"""Octets of a message to read and send at once."""


def retrieve(session: POP3Server, index: int) -> Step:
    """Send a whole message: now, if it is at hand and goes as it is."""
    octets = session.at_hand(index)
    if octets is not None and (session.utf8 or octets.isascii()):
        _put(session, index, octets)
        session.retrieved.add(index)
        return None
    return _retrieved(session, index, octets)


async def _retrieved(session: POP3Server, index: int, octets: bytes | None) -> None:
    if octets is None:
        await send(session, index, None)
    else:
        _put(session, index, _in_ascii(octets))
    session.retrieved.add(index)


async def send(session: POP3Server, index: int, lines: int | None) -> None:
    """Send a message, or its header and ``lines`` lines, in pieces."""
    maildrop = session.maildrop
    assert maildrop is not None
    content = await maildrop.open_content(index)
    try:
        if lines is None and content.octets is not None and content.size <= PIECE:
            # Most messages: small, at hand, and wanted whole.
            octets = content.octets
            if not (session.utf8 or octets.isascii()):
                octets = _in_ascii(octets)
            _put(session, index, octets)
            return
        stuffer = DotStuffer()
        cut = None if lines is None else TopCut(lines)
        begun = False
        for start in range(0, max(content.size, 1), PIECE):
            if content.octets is not None:
                octets = content.octets[start : start + PIECE]
            else:
                octets = await content.read(start, start + PIECE)
            if start == 0 and not (session.utf8 or octets.isascii()):
                octets = _in_ascii(octets)
            if cut is not None:
                octets = cut.feed(octets)
            if not begun:
                # Nothing is promised before the first octets are there.
                session.put(b"+OK %d octets\r\n" % session.messages[index].size)
                begun = True
            session.put(stuffer.feed(octets))
            if cut is not None and cut.done:
                break
            waiting = session.connection.drain() if content.size > PIECE else None
            if waiting is not None:
                await waiting
        session.put(stuffer.finish())
    finally:
        content.close()


def _put(session: POP3Server, index: int, octets: bytes) -> None:
    """Send a whole message."""
    before = b"+OK %d octets\r\n" % session.messages[index].size
    session.put(stuffed(octets, before))


def _in_ascii(octets: bytes) -> bytes:
    """Return the beginning of a message with its header in ASCII.

    The size that LIST and the reply tell stays the size of the message as it is;
    only such messages differ from it.

    Source: RFC 6856 section 2.1.
    """
    end = header_end(octets)
    if end == len(octets) and end >= PIECE:
        # More header than anybody writes: what of it is in the next piece could
        # not be told from the end of a field.
        return octets
    return surrogate(octets[:end]) + octets[end:]
