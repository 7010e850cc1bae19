"""STARTTLS: TLS from here on, and nothing from before is believed.

RFC 3207. Announced when TLS can be started on this connection.
"""

from mailframe.smtp import replies
from mailframe.smtp.command import Command, Extension
from mailframe.smtp.session import Session


def offer(session: Session) -> str | None:
    """Announce it while TLS could be started (RFC 3207 section 4.2)."""
    return "" if session.connection.can_start_tls else None


def starttls(session: Session, argument: str) -> None:
    """``STARTTLS``: the handshake comes next.

    Source: RFC 3207 section 4.
    """
    if argument:
        return session.put(replies.NO_ARGUMENT)
    if session.connection.tls is not None:
        return session.put(replies.TLS_ACTIVE)
    if not session.connection.can_start_tls:
        return session.put(replies.TLS_UNAVAILABLE)
    if session.user is not None:
        # A login made before TLS would have to be forgotten after it.
        return session.put(replies.LOGGED_IN_ALREADY)
    session.put(replies.READY_FOR_TLS)
    session.starting_tls = True


EXTENSION = Extension("STARTTLS", offer, commands=(Command(b"STARTTLS", starttls),))
