"""UNAUTHENTICATE: a connection forgets who its client is.

Capability ``UNAUTHENTICATE``, RFC 8437, after login. What an extension keeps in a
session it takes back itself (``Extension.reset``).

Source: RFC 8437 section 3.
"""

from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.fetch import BrokenLiteral
from mailframe.imap.session import Session


async def run(session: Session, _: None) -> bytes:
    """Return to the state before the login.

    NO is not allowed for an answer: what cannot be undone ends the connection.

    Source: RFC 8437 section 3.
    """
    logout = session.release()
    try:
        if logout is not None:
            await logout
    except Exception as problem:
        session.say(b"* BYE The session cannot be used any more\r\n")
        raise BrokenLiteral("a logout failed") from problem
    return b"UNAUTHENTICATE completed"


EXTENSION = Extension(b"UNAUTHENTICATE", (Command(b"UNAUTHENTICATE", LOGGED_IN, run),))
