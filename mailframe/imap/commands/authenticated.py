"""What a user does with mailboxes.  Source: RFC 3501 section 6.3.

LIST and LSUB are in ``list.py``, APPEND in ``append.py``.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter

from mailframe.imap.command import LOGGED_IN, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import atom, mailbox
from mailframe.imap.responses import Refused
from mailframe.imap.serialize import mailbox_out
from mailframe.imap.session import Session
from mailframe.model.mailbox import INBOX, MailboxName, MailboxStatus

STATUS_ITEMS: dict[bytes, Callable[[MailboxStatus], int]] = {
    b"MESSAGES": attrgetter("messages"),
    b"RECENT": attrgetter("recent"),
    b"UIDNEXT": attrgetter("uid_next"),
    b"UIDVALIDITY": attrgetter("uid_validity"),
    b"UNSEEN": attrgetter("unseen"),
}
"""What STATUS can tell; an extension may add to it."""


def parse_name(cursor: Cursor) -> MailboxName:
    """Read ``SP mailbox``, all the arguments of a command."""
    cursor.space()
    name = mailbox(cursor)
    cursor.end()
    return name


def _parse_new_name(cursor: Cursor) -> MailboxName:
    cursor.space()
    name = mailbox(cursor, level=True)
    cursor.end()
    return name


async def _select(session: Session, name: MailboxName, examine: bool) -> bytes:
    # Even if it fails, no mailbox is selected any more (RFC 3501 section 6.3.1).
    session.deselect()
    view = session.new_view(await session.mail.open(name), examine)
    try:
        await view.refresh()
    except BaseException:
        view.close()
        raise
    view.select()
    session.view = view
    access = b"READ-ONLY" if view.read_only else b"READ-WRITE"
    return b"[%b] %b completed" % (access, b"EXAMINE" if examine else b"SELECT")


async def select(session: Session, name: MailboxName) -> bytes:
    """Open a mailbox.  Source: RFC 3501 section 6.3.1."""
    return await _select(session, name, examine=False)


async def examine(session: Session, name: MailboxName) -> bytes:
    """Open a mailbox for reading.  Source: RFC 3501 section 6.3.2."""
    return await _select(session, name, examine=True)


async def create(session: Session, name: MailboxName) -> bytes:
    """Make a mailbox.  Source: RFC 3501 section 6.3.3."""
    await session.mail.create(name)
    return b"CREATE completed"


async def delete(session: Session, name: MailboxName) -> bytes:
    """Remove a mailbox.

    Raises:
        Refused: It is INBOX.

    Source: RFC 3501 section 6.3.4.
    """
    if name == INBOX:
        raise Refused(b"[CANNOT] INBOX cannot be deleted")
    await session.mail.delete(name)
    return b"DELETE completed"


def parse_rename(cursor: Cursor) -> tuple[MailboxName, MailboxName]:
    """``rename = "RENAME" SP mailbox SP mailbox``  (RFC 3501 section 9)."""
    cursor.space()
    name = mailbox(cursor, level=True)
    cursor.space()
    to = mailbox(cursor, level=True)
    cursor.end()
    return name, to


async def rename(session: Session, names: tuple[MailboxName, MailboxName]) -> bytes:
    """Give a mailbox another name.  Source: RFC 3501 section 6.3.5."""
    await session.mail.rename(*names)
    return b"RENAME completed"


async def subscribe(session: Session, name: MailboxName) -> bytes:
    """Subscribe to a name.  Source: RFC 3501 section 6.3.6."""
    await session.mail.subscribe(name, True)
    return b"SUBSCRIBE completed"


async def unsubscribe(session: Session, name: MailboxName) -> bytes:
    """Unsubscribe from a name.  Source: RFC 3501 section 6.3.7."""
    await session.mail.subscribe(name, False)
    return b"UNSUBSCRIBE completed"


def parse_status(cursor: Cursor) -> tuple[MailboxName, Sequence[bytes]]:
    """Read a name and what is to be told of it.

    ``status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"``

    Source: RFC 3501 section 9.
    """
    cursor.space()
    name = mailbox(cursor)
    cursor.space()
    cursor.expect(b"(")
    items = []
    while True:
        start = cursor.position
        item = atom(cursor).upper()
        if item not in STATUS_ITEMS:
            cursor.position = start
            cursor.fail("a status item")
        items.append(item)
        if not cursor.accept(b" "):
            break
    cursor.expect(b")")
    cursor.end()
    return name, list(dict.fromkeys(items))


def status_response(
    name: MailboxName, found: MailboxStatus, items: Sequence[bytes]
) -> bytes:
    """Return the STATUS response.  Source: RFC 3501 section 7.2.4."""
    values = b" ".join(b"%b %d" % (item, STATUS_ITEMS[item](found)) for item in items)
    return b"* STATUS %b (%b)\r\n" % (mailbox_out(name), values)


async def status(
    session: Session, arguments: tuple[MailboxName, Sequence[bytes]]
) -> bytes:
    """Tell the figures of a mailbox.  Source: RFC 3501 section 6.3.10."""
    name, items = arguments
    found = await session.mail.status(name)
    session.put(status_response(name, found, items))
    return b"STATUS completed"


COMMANDS = (
    Command(b"SELECT", LOGGED_IN, select, parse_name),
    Command(b"EXAMINE", LOGGED_IN, examine, parse_name),
    Command(b"CREATE", LOGGED_IN, create, _parse_new_name),
    Command(b"DELETE", LOGGED_IN, delete, parse_name),
    Command(b"RENAME", LOGGED_IN, rename, parse_rename),
    Command(b"SUBSCRIBE", LOGGED_IN, subscribe, parse_name),
    Command(b"UNSUBSCRIBE", LOGGED_IN, unsubscribe, parse_name),
    Command(b"STATUS", LOGGED_IN, status, parse_status),
)
