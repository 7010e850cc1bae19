"""What a user does with mailboxes.  Source: RFC 3501 section 6.3.

SELECT and EXAMINE are in ``select.py``, LIST and LSUB in ``list.py``, APPEND in
``append.py``.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from mailframe.errors import NoSuchMailbox, NotPermitted
from mailframe.imap.command import LOGGED_IN, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import atom, mailbox
from mailframe.imap.parameters import parameters
from mailframe.imap.responses import Refused
from mailframe.imap.session import Session
from mailframe.model.mailbox import INBOX, MailboxName, MailboxStatus


@dataclass(frozen=True, slots=True)
class StatusItem:
    """One thing that STATUS can tell.

    Attributes:
        value: Returns it as a number, or written.
        enables: What asking for it switches on (RFC 7162 section 3.1).
    """

    value: Callable[[Session, MailboxStatus], int | bytes]
    enables: str | None = None


def figure(name: str, enables: str | None = None) -> StatusItem:
    """Return the item that is a number among the figures of a mailbox."""
    get = attrgetter(name)
    return StatusItem(lambda session, found: get(found), enables)


STATUS_ITEMS: dict[bytes, StatusItem] = {
    b"MESSAGES": figure("messages"),
    b"RECENT": figure("recent"),
    b"UIDNEXT": figure("uid_next"),
    b"UIDVALIDITY": figure("uid_validity"),
    b"UNSEEN": figure("unseen"),
}
"""By name in capitals; an extension may add to it."""


def parse_name(cursor: Cursor) -> MailboxName:
    """Read ``SP mailbox``, all the arguments of a command."""
    cursor.space()
    name = mailbox(cursor)
    cursor.end()
    return name


@dataclass(frozen=True, slots=True)
class CreateParameter:
    """A parameter of CREATE.

    Attributes:
        parse: Reads its value, with the space before it.
        check: Refuses a value, before anything is made.

    Source: RFC 4466 section 2.2.
    """

    parse: Callable[[Cursor], Any]
    check: Callable[[Session, Any], Awaitable[None]]


CREATE_PARAMETERS: dict[bytes, CreateParameter] = {}
"""By name in capitals; an extension may add to it."""


CREATE_CODES: dict[str, Callable[[Session, MailboxName], Awaitable[bytes]]] = {}
"""What makes the response code of CREATE, by capability; there can be one."""


def parse_create(cursor: Cursor) -> tuple[MailboxName, Mapping[bytes, Any]]:
    """Read a name and parameters.

    ``create = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]``

    Source: RFC 4466 sections 2.2 and 3.
    """
    cursor.space()
    name = mailbox(cursor, level=True)
    found = parameters(cursor, CREATE_PARAMETERS, "a parameter of CREATE")
    cursor.end()
    return name, found


async def create(
    session: Session, command: tuple[MailboxName, Mapping[bytes, Any]]
) -> bytes:
    """Make a mailbox.

    Raises:
        MailError: It was not made.

    Source: RFC 3501 section 6.3.3, RFC 6154 section 3 (USE).
    """
    name, given = command
    for word, value in given.items():
        await CREATE_PARAMETERS[word].check(session, value)
    await session.mail.create(name, given.get(b"USE", frozenset()))
    with suppress(NoSuchMailbox, NotPermitted):
        # Who may make a mailbox need not be one who may read it.
        for code in CREATE_CODES.values():
            return b"[%b] CREATE completed" % await code(session, name)
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
    if session.view is not None:
        # It may be INBOX, which is empty now.
        session.view.stale = True
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
    items = status_items(cursor)
    cursor.end()
    return name, items


def status_items(cursor: Cursor) -> Sequence[bytes]:
    """Read ``SP "(" status-att *(SP status-att) ")"``, each once.

    Source: RFC 3501 section 9.
    """
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
    return list(dict.fromkeys(items))


def status_response(
    session: Session, name: MailboxName, found: MailboxStatus, items: Sequence[bytes]
) -> bytes:
    """Return the STATUS response.  Source: RFC 3501 section 7.2.4."""
    told = []
    for item in items:
        value = STATUS_ITEMS[item].value(session, found)
        told += [item, value if isinstance(value, bytes) else b"%d" % value]
    return b"* STATUS %b (%b)\r\n" % (session.name_out(name), b" ".join(told))


def enable_for(session: Session, items: Sequence[bytes]) -> None:
    """Switch on what asking for these items does.

    Source: RFC 7162 section 3.1.
    """
    for item in items:
        enables = STATUS_ITEMS[item].enables
        if enables is not None:
            session.enable(enables)


async def status(
    session: Session, arguments: tuple[MailboxName, Sequence[bytes]]
) -> bytes:
    """Tell the figures of a mailbox.  Source: RFC 3501 section 6.3.10."""
    name, items = arguments
    enable_for(session, items)
    found = await session.mail.status(name)
    session.put(status_response(session, name, found, items))
    return b"STATUS completed"


COMMANDS = (
    Command(b"CREATE", LOGGED_IN, create, parse_create),
    Command(b"DELETE", LOGGED_IN, delete, parse_name),
    Command(b"RENAME", LOGGED_IN, rename, parse_rename),
    Command(b"SUBSCRIBE", LOGGED_IN, subscribe, parse_name),
    Command(b"UNSUBSCRIBE", LOGGED_IN, unsubscribe, parse_name),
    Command(b"STATUS", LOGGED_IN, status, parse_status),
)
