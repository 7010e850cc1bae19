"""MOVE: messages change mailbox in one step.

Capability ``MOVE``, RFC 6851, after login.

Source: RFC 6851 section 3.
"""

from functools import partial

from mailframe.errors import MessageGone
from mailframe.imap.command import SELECTED, Command, Extension
from mailframe.imap.commands.selected import (
    Transfer,
    parse_transfer,
    transfer,
    writable,
)
from mailframe.imap.session import Session


async def run(by_uid: bool, session: Session, command: Transfer) -> bytes:
    """Move messages, tell where they went, then that they are gone.

    COPYUID goes untagged and before the EXPUNGEs: after them the client could
    not tell which messages it speaks of (RFC 6851 section 4.3).

    Raises:
        MessageGone: Some were gone before; nothing was moved.
    """
    view = writable(session)
    uids = view.bounded(view.chosen(command.messages, by_uid))
    if view.stale:
        await view.refresh()
    if not by_uid and uids & view.ghosts:
        raise MessageGone
    code = await transfer(session, uids, command.destination, view.mailbox.move)
    if code is not None:
        view.owe_modseq()
    if code:
        session.say(b"* OK %bMoved\r\n" % code)
    return b"MOVE completed"


EXTENSION = Extension(
    b"MOVE",
    (
        Command(b"MOVE", SELECTED, partial(run, False), parse_transfer),
        Command(b"UID MOVE", SELECTED, partial(run, True), parse_transfer, by_uid=True),
    ),
)
