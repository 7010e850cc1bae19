"""What a message in APPEND may be made of.

A literal, or what extensions add to a table.

Source: RFC 9051 section 9 (append-message), RFC 4466 section 3 (append-data).
"""

import re
from collections.abc import Callable

from mailframe.errors import BadSyntax
from mailframe.imap.cursor import Cursor
from mailframe.imap.responses import Refused
from mailframe.model.imap_url import IMAPURL, imap_url

# url-resp-text has no backslash (RFC 4469 section 5), and a bracket would end it.
_NOT_TOLD = re.compile(rb"[^\x20-\x5b\x5e-\x7e]")
_TOLD_MAX = 1000


class ArgumentComes(BadSyntax):
    """The next literal is an argument, and no octets of a message."""


class MessageData:
    """One message that is the octets of one literal.

    Attributes:
        binary: Whether the literal may have a NUL.
        begun: Whether its literal was announced.
        urls: URLs of messages read since they were last taken; what they mean
            comes before the next literal.
        in_parts: Whether there may be several literals, or none, or empty ones.

    Source: RFC 9051 section 9 (append-message), RFC 3516 section 7 (literal8).
    """

    in_parts = False

    def __init__(self) -> None:
        """Begin before its literal."""
        self.binary = False
        self.begun = False
        self.urls: list[bytes] = []

    def read(self, cursor: Cursor) -> bool:
        """Read on; called before its first literal and after each.

        Returns:
            Whether the message is complete; else the octets of a literal that
            is announced where the cursor ends come next.

        Raises:
            BadSyntax: It is not what the grammar has here.
            ArgumentComes: An argument has to come where the cursor ends.
        """
        if self.begun:
            return True
        self.begun = True
        self.binary = cursor.accept(b"~")
        if cursor.rest():
            cursor.fail("a message as a literal")
        return False


APPEND_DATA: dict[bytes, Callable[[], MessageData]] = {}
"""What a message may be made of besides a literal, by name in capitals; what is
made reads on behind the name."""


def url_of_message(octets: bytes) -> IMAPURL:
    """Read a URL of a message in this account.

    Raises:
        Refused: It is none, or one for others.

    Source: RFC 4469 sections 3 and 4.1.
    """
    try:
        url = imap_url(octets.decode("ascii"))
    except (UnicodeDecodeError, BadSyntax):
        raise bad_url(octets) from None
    if url.host or url.access is not None:
        raise bad_url(octets)
    return url


def bad_url(octets: bytes) -> Refused:
    """Return the refusal of a URL that means nothing here.

    ``badurl-response-code = "BADURL" SP url-resp-text``

    Source: RFC 4469 sections 4.1 and 5.
    """
    # The grammar has no empty URL.
    told = _NOT_TOLD.sub(b"?", octets[:_TOLD_MAX]) or b'""'
    return Refused(b"[BADURL %b] The URL means nothing here" % told)
