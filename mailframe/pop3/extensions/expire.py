"""EXPIRE: for how many days messages stay at least.

We remove nothing by ourselves, unless the operator does not want mail to stay:
with 0, what was read with RETR is removed by QUIT. Another number announces what
some other program on the host does.

Source: RFC 2449 section 6.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.pop3.command import Extension

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def told(session: POP3Server) -> bytes:
    """Return the line of CAPA."""
    days = session.options.expire
    return b"EXPIRE NEVER" if days is None else b"EXPIRE %d" % days


EXTENSION = Extension(told)
