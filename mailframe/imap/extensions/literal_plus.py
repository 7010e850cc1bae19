"""LITERAL+: a client need not wait before it sends a literal.

Capability ``LITERAL+``, RFC 7888, in every state, unless the limits say that such
literals must be small (LITERAL-). The framing reads these literals always; this
says so.

Source: RFC 7888 section 3.
"""

from mailframe.imap.command import Extension
from mailframe.imap.session import Session


def _announced(session: Session) -> bool:
    return not session.limits.unasked_literal


EXTENSION = Extension(b"LITERAL+", announced=_announced)
