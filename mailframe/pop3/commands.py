"""The POP3 commands of RFC 1939 and those every server has.

Refusals of the grammar are BadSyntax.

Source: RFC 1939 sections 4 to 7, RFC 2449 section 5, RFC 2595 section 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.mime.dot_stuffing import DotStuffer
from mailframe.pop3.capabilities import capabilities
from mailframe.pop3.command import EARLY, LATE, Command, Step
from mailframe.pop3.extensions import sasl
from mailframe.pop3.top_cut import TopCut
from mailframe.sasl.password import password_credentials

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server

PIECE = 262_144
"""Octets of a message to read and send at once."""

_NUMBER = re.compile(rb"0*([0-9]{1,10})")


def _number(text: bytes, wanted: str) -> int:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise BadSyntax(wanted)
    return int(found[1])


def _index(session: POP3Server, text: bytes) -> int | None:
    """Return the index of the message a client names, or refuse and give None."""
    number = _number(text, "a message number")
    if not 1 <= number <= len(session.messages):
        session.put(b"-ERR there are %d messages\r\n" % len(session.messages))
    elif number - 1 in session.deleted:
        session.put(b"-ERR message %d is deleted\r\n" % number)
    else:
        return number - 1
    return None


def _nothing(argument: bytes) -> None:
    if argument.strip():
        raise BadSyntax("no argument")


def capa(session: POP3Server, argument: bytes) -> Step:
    """List the capabilities."""
    _nothing(argument)
    lines = [b"+OK\r\n", *(b"%b\r\n" % one for one in capabilities(session)), b".\r\n"]
    session.put(b"".join(lines))
    return None


def stls(session: POP3Server, argument: bytes) -> Step:
    """Begin TLS."""
    _nothing(argument)
    if not session.connection.can_start_tls:
        raise BadSyntax("another command: TLS cannot be started here")
    session.put(b"+OK begin TLS\r\n")
    session.starting_tls = True
    return None


def user(session: POP3Server, argument: bytes) -> Step:
    """Take the name; whether there is such a user is never told."""
    if not session.may_log_in:
        raise BadSyntax("STLS before a password")
    if not argument:
        raise BadSyntax("a user name")
    session.user = argument
    session.put(b"+OK\r\n")
    return None


def pass_(session: POP3Server, argument: bytes) -> Step:
    """Log in. All that follows the space is the password, spaces included."""
    if not session.may_log_in:
        raise BadSyntax("STLS before a password")
    if session.user is None:
        raise BadSyntax("USER before PASS")
    try:
        credentials = password_credentials(session.user, argument)
    except UnauthorizedLogin:
        session.count_failed_login()
        return None
    return session.log_in(credentials)


def quit_(session: POP3Server, argument: bytes) -> Step:
    """Leave; after a login the deleted messages go."""
    _nothing(argument)
    if session.maildrop is not None:
        return session.update()
    session.put(b"+OK bye\r\n")
    session.closing = True
    return None


def noop(session: POP3Server, argument: bytes) -> Step:
    """Do nothing."""
    _nothing(argument)
    session.put(b"+OK\r\n")
    return None


def rset(session: POP3Server, argument: bytes) -> Step:
    """Take back all deletions."""
    _nothing(argument)
    session.deleted.clear()
    session.put(b"+OK %d messages\r\n" % len(session.messages))
    return None


def stat(session: POP3Server, argument: bytes) -> Step:
    """Tell how many messages there are, and their octets."""
    _nothing(argument)
    sizes = [one.size for index, one in _present(session)]
    session.put(b"+OK %d %d\r\n" % (len(sizes), sum(sizes)))
    return None


def list_(session: POP3Server, argument: bytes) -> Step:
    """List sizes."""
    return _listing(session, argument, lambda one: b"%d" % one.size)


def uidl(session: POP3Server, argument: bytes) -> Step:
    """List unique IDs."""
    return _listing(session, argument, lambda one: one.unique_id.encode("ascii"))


def _present(session: POP3Server) -> list[tuple[int, Any]]:
    deleted = session.deleted
    return [pair for pair in enumerate(session.messages) if pair[0] not in deleted]


def _listing(
    session: POP3Server, argument: bytes, column: Callable[[Any], bytes]
) -> Step:
    if argument.strip():
        index = _index(session, argument.strip())
        if index is not None:
            one = session.messages[index]
            session.put(b"+OK %d %b\r\n" % (index + 1, column(one)))
        return None
    lines = [
        b"%d %b\r\n" % (index + 1, column(one)) for index, one in _present(session)
    ]
    session.put(b"+OK %d messages\r\n%b.\r\n" % (len(lines), b"".join(lines)))
    return None


def dele(session: POP3Server, argument: bytes) -> Step:
    """Mark a message to be removed by QUIT."""
    index = _index(session, argument.strip())
    if index is not None:
        session.deleted.add(index)
        session.put(b"+OK\r\n")
    return None


def retr(session: POP3Server, argument: bytes) -> Step:
    """Send a message."""
    index = _index(session, argument.strip())
    return None if index is None else _send(session, index, None)


def top(session: POP3Server, argument: bytes) -> Step:
    """Send a message's header and the first lines of its body."""
    words = argument.split()
    if len(words) != 2:
        raise BadSyntax("a message number and a number of lines")
    lines = _number(words[1], "a number of lines")
    index = _index(session, words[0])
    return None if index is None else _send(session, index, lines)


async def _send(session: POP3Server, index: int, lines: int | None) -> None:
    """Send a message, or its header and ``lines`` lines, in pieces."""
    maildrop = session.maildrop
    assert maildrop is not None
    content = await maildrop.open_content(index)
    try:
        stuffer = DotStuffer()
        cut = None if lines is None else TopCut(lines)
        begun = False
        for start in range(0, max(content.size, 1), PIECE):
            if content.octets is not None:
                octets = content.octets[start : start + PIECE]
            else:
                octets = await content.read(start, start + PIECE)
            if cut is not None:
                octets = cut.feed(octets)
            if not begun:
                # Nothing is promised before the first octets are there.
                session.put(b"+OK %d octets\r\n" % session.messages[index].size)
                begun = True
            session.put(stuffer.feed(octets))
            if cut is not None and cut.done:
                break
            waiting = session.connection.drain() if content.size > PIECE else None
            if waiting is not None:
                await waiting
        session.put(stuffer.finish())
    finally:
        content.close()


COMMANDS: dict[bytes, Command] = {
    command.name.encode(): command
    for command in (
        Command("CAPA", EARLY | LATE, capa),
        Command("STLS", EARLY, stls),
        Command("USER", EARLY, user),
        Command("PASS", EARLY, pass_),
        Command("QUIT", EARLY | LATE, quit_),
        Command("NOOP", LATE, noop),
        Command("RSET", LATE, rset),
        Command("STAT", LATE, stat),
        Command("LIST", LATE, list_),
        Command("UIDL", LATE, uidl),
        Command("DELE", LATE, dele),
        Command("RETR", LATE, retr),
        Command("TOP", LATE, top),
        *sasl.COMMANDS,
    )
}
"""By name."""
