"""ACL: who may do what with a mailbox is seen and changed.

Capabilities ``ACL`` and ``RIGHTS=kxte``, RFC 4314, after login, when the account
has access lists (``IAccessControl``). What rights mean for other commands is the
account's matter: see :mod:`mailframe.storage.sharing`. All rights can be granted one
by one; c stands for k and x, d for t and e. Negative rights are kept.

Source: RFC 4314 sections 2 to 6.
"""

from dataclasses import dataclass

from mailframe.errors import BadSyntax
from mailframe.imap.access import (
    access_control,
    controls_access,
    myrights_response,
    rights_out,
)
from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.commands.authenticated import parse_name
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring, mailbox
from mailframe.imap.serialize import astring_out
from mailframe.imap.session import Session
from mailframe.model.access import NEGATIVE, Rights, letters, rights
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import MailboxName
from mailframe.model.saslprep import saslprep

_CHANGES = {"+": FlagChange.ADD, "-": FlagChange.REMOVE}
_ALL = "lrswipkxtecda"
"""In the order of RFC 4314 section 3.4."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The arguments of SETACL, DELETEACL and LISTRIGHTS.

    Attributes:
        name: The mailbox.
        identifier: Prepared.
        written: As the client wrote it.
        change: What SETACL does with ``rights``.
        rights: What it names.
    """

    name: MailboxName
    identifier: str
    written: bytes
    change: FlagChange = FlagChange.REPLACE
    rights: Rights = frozenset()


def _identifier(cursor: Cursor) -> tuple[str, bytes]:
    """Read an ``identifier = astring``, and return it prepared and as it is.

    Raises:
        BadSyntax: It is none that could name anybody.

    Source: RFC 4314 sections 3 and 7.
    """
    start = cursor.position
    written = astring(cursor)
    try:
        prepared = saslprep(written.decode("utf-8"))
    except ValueError:
        prepared = ""
    if not prepared.removeprefix(NEGATIVE).lstrip("$!"):
        raise BadSyntax("an identifier such as a user name", start)
    return prepared, written


def parse_entry(cursor: Cursor) -> Entry:
    """``deleteacl = "DELETEACL" SP mailbox SP identifier``  (RFC 4314 section 7)."""
    entry = _entry(cursor)
    cursor.end()
    return entry


def _entry(cursor: Cursor) -> Entry:
    cursor.space()
    name = mailbox(cursor)
    cursor.space()
    return Entry(name, *_identifier(cursor))


def parse_setacl(cursor: Cursor) -> Entry:
    """Read the arguments of SETACL.

    ``setacl = "SETACL" SP mailbox SP identifier SP mod-rights``

    Raises:
        BadSyntax: A right is not known (RFC 4314 section 3.1).

    Source: RFC 4314 section 7.
    """
    entry = _entry(cursor)
    cursor.space()
    start = cursor.position
    text = astring(cursor).decode("latin-1")
    cursor.end()
    change = _CHANGES.get(text[:1])
    try:
        named = rights(text if change is None else text[1:])
    except ValueError:
        raise BadSyntax("rights of lrswipkxtea, c and d", start) from None
    return Entry(
        entry.name,
        entry.identifier,
        entry.written,
        change or FlagChange.REPLACE,
        named,
    )


async def setacl(session: Session, entry: Entry) -> bytes:
    """Change the rights of an identifier.  Source: RFC 4314 section 3.1."""
    await access_control(session).set_access(
        entry.name, entry.identifier, entry.change, entry.rights
    )
    return b"SETACL completed"


async def deleteacl(session: Session, entry: Entry) -> bytes:
    """Remove an identifier from the list.  Source: RFC 4314 section 3.2."""
    await access_control(session).delete_access(entry.name, entry.identifier)
    return b"DELETEACL completed"


async def getacl(session: Session, name: MailboxName) -> bytes:
    """Tell the list.  Source: RFC 4314 sections 3.3 and 3.6."""
    entries = await access_control(session).access_entries(name)
    told = b"".join(
        b" %b %b" % (astring_out(identifier.encode()), rights_out(held))
        for identifier, held in entries
    )
    session.put(b"* ACL %b%b\r\n" % (session.name_out(name), told))
    return b"GETACL completed"


async def listrights(session: Session, entry: Entry) -> bytes:
    """Tell what an identifier always has, and can be granted.

    No rights are tied, so each of the others is told by itself, c and d too.

    Source: RFC 4314 sections 3.4, 3.7 and 2.1.1.
    """
    always = await access_control(session).always_granted(entry.name, entry.identifier)
    others = " ".join(one for one in _ALL if one not in always)
    session.put(
        b"* LISTRIGHTS %b %b %b %b\r\n"
        % (
            session.name_out(entry.name),
            astring_out(entry.written),
            astring_out(letters(always).encode("ascii")),
            others.encode("ascii"),
        )
    )
    return b"LISTRIGHTS completed"


async def myrights(session: Session, name: MailboxName) -> bytes:
    """Tell what the user may do.  Source: RFC 4314 section 3.5."""
    held = await access_control(session).my_rights(name)
    session.put(myrights_response(session, name, held))
    return b"MYRIGHTS completed"


EXTENSION = Extension(
    b"ACL RIGHTS=kxte",
    (
        Command(b"SETACL", LOGGED_IN, setacl, parse_setacl),
        Command(b"DELETEACL", LOGGED_IN, deleteacl, parse_entry),
        Command(b"GETACL", LOGGED_IN, getacl, parse_name),
        Command(b"LISTRIGHTS", LOGGED_IN, listrights, parse_entry),
        Command(b"MYRIGHTS", LOGGED_IN, myrights, parse_name),
    ),
    announced=controls_access,
)
