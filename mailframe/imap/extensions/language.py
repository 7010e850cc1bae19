"""LANGUAGE: texts of responses in a language of the client's choice.

Capability ``LANGUAGE``, RFC 5255, in every state. English and German; ``i-default``,
in which every session begins, is English in ASCII. ``default`` is English.

Source: RFC 5255 section 3.
"""

from mailframe.errors import BadSyntax, TooLarge
from mailframe.imap.command import ANY, Command, Extension, always
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring
from mailframe.imap.language import DEFAULT, LANGUAGES, RANGE, best
from mailframe.imap.namespaces import namespace_response
from mailframe.imap.responses import Refused
from mailframe.imap.serialize import astring_out
from mailframe.imap.session import Session

_RANGES_MAX = 20


def parse(cursor: Cursor) -> tuple[str, ...]:
    """``language-cmd = "LANGUAGE" *(SP lang-range-quoted)``.

    Source: RFC 5255 section 3.5.
    """
    found: list[str] = []
    while cursor.rest():
        if len(found) >= _RANGES_MAX:
            raise TooLarge("fewer languages", cursor.position)
        cursor.space()
        start = cursor.position
        text = astring(cursor).decode("latin-1")
        if not RANGE.fullmatch(text):
            raise BadSyntax("a language such as de-AT", start)
        found.append(text)
    return tuple(found)


def run(session: Session, ranges: tuple[str, ...]) -> bytes:
    """Speak another language, or tell which there are.

    Raises:
        Refused: None of those is spoken.

    Source: RFC 5255 sections 3.2 to 3.4.
    """
    if not ranges:
        tags = [one.tag for tag, one in LANGUAGES.items() if tag != DEFAULT]
        session.put(b"* LANGUAGE (%b)\r\n" % " ".join([*tags, DEFAULT]).encode())
        return b"Languages listed"
    chosen = best(ranges)
    if chosen is None:
        raise Refused(b"This language is not spoken here")
    session.language = chosen
    session.put(b"* LANGUAGE (%b)\r\n" % astring_out(chosen.tag.encode()))
    if session.account is not None and chosen.levels:
        session.put(namespace_response(session))
    return b"Language changed"


def _reset(session: Session) -> None:
    """Speak the default language again.  Source: RFC 8437 section 4.1."""
    session.language = LANGUAGES[DEFAULT]


EXTENSION = Extension(
    b"LANGUAGE",
    (Command(b"LANGUAGE", ANY, run, parse),),
    announced=always,
    reset=_reset,
)
