"""CREATE-SPECIAL-USE: a mailbox is made for sent mail, drafts and so on.

Capability ``CREATE-SPECIAL-USE``, RFC 6154, after login. A use that another
mailbox has already is a conflict and refused; so are ``\\All`` and
``\\Flagged``, whose mailboxes would have to fill themselves.

Source: RFC 6154 section 3.
"""

import re

from mailframe.imap.command import Extension
from mailframe.imap.commands.authenticated import CREATE_PARAMETERS, CreateParameter
from mailframe.imap.cursor import Cursor
from mailframe.imap.responses import Refused
from mailframe.imap.session import Session
from mailframe.imap.special_uses import known_use, refuse_unknown

# use-attr-ext = "\" atom                                ; RFC 6154 section 6
_USE = re.compile(rb"\\[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")


def special_uses(cursor: Cursor) -> frozenset[str]:
    """Read ``SP "(" [use-attr *(SP use-attr)] ")"``.

    Returns:
        The uses, those we know in our spelling.

    Source: RFC 6154 section 6 (create-param).
    """
    cursor.space()
    cursor.expect(b"(")
    found: set[str] = set()
    while not cursor.accept(b")"):
        if found:
            cursor.space()
        use = cursor.match(_USE)
        if use is None:
            cursor.fail("a special use such as \\Sent")
        found.add(known_use(use[0].decode("ascii")))
    return frozenset(found)


async def check(session: Session, uses: frozenset[str]) -> None:
    """Refuse uses that a new mailbox cannot have.

    Raises:
        Refused: There is no such use here, or another mailbox has it.

    Source: RFC 6154 section 3 (USEATTR).
    """
    refuse_unknown(uses)
    if uses and any(
        uses & info.special_use for info in await session.mail.list_mailboxes()
    ):
        raise Refused(b"[USEATTR] Another mailbox has this special use")


CREATE_PARAMETERS[b"USE"] = CreateParameter(special_uses, check)

EXTENSION = Extension(b"CREATE-SPECIAL-USE")
