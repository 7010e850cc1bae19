"""LANG: the language of the texts in replies; there is English.

Source: RFC 6856 section 3, RFC 4647 section 3.4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailframe.errors import BadSyntax
from mailframe.pop3.command import EARLY, LATE, Command, Extension, Step, always

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server

# language-range = (1*8ALPHA *("-" 1*8alphanum)) / "*"   ; RFC 4647 section 2.1
_RANGE = re.compile(rb"([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*|\*")


def lang(session: POP3Server, argument: bytes) -> Step:
    """List the languages, or take one."""
    if not argument:
        session.put(b"+OK\r\nen English\r\n.\r\n")
        return None
    found = _RANGE.fullmatch(argument)
    if found is None:
        raise BadSyntax("a language range")
    # A range that says more, such as en-GB, falls back to en.
    if (found[1] or b"en").lower() == b"en":
        session.put(b"+OK en replies are in English\r\n")
    else:
        session.put(b"-ERR this language is not known here\r\n")
    return None


EXTENSION = Extension(always(b"LANG"), (Command("LANG", EARLY + LATE, lang),))
