"""CATENATE: a message is put together from text and parts of other messages.

Capability ``CATENATE``, RFC 4469, after login; with MULTIAPPEND, REPLACE, ``literal8``
and text that is said to be UTF-8. The parts go to the intake in pieces, one behind
the other, when the command is complete.

Source: RFC 4469 section 3.
"""

from mailframe.imap.command import Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring
from mailframe.imap.message_data import APPEND_DATA, ArgumentComes, MessageData


class Catenation(MessageData):
    """One message put together.

    ``append-data =/ "CATENATE" SP "(" cat-part *(SP cat-part) ")"``

    ``cat-part = "TEXT" SP literal / "URL" SP astring / "UTF8" SP "(" literal8 ")"``

    Source: RFC 4469 section 5, RFC 3516 section 7 (literal8), RFC 6855 section 4
    (utf8-literal).
    """

    in_parts = True

    def __init__(self) -> None:
        """Begin before its parts."""
        super().__init__()
        self._in_parentheses = False

    def read(self, cursor: Cursor) -> bool:
        """Read up to the next literal, or to the end."""
        if self._in_parentheses:
            # The literal that has come was that of UTF8.
            cursor.expect(b")")
            self._in_parentheses = False
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
                self._literal_comes(cursor)
                break
            elif cursor.accept(b"UTF8 ("):
                cursor.expect(b"~", "a literal8")
                self.binary = self._in_parentheses = True
                self._literal_comes(cursor)
                break
            else:
                cursor.fail("TEXT, UTF8 or URL")
        else:
            complete = True
        self.begun = True
        self.urls += urls
        return complete

    def _literal_comes(self, cursor: Cursor) -> None:
        if cursor.rest():
            cursor.fail("a literal")


APPEND_DATA[b"CATENATE"] = Catenation

EXTENSION = Extension(b"CATENATE")
