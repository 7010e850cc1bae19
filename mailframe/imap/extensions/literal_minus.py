"""LITERAL-: a client need not wait before it sends a small literal.

Capability ``LITERAL-``, RFC 7888, in every state, instead of LITERAL+ when
``IMAPLimits.unasked_literal`` is set. The server refuses larger ones with
TOOBIG.

Source: RFC 7888 section 5.
"""

from mailframe.imap.command import Extension
from mailframe.imap.session import Session


def _announced(session: Session) -> bool:
    return bool(session.limits.unasked_literal)


EXTENSION = Extension(b"LITERAL-", announced=_announced)
