"""A message written anew, as checks have changed it."""

from twisted.logger import Logger

from mailframe.delivery.edit_header import edited
from mailframe.delivery.message_checks import Outcome
from mailframe.interfaces.content import IContent, IContentWriter, IIntake
from mailframe.mime.header import header_end

_log = Logger()

PIECE = 262_144
"""Octets copied at once."""


async def rewrite(
    content: IContent, outcome: Outcome, intake: IIntake, most: int
) -> IContent:
    """Return a message with the changes of the checks in it.

    Args:
        content: The message; stays open.
        outcome: What is to be changed.
        intake: Where the new one rests.
        most: Octets of a header that may be changed; a larger one stays.

    Raises:
        InsufficientStorage: The intake is full.
    """
    header: bytes = await content.read(0, most + 1)
    end = header_end(header)
    if end > most:
        _log.warn("a header of more than {most} octets stays as it is", most=most)
        end = 0
    writer = intake.begin()
    try:
        if end:
            await _write(writer, edited(header[:end], outcome.edits))
        if outcome.body is not None and end:
            await _copy(writer, outcome.body, 0)
        else:
            await _copy(writer, content, end)
        new: IContent = await writer.finish()
    except BaseException:
        writer.discard()
        raise
    return new


async def _copy(writer: IContentWriter, content: IContent, start: int) -> None:
    for at in range(start, content.size, PIECE):
        await _write(writer, await content.read(at, at + PIECE))


async def _write(writer: IContentWriter, octets: bytes) -> None:
    waiting = writer.write(octets)
    if waiting is not None:
        await waiting
