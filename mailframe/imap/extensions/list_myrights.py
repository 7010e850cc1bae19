"""LIST-MYRIGHTS: LIST with the user's rights on each mailbox.

Capability ``LIST-MYRIGHTS``, RFC 8440, after login, when the account has access
lists (``IAccessControl``).

Source: RFC 8440 section 3.
"""

from mailframe.errors import NoSuchMailbox, TemporaryFailure
from mailframe.imap.access import access_control, controls_access, myrights_response
from mailframe.imap.command import Extension
from mailframe.imap.list_options import RETURN_OPTIONS, Entry, ReturnOption
from mailframe.imap.session import Session


async def _myrights(session: Session, entry: Entry, _: None) -> bytes:
    """Return the MYRIGHTS response of a mailbox, or nothing."""
    if not entry.selected or entry.info is None:
        return b""
    name = entry.info.name
    try:
        held = await access_control(session).my_rights(name)
    except (NoSuchMailbox, TemporaryFailure):
        return b""
    return myrights_response(session, name, held)


# return-option =/ "MYRIGHTS"                            ; RFC 8440 section 5
RETURN_OPTIONS[b"MYRIGHTS"] = ReturnOption(more=_myrights)

EXTENSION = Extension(b"LIST-MYRIGHTS", announced=controls_access)
