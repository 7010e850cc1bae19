"""LIMITS: how many messages and recipients a session may have.

RFC 9422. Always announced, with the limits the session works under.
"""

from mailframe.smtp.command import Extension
from mailframe.smtp.session import Session


def offer(session: Session) -> str:
    """Announce the limits (RFC 9422)."""
    limits = session.limits
    return f"MAILMAX={limits.transactions} RCPTMAX={limits.recipients}"


EXTENSION = Extension("LIMITS", offer)
