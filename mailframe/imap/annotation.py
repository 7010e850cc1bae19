"""Notes on mailboxes as commands and responses have them.

Source: RFC 5464 sections 3.2, 4.4 and 5.
"""

from collections.abc import Callable, Mapping, Sequence

from mailframe.errors import TooLarge
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring
from mailframe.imap.literal8 import nstring8_out
from mailframe.imap.responses import Refused
from mailframe.imap.serialize import astring_out
from mailframe.imap.session import Session
from mailframe.interfaces.mailbox import IAnnotatedAccount
from mailframe.model.mailbox import MailboxInfo, MailboxName

ENTRIES_MAX = 1000
"""Entries one command may name."""
SPECIAL_USE = "/private/specialuse"
"""The entry that says what LIST says (RFC 6154 section 4)."""

ENTRY_CHECKS: dict[str, Callable[[bytes], None]] = {}
"""By how entries of the server begin: what refuses (``MailError``) a value that
is not for them. An extension adds a row when it is imported."""


def annotated_account(session: Session) -> IAnnotatedAccount:
    """Return the account as one that keeps notes.

    Raises:
        Refused: It keeps none.
    """
    account = IAnnotatedAccount(session.mail, None)
    if account is None:
        raise Refused(b"[CANNOT] This account keeps no annotations")
    return account


def keeps_annotations(session: Session) -> bool:
    """Announce a capability when the account keeps notes."""
    return IAnnotatedAccount.providedBy(session.account)


def entry(cursor: Cursor, *, above: bool = False) -> str:
    """Read an ``entry``.

    Args:
        cursor: Where to read.
        above: Whether it may also name what entries lie below, as
            ``/private/vendor/token``.

    Returns:
        Its name in small letters.

    Raises:
        BadSyntax: It is not the name of one.

    Source: RFC 5464 sections 3.2 and 5.
    """
    start = cursor.position
    octets = astring(cursor)
    name = octets.decode("latin-1").lower()
    first, *levels = name.split("/")
    fewest = 4 if levels[1:2] == ["vendor"] else 2
    if (
        not name.isascii()
        or any(character <= "\x19" or character in "*%\x7f" for character in name)
        or len(name) > 1000
        or first
        or levels[:1] not in (["private"], ["shared"])
        or not all(levels)
        or len(levels) < (1 if above else fewest)
    ):
        cursor.position = start
        cursor.fail("an entry such as /private/comment")
    return name


def entries(cursor: Cursor, *, above: bool = False) -> tuple[str, ...]:
    """``entries = entry / "(" entry *(SP entry) ")"``  (RFC 5464 section 5)."""
    if not cursor.accept(b"("):
        return (entry(cursor, above=above),)
    found = [entry(cursor, above=above)]
    while cursor.accept(b" "):
        if len(found) >= ENTRIES_MAX:
            raise TooLarge("fewer entries", cursor.position)
        found.append(entry(cursor, above=above))
    cursor.expect(b")")
    return tuple(dict.fromkeys(found))


async def notes_on(session: Session, info: MailboxInfo) -> dict[str, bytes]:
    """Return all notes on a mailbox, its special use too.

    Raises:
        NoSuchMailbox: It is not there.
        Refused: The account keeps no notes.
    """
    found = dict(await annotated_account(session).annotations(info.name))
    if info.special_use:
        found[SPECIAL_USE] = " ".join(sorted(info.special_use)).encode("ascii")
    return found


def metadata_response(
    session: Session,
    name: MailboxName | None,
    notes: Mapping[str, bytes],
    asked: Sequence[str],
) -> bytes:
    """Return a METADATA response with values, NIL for what is not there.

    Source: RFC 5464 section 4.4.1.
    """
    values = b" ".join(
        b"%b %b" % (astring_out(one.encode("ascii")), nstring8_out(notes.get(one)))
        for one in asked
    )
    where = b'""' if name is None else session.name_out(name)
    return b"* METADATA %b (%b)\r\n" % (where, values)
