"""The keys of SEARCH: their names and arguments.

:data:`SEARCH_KEYS` is a table, so that an extension adds a row when it is
imported and nothing here changes. What a key asks is in
:mod:`mailframe.imap.criterion`.

Source: RFC 3501 section 9, RFC 9051 section 9 (search-key).
"""

from collections.abc import Callable

from mailframe.imap import grammar
from mailframe.imap.criterion import (
    DAY,
    EPOCH_DAY,
    HasFlag,
    InternalDate,
    Messages,
    Recent,
    Saved,
    SearchKey,
    Size,
    all_of,
)
from mailframe.imap.cursor import Cursor
from mailframe.imap.search_header import Header, Sent
from mailframe.imap.search_text import Body, Text
from mailframe.imap.sequence import sequence_set
from mailframe.mime.text import casemap
from mailframe.model.flag import SEEN

KeyParser = Callable[[Cursor, str], SearchKey]
"""Reads what follows a key's name; given the cursor and the charset of texts."""


def astring_text(cursor: Cursor, charset: str) -> str:
    """Read ``SP astring`` as text to search for, after casemap.

    Raises:
        BadSyntax: There is none, or it is not in the charset.

    Source: RFC 9051 section 6.4.4 (CHARSET).
    """
    cursor.space()
    start = cursor.position
    octets = grammar.astring(cursor)
    try:
        text = octets.decode(charset)
        # Some codecs let a half of a character through.
        text.encode("utf-8")
    except (UnicodeError, ValueError):
        cursor.position = start
        cursor.fail("text in the charset of this search")
    return casemap(text)


def _flag_key(flag: str, present: bool) -> KeyParser:
    return lambda cursor, charset: HasFlag(flag, present)


def _keyword_key(present: bool) -> KeyParser:
    def parse(cursor: Cursor, charset: str) -> SearchKey:
        cursor.space()
        return HasFlag(grammar.atom(cursor).decode("ascii"), present)

    return parse


def _days(cursor: Cursor, before: bool, since: bool) -> tuple[int | None, int | None]:
    """Read ``SP date`` as the days from an ordinal up to another."""
    cursor.space()
    day = grammar.date(cursor).toordinal()
    if before:
        return None, day
    return day, None if since else day + 1


def _date_key(before: bool = False, since: bool = False) -> KeyParser:
    def parse(cursor: Cursor, charset: str) -> SearchKey:
        first, end = (
            None if day is None else (day - EPOCH_DAY) * DAY
            for day in _days(cursor, before, since)
        )
        return InternalDate(first, end)

    return parse


def _sent_key(before: bool = False, since: bool = False) -> KeyParser:
    return lambda cursor, charset: Sent(*_days(cursor, before, since))


def _size_key(larger: bool) -> KeyParser:
    def parse(cursor: Cursor, charset: str) -> SearchKey:
        cursor.space()
        return Size(grammar.number64(cursor), larger)

    return parse


def _field_key(name: bytes) -> KeyParser:
    return lambda cursor, charset: Header(name, astring_text(cursor, charset))


def _header_key(cursor: Cursor, charset: str) -> SearchKey:
    cursor.space()
    name = grammar.astring(cursor).lower()
    return Header(name, astring_text(cursor, charset))


def messages_key(cursor: Cursor, by_uid: bool) -> SearchKey:
    """Read a ``sequence-set`` as a key.

    Raises:
        BadSyntax: There is none here.

    Source: RFC 9051 section 9 (search-key).
    """
    messages = sequence_set(cursor)
    return Saved() if messages.saved else Messages(messages, by_uid)


def _uid_key(cursor: Cursor, charset: str) -> SearchKey:
    cursor.space()
    return messages_key(cursor, by_uid=True)


SEARCH_KEYS: dict[bytes, KeyParser] = {
    b"ALL": lambda cursor, charset: all_of(()),
    b"ANSWERED": _flag_key("\\Answered", True),
    b"BCC": _field_key(b"bcc"),
    b"BEFORE": _date_key(before=True),
    b"BODY": lambda cursor, charset: Body(astring_text(cursor, charset)),
    b"CC": _field_key(b"cc"),
    b"DELETED": _flag_key("\\Deleted", True),
    b"DRAFT": _flag_key("\\Draft", True),
    b"FLAGGED": _flag_key("\\Flagged", True),
    b"FROM": _field_key(b"from"),
    b"HEADER": _header_key,
    b"KEYWORD": _keyword_key(True),
    b"LARGER": _size_key(larger=True),
    b"NEW": lambda cursor, charset: all_of((Recent(), HasFlag(SEEN, False))),
    b"OLD": lambda cursor, charset: Recent(False),
    b"ON": _date_key(),
    b"RECENT": lambda cursor, charset: Recent(),
    b"SEEN": _flag_key(SEEN, True),
    b"SENTBEFORE": _sent_key(before=True),
    b"SENTON": _sent_key(),
    b"SENTSINCE": _sent_key(since=True),
    b"SINCE": _date_key(since=True),
    b"SMALLER": _size_key(larger=False),
    b"SUBJECT": _field_key(b"subject"),
    b"TEXT": lambda cursor, charset: Text(astring_text(cursor, charset)),
    b"TO": _field_key(b"to"),
    b"UID": _uid_key,
    b"UNANSWERED": _flag_key("\\Answered", False),
    b"UNDELETED": _flag_key("\\Deleted", False),
    b"UNDRAFT": _flag_key("\\Draft", False),
    b"UNFLAGGED": _flag_key("\\Flagged", False),
    b"UNKEYWORD": _keyword_key(False),
    b"UNSEEN": _flag_key(SEEN, False),
}
"""By name in capitals. OR, NOT, parentheses and sequence sets are not among
them: :mod:`mailframe.imap.search` reads those itself."""
