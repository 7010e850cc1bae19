"""USER and PASS: logging in with a name and a password.

Source: RFC 1939 section 7, RFC 2449 section 6.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.pop3.command import EARLY, Command, Extension, Step
from mailframe.sasl.password import password_credentials

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def told(session: POP3Server) -> bytes | None:
    """Return the line of CAPA."""
    return b"USER" if session.may_log_in else None


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


EXTENSION = Extension(
    told, (Command("USER", EARLY, user), Command("PASS", EARLY, pass_))
)
