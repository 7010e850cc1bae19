"""CAPABILITY, NOOP, LOGOUT.  Source: RFC 3501 section 6.1."""

from mailframe.imap.command import ANY, Command, Result
from mailframe.imap.session import Session


def capability(session: Session, _: None) -> bytes:
    """Tell what the session can do now.  Source: RFC 3501 section 6.1.1."""
    session.put(b"* CAPABILITY %b\r\n" % session.capability())
    return b"CAPABILITY completed"


def noop(session: Session, _: None) -> Result:
    """Do nothing but tell what is new.  Source: RFC 3501 section 6.1.2."""
    if session.view is not None:
        # The mailbox is asked even if nobody told us that it changed.
        session.view.stale = True
    return b"NOOP completed"


def logout(session: Session, _: None) -> bytes:
    """Say goodbye; an open mailbox is not expunged.

    Source: RFC 3501 section 6.1.3.
    """
    session.deselect()
    session.say(b"* BYE Logging out\r\n")
    session.closing = True
    return b"LOGOUT completed"


COMMANDS = (
    Command(b"CAPABILITY", ANY, capability),
    Command(b"NOOP", ANY, noop),
    Command(b"LOGOUT", ANY, logout),
)
