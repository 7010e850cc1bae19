"""CATENATE: a message is put together from text and parts of other messages.

Capability ``CATENATE``, RFC 4469, after login; with MULTIAPPEND, REPLACE and
``literal8``. The parts go to the intake in pieces, one behind the other, when the
command is complete.

Source: RFC 4469 section 3.
"""

from mailframe.imap.command import Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring
from mailframe.imap.message_data import APPEND_DATA, ArgumentComes, MessageData


class Catenation(MessageData):
    """One message put together.

    ``append-data =/ "CATENATE" SP "(" cat-part *(SP cat-part) ")"``

    ``cat-part = "TEXT" SP literal / "URL" SP astring``

    Source: RFC 4469 section 5, RFC 3516 section 7 (literal8).
    """

    in_parts = True

    def read(self, cursor: Cursor) -> bool:
        """Read up to the next literal, or to the end."""
        first, urls = not self.begun, []
        if first:
            cursor.space()
            cursor.expect(b"(")
        complete = False
        while first or not cursor.accept(b")"):
            if not first:
                cursor.space()
            first = False
            if cursor.accept(b"URL "):
                if not cursor.rest():
                    raise ArgumentComes("a URL", cursor.position)
                urls.append(astring(cursor))
            elif cursor.accept(b"TEXT "):
                self.binary = cursor.accept(b"~")
                if cursor.rest():
                    cursor.fail("a literal")
                break
            else:
                cursor.fail("TEXT or URL")
        else:
            complete = True
        self.begun = True
        self.urls += urls
        return complete


APPEND_DATA[b"CATENATE"] = Catenation

EXTENSION = Extension(b"CATENATE")
