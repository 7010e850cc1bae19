"""LIST-STATUS: LIST with the figures of each mailbox.

Capability ``LIST-STATUS``, RFC 5819, after login. Whatever STATUS can tell, this
can.

Source: RFC 5819 section 2.
"""

from collections.abc import Sequence

from mailframe.errors import NoSuchMailbox, NotPermitted, TemporaryFailure
from mailframe.imap.command import Extension
from mailframe.imap.commands.authenticated import (
    enable_for,
    status_items,
    status_response,
)
from mailframe.imap.list_options import RETURN_OPTIONS, Entry, ReturnOption
from mailframe.imap.session import Session


async def _status(session: Session, entry: Entry, items: Sequence[bytes]) -> bytes:
    """Return the STATUS response of a mailbox, or nothing.

    A name that is told for those below it only has none; what cannot be
    selected any more is said to be so; what cannot be asked now is passed over.
    """
    if not entry.selected or entry.info is None or not entry.selectable:
        return b""
    name = entry.info.name
    enable_for(session, items)
    try:
        found = await session.mail.status(name)
    except (NoSuchMailbox, NotPermitted):
        entry.attributes.append("\\Noselect")
        return b""
    except TemporaryFailure:
        return b""
    return status_response(session, name, found, items)


# return-option =/ status-option
# status-option = "STATUS" SP "(" status-att *(SP status-att) ")"
RETURN_OPTIONS[b"STATUS"] = ReturnOption(parse=status_items, more=_status)

EXTENSION = Extension(b"LIST-STATUS")
