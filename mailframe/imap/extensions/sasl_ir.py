"""SASL-IR: AUTHENTICATE with an initial response.

Capability ``SASL-IR``, RFC 4959, before login. AUTHENTICATE reads it always;
this says so.

Source: RFC 4959 section 3.
"""

from mailframe.imap.command import NOT_AUTHENTICATED, Extension
from mailframe.imap.session import Session


def _announced(session: Session) -> bool:
    return session.state is NOT_AUTHENTICATED


EXTENSION = Extension(b"SASL-IR", announced=_announced)
