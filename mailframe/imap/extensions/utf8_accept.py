"""UTF8=ACCEPT: names of mailboxes, and headers, in UTF-8.

Capability ``UTF8=ACCEPT``, RFC 6855, after login. After ``ENABLE UTF8=ACCEPT``
names are UTF-8 (``session.py``), appended messages may have UTF-8 headers
(``appending.py``), and SEARCH names no charset. Messages that have such headers
are told octet for octet even to clients that did not enable it.

Source: RFC 6855 section 3.
"""

from typing import Any

from mailframe.imap.command import Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.message_data import APPEND_DATA, MessageData
from mailframe.imap.responses import Rejected
from mailframe.imap.searching import Search
from mailframe.imap.session import Session


class UTF8Data(MessageData):
    """A message said to have UTF-8 headers.

    ``utf8-literal = "UTF8" SP "(" literal8 ")"``

    Source: RFC 6855 section 4.
    """

    def read(self, cursor: Cursor) -> bool:
        """Read up to the literal, or behind it."""
        if not self.begun:
            cursor.expect(b" (~", "a literal8 in parentheses")
            cursor.position -= 1
            return super().read(cursor)
        cursor.expect(b")")
        return True


def _check(session: Session, command: Command, arguments: Any) -> None:
    """Refuse a SEARCH with a charset.  Source: RFC 6855 section 3."""
    if (
        command.name in (b"SEARCH", b"UID SEARCH")
        and isinstance(arguments, Search)
        and arguments.request.names_charset
    ):
        raise Rejected(b"A charset after ENABLE UTF8=ACCEPT")


APPEND_DATA[b"UTF8"] = UTF8Data

EXTENSION = Extension(b"UTF8=ACCEPT", can_be_enabled=True, check=_check)
