"""AUTH: logging in with a SASL mechanism.

Source: RFC 5034, RFC 1734.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.pop3.command import EARLY, Command, Extension, Step
from mailframe.sasl.exchange import Cancelled, Exchange
from mailframe.sasl.mechanism import Question, Success
from mailframe.sasl.mechanisms import offered

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def capability(session: POP3Server) -> bytes | None:
    """Return the SASL line (RFC 2449 section 6.3)."""
    names = offered(session.portal, session.connection)
    return f"SASL {' '.join(names)}".encode() if names else None


def auth(session: POP3Server, argument: bytes) -> Step:
    """Begin an exchange, or list the mechanisms when none is named."""
    names = offered(session.portal, session.connection)
    if not argument:
        lines = b"".join(b"%b\r\n" % name.encode() for name in names)
        session.put(b"+OK\r\n%b.\r\n" % lines)
        return None
    words = argument.split(b" ")
    name = words[0].decode("ascii", "replace").upper()
    if name not in names or len(words) > 2:
        raise BadSyntax("a mechanism that CAPA lists, and an initial response")
    exchange = Exchange(name, session.limits.auth_line, session.connection)

    def take(line: bytes) -> Step:
        return answer(partial(exchange.feed, line))

    def answer(turn: Callable[[], bytes | Success | Question]) -> Step:
        session.expects = None
        try:
            found = turn()
        except Cancelled:
            session.put(b"-ERR authentication cancelled\r\n")
            return None
        except UnauthorizedLogin:
            session.count_failed_login()
            return None
        return ask(found) if isinstance(found, Question) else go_on(found)

    async def ask(question: Question) -> None:
        try:
            found = await exchange.ask(question, session.portal)
        except UnauthorizedLogin:
            session.count_failed_login()
            return
        step = go_on(found)
        if step is not None:
            await step

    def go_on(found: bytes | Success) -> Step:
        if isinstance(found, Success):
            return session.log_in(found.credentials, refused)
        session.put(b"+ %b\r\n" % found)
        session.expects = take
        return None

    def refused() -> None:
        last = exchange.refused()
        if last is None:
            session.count_failed_login()
        else:
            go_on(last)

    # A space and nothing: no initial response; an empty one is "=".
    initial = (words[1] or None) if len(words) == 2 else None
    return answer(partial(exchange.begin, initial))


EXTENSION = Extension(capability, (Command("AUTH", EARLY, auth),))
