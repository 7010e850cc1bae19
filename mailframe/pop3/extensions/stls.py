"""STLS: the session goes on over TLS.

Source: RFC 2595 section 4, RFC 6856 section 2.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.errors import BadSyntax
from mailframe.pop3 import arguments
from mailframe.pop3.command import EARLY, Command, Extension, Step

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def told(session: POP3Server) -> bytes | None:
    """Return the line of CAPA."""
    return b"STLS" if session.connection.can_start_tls else None


def stls(session: POP3Server, argument: bytes) -> Step:
    """Begin TLS."""
    arguments.nothing(argument)
    if not session.connection.can_start_tls:
        raise BadSyntax("another command: TLS cannot be started here")
    if session.utf8:
        raise BadSyntax("STLS before UTF8")
    session.put(b"+OK begin TLS\r\n")
    session.starting_tls = True
    return None


EXTENSION = Extension(told, (Command("STLS", EARLY, stls),))
