"""IMAP4rev2, for clients that switch it on.

Capability ``IMAP4rev2``, RFC 9051, in every state. Most of it are extensions of
IMAP4rev1 that are there for every client. After ``ENABLE IMAP4rev2`` also: names
of mailboxes are UTF-8 (``session.py``), nothing is recent and unasked FETCH
responses have the UID (``view.py``), SEARCH answers with ESEARCH
(``searching.py``), and SELECT tells the mailbox's attributes.

Source: RFC 9051 appendix A and appendix E.
"""

from mailframe.imap.command import Extension, always
from mailframe.imap.commands.list import entries, everything, list_line
from mailframe.imap.commands.select import SELECT_RESPONSES, Select
from mailframe.imap.session import Session
from mailframe.imap.view import View
from mailframe.model.uid_set import UIDSet

_NAME = "IMAP4REV2"


async def _list_response(session: Session, view: View, command: Select) -> bytes:
    """Return the LIST response of SELECT.

    Source: RFC 9051 sections 6.3.2 and 6.3.9.7 (OLDNAME).
    """
    if _NAME not in session.enabled:
        return b""
    name = command.name
    items = b""
    if command.written != name:
        items = b' ("OLDNAME" (%b))' % session.name_out(command.written)
    for entry in entries(await session.mail.list_mailboxes()):
        if entry.name == name:
            return list_line(session, b"LIST", everything(entry), name, items)
    # It exists, but this user may not look for it (RFC 4314 section 4, "l").
    return list_line(session, b"LIST", [], name, items)


def _switched_on(session: Session) -> None:
    """Let nothing be recent in a mailbox selected before."""
    if session.view is not None:
        session.view.recent = UIDSet.EMPTY


SELECT_RESPONSES[_NAME] = _list_response

EXTENSION = Extension(
    b"IMAP4rev2", announced=always, can_be_enabled=True, switched_on=_switched_on
)
