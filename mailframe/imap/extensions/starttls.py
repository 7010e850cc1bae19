"""STARTTLS: the command is in ``commands/not_authenticated.py``.

Capability ``STARTTLS``, RFC 3501, before login while the connection has no TLS
and could have it.

Source: RFC 3501 section 6.2.1.
"""

from mailframe.imap.command import NOT_AUTHENTICATED, Extension
from mailframe.imap.session import Session


def _announced(session: Session) -> bool:
    return session.state is NOT_AUTHENTICATED and bool(session.connection.can_start_tls)


EXTENSION = Extension(b"STARTTLS", announced=_announced)
