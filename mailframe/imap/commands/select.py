"""SELECT and EXAMINE: a mailbox becomes the selected one.

What may stand in parentheses after the name is a table that extensions add to.

Source: RFC 9051 sections 6.3.2 and 6.3.3, RFC 4466 section 2.1.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mailframe.imap.command import LOGGED_IN, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import written_mailbox
from mailframe.imap.parameters import parameters
from mailframe.imap.session import Session
from mailframe.imap.view import View
from mailframe.model.mailbox import MailboxName, mailbox_name


@dataclass(frozen=True, slots=True)
class SelectParameter:
    """A word in the parentheses of SELECT and EXAMINE.

    Attributes:
        parse: Reads its argument, with the space before.
        check: Raises BadSyntax when it may not be used now.
        enables: What using it switches on.
        tell: Called when everything that SELECT tells was told; puts more.
    """

    parse: Callable[[Cursor], Any]
    check: Callable[[Session], None] | None = None
    enables: str | None = None
    tell: Callable[[View, Any], Awaitable[None]] | None = None


SELECT_PARAMETERS: dict[bytes, SelectParameter] = {}
"""By name in capitals."""


@dataclass(frozen=True, slots=True)
class Select:
    """The arguments of SELECT and EXAMINE.

    Attributes:
        name: The mailbox.
        written: The name as the client wrote it.
        parameters: By name in capitals.
    """

    name: MailboxName
    written: str
    parameters: Mapping[bytes, Any] = field(default_factory=dict)


SELECT_RESPONSES: "dict[str, Callable[[Session, View, Select], Awaitable[bytes]]]" = {}
"""What SELECT tells besides, by capability in capitals: each returns responses, or
nothing for a client that does not want them."""


def parse_select(cursor: Cursor) -> Select:
    """Read a name and parameters.

    ``select = "SELECT" SP mailbox [select-params]``

    ``select-params = SP "(" select-param *(SP select-param) ")"``

    Source: RFC 4466 section 3.
    """
    cursor.space()
    written = written_mailbox(cursor)
    found = parameters(cursor, SELECT_PARAMETERS, "a parameter of SELECT")
    cursor.end()
    return Select(mailbox_name(written), written, found)


async def select(examine: bool, session: Session, command: Select) -> bytes:
    """Open a mailbox, for reading only with EXAMINE.

    Even if it fails, no mailbox is selected any more.

    Source: RFC 9051 sections 6.3.2 and 6.3.3, RFC 7162 section 3.2.11 (CLOSED).
    """
    given = [
        (SELECT_PARAMETERS[word], value) for word, value in command.parameters.items()
    ]
    for parameter, _ in given:
        if parameter.check is not None:
            parameter.check(session)
    if session.view is not None:
        session.deselect()
        session.say(b"* OK [CLOSED] The mailbox was left\r\n")
    for parameter, _ in given:
        if parameter.enables is not None:
            session.enable(parameter.enables)
    view = session.new_view(await session.mail.open(command.name), examine)
    try:
        await view.refresh()
        view.select()
        for tell in SELECT_RESPONSES.values():
            session.put(await tell(session, view, command))
        for parameter, value in given:
            if parameter.tell is not None:
                await parameter.tell(view, value)
    except BaseException:
        view.close()
        raise
    session.view = view
    access = b"READ-ONLY" if view.read_only else b"READ-WRITE"
    return b"[%b] %b completed" % (access, b"EXAMINE" if examine else b"SELECT")


def _command(name: bytes, examine: bool) -> Command:
    # What it says of the mailbox is still so when it ends: UNSEEN is the number of
    # a message, and many a client takes EXISTS as it came.
    return Command(
        name,
        LOGGED_IN,
        partial(select, examine),
        parse_select,
        uses_sequence_numbers=True,
    )


COMMANDS = (_command(b"SELECT", False), _command(b"EXAMINE", True))
