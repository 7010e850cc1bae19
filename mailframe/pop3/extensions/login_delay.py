"""LOGIN-DELAY: seconds between two logins of a user.

Who comes earlier is refused with the response code of the same name, and only
when the password was right: the answer to USER or to a wrong password tells
nobody that there is such a user.

Source: RFC 2449 sections 6.5 and 8.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.pop3.command import Extension

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server


def told(session: POP3Server) -> bytes | None:
    """Return the line of CAPA."""
    delays = session.options.login_delays
    return None if delays is None else b"LOGIN-DELAY %d" % delays.delay


EXTENSION = Extension(told)
