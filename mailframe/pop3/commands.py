"""The POP3 commands every server has, and the table of all of them.

Refusals of the grammar are BadSyntax. What is optional is in
:mod:`.extensions`.

Source: RFC 1939 sections 4 to 7, RFC 2449 section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.pop3 import arguments
from mailframe.pop3.capabilities import EXTENSIONS, capabilities
from mailframe.pop3.command import EARLY, LATE, Command, Step
from mailframe.pop3.listing import listing, present
from mailframe.pop3.sending import retrieve

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def capa(session: POP3Server, argument: bytes) -> Step:
    """List the capabilities."""
    arguments.nothing(argument)
    lines = [b"+OK\r\n", *(b"%b\r\n" % one for one in capabilities(session)), b".\r\n"]
    session.put(b"".join(lines))
    return None


def quit_(session: POP3Server, argument: bytes) -> Step:
    """Leave; after a login the deleted messages go."""
    arguments.nothing(argument)
    if session.maildrop is not None:
        return session.update()
    session.put(b"+OK bye\r\n")
    session.closing = True
    return None


def noop(session: POP3Server, argument: bytes) -> Step:
    """Do nothing."""
    arguments.nothing(argument)
    session.put(b"+OK\r\n")
    return None


def rset(session: POP3Server, argument: bytes) -> Step:
    """Take back all deletions."""
    arguments.nothing(argument)
    session.deleted.clear()
    session.retrieved.clear()
    session.put(b"+OK %d messages\r\n" % len(session.messages))
    return None


def stat(session: POP3Server, argument: bytes) -> Step:
    """Tell how many messages there are, and their octets."""
    arguments.nothing(argument)
    sizes = [one.size for index, one in present(session)]
    session.put(b"+OK %d %d\r\n" % (len(sizes), sum(sizes)))
    return None


def list_(session: POP3Server, argument: bytes) -> Step:
    """List sizes."""
    return listing(session, argument, lambda one: b"%d" % one.size)


def dele(session: POP3Server, argument: bytes) -> Step:
    """Mark a message to be removed by QUIT."""
    index = arguments.index(session, argument.strip())
    if index is not None:
        session.deleted.add(index)
        session.put(b"+OK\r\n")
    return None


def retr(session: POP3Server, argument: bytes) -> Step:
    """Send a message."""
    index = arguments.index(session, argument.strip())
    return None if index is None else retrieve(session, index)


COMMANDS: dict[bytes, Command] = {
    command.name.encode(): command
    for command in (
        Command("CAPA", EARLY + LATE, capa),
        Command("QUIT", EARLY + LATE, quit_),
        Command("NOOP", LATE, noop),
        Command("RSET", LATE, rset),
        Command("STAT", LATE, stat),
        Command("LIST", LATE, list_),
        Command("DELE", LATE, dele),
        Command("RETR", LATE, retr),
        *(command for extension in EXTENSIONS for command in extension.commands),
    )
}
"""By name."""
