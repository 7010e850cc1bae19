"""The words of IMAP: each function reads one rule of the grammar.

All take a :class:`~mailframe.imap.cursor.Cursor` and leave it behind what
they read. Numbers are read by the rule and then bounded; a literal stands
inline in the octets as ``{3}CRLFabc`` or ``{3+}CRLFabc``.

Source: RFC 3501 section 9, RFC 9051 section 9 (formal syntax).
"""

import datetime
import re
from binascii import Error, a2b_base64
from unicodedata import is_normalized

from mailframe.errors import BadMailboxName, BadSyntax, LimitExceeded
from mailframe.imap import utf7
from mailframe.imap.cursor import Cursor
from mailframe.limits import IMAPLimits
from mailframe.model.flag import SYSTEM_FLAGS, FlagSet, canonical_flag, intern_flags
from mailframe.model.mailbox import DELIMITER, MailboxName, mailbox_name

# ATOM-CHAR    = <any CHAR except atom-specials>       ; RFC 9051 section 9
# ASTRING-CHAR = ATOM-CHAR / resp-specials
_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_ASTRING = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")
# list-char = ATOM-CHAR / list-wildcards / resp-specials
_LIST = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\\]+")
# tag = 1*<any ASTRING-CHAR except "+">
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]+")
# quoted = DQUOTE *QUOTED-CHAR DQUOTE
# Lenient: UTF-8, which IMAP4rev1 has not in quoted strings; clients that send it
# there mean it, and IMAP4rev2 allows it.
_QUOTED = re.compile(rb"\"([^\"\\\r\n\x00]*(?:\\[\"\\][^\"\\\r\n\x00]*)*)\"")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
# Python looks for a number in octets ten times as fast as for an octet.
_NUL, _BACKSLASH = b"\0\\"
# literal = "{" number64 ["+"] "}" CRLF *CHAR8
_LITERAL = re.compile(rb"\{([0-9]{1,19})\+?\}\r\n")
_DIGITS = re.compile(rb"[0-9]+")
# date-text = date-day "-" date-month "-" date-year
_DATE = re.compile(rb"(\")?([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})(?(1)\")")
# date-time = DQUOTE date-day-fixed "-" date-month "-" date-year
#             SP time SP zone DQUOTE
_DATE_TIME = re.compile(
    rb"\"( [0-9]|[0-9]{2})-([A-Za-z]{3})-([0-9]{4})"
    rb" ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})\""
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")

_MONTH_NAMES = b"JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_NUMBER_MAX = 2**32 - 1
_NUMBER64_MAX = 2**63 - 1
_KEYWORD_MAX = IMAPLimits().keyword_length


def atom(cursor: Cursor) -> bytes:
    """Read an ``atom``.

    Raises:
        BadSyntax: There is none here.

    Source: RFC 9051 section 9 (atom).
    """
    found = cursor.match(_ATOM)
    return found[0] if found else cursor.fail("an atom")


def tag(cursor: Cursor) -> bytes:
    """Read a ``tag``.

    Raises:
        BadSyntax: There is none here.

    Source: RFC 9051 section 9 (tag).
    """
    found = cursor.match(_TAG)
    return found[0] if found else cursor.fail("a tag")


def string(cursor: Cursor) -> bytes:
    """Read a ``string``: quoted, or a literal inline.

    Raises:
        BadSyntax: There is none here, or it has a NUL, or is quoted and neither ASCII
            nor UTF-8.

    Source: RFC 9051 section 9 (string), RFC 6855 section 3 (uQUOTED-CHAR).
    """
    start = cursor.position
    if found := cursor.match(_QUOTED):
        text = found[1]
        if not (text.isascii() or _is_utf8(text)):
            raise BadSyntax("UTF-8", start)
        return _ESCAPED.sub(rb"\1", text) if _BACKSLASH in text else text
    if found := cursor.match(_LITERAL):
        start = cursor.position
        stop = start + int(found[1])
        if stop > len(cursor.octets):
            cursor.fail("as many octets as the literal announced")
        octets = cursor.octets[start:stop]
        if _NUL in octets:
            cursor.fail("a literal without NUL")
        cursor.position = stop
        return octets
    cursor.fail("a string")


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def astring(cursor: Cursor) -> bytes:
    """Read an ``astring``: a string, or bare characters.

    Raises:
        BadSyntax: There is none here.

    Source: RFC 9051 section 9 (astring).
    """
    found = cursor.match(_ASTRING)
    return found[0] if found else string(cursor)


def nstring(cursor: Cursor) -> bytes | None:
    """Read an ``nstring``: a string, or NIL.

    Returns:
        ``None`` for NIL.

    Raises:
        BadSyntax: There is neither.

    Source: RFC 9051 section 9 (nstring).
    """
    return None if cursor.accept(b"NIL") else string(cursor)


def number(cursor: Cursor) -> int:
    """Read a ``number``, 0 to 2**32 - 1.

    Raises:
        BadSyntax: There is none here, or it is larger.

    Source: RFC 9051 section 9 (number).
    """
    return _number(cursor, 0, _NUMBER_MAX, "a number below 4294967296")


def nz_number(cursor: Cursor) -> int:
    """Read an ``nz-number``, 1 to 2**32 - 1, without leading zeros.

    Raises:
        BadSyntax: There is none here, or it is larger.

    Source: RFC 9051 section 9 (nz-number).
    """
    what = "a number from 1 to 4294967295"
    if cursor.peek() == b"0":
        cursor.fail(what)
    return _number(cursor, 1, _NUMBER_MAX, what)


def number64(cursor: Cursor) -> int:
    """Read a ``number64``, 0 to 2**63 - 1.

    Raises:
        BadSyntax: There is none here, or it is larger.

    Source: RFC 9051 section 9 (number64).
    """
    return _number(cursor, 0, _NUMBER64_MAX, "a number below 9223372036854775808")


def mod_sequence(cursor: Cursor) -> int:
    """Read a ``mod-sequence-value``, 1 to 2**63 - 1.

    Raises:
        BadSyntax: There is none here, or it is 0 or larger.

    Source: RFC 7162 section 7.
    """
    return _number(cursor, 1, _NUMBER64_MAX, "a mod-sequence above 0")


def _number(cursor: Cursor, low: int, high: int, what: str) -> int:
    start = cursor.position
    found = cursor.match(_DIGITS)
    if found:
        # int() would spend long on thousands of digits, so count them first.
        digits = found[0].lstrip(b"0")
        if len(digits) <= 19 and low <= (value := int(digits or b"0")) <= high:
            return value
    raise BadSyntax(what, start)


def mailbox(cursor: Cursor, *, level: bool = False) -> MailboxName:
    """Read a ``mailbox`` name.

    Args:
        cursor: Where to read.
        level: Whether it is to be the name of a new mailbox, as for CREATE and
            RENAME. One ``/`` may end it then, which means nothing and is taken
            off; a name in UTF-8 has to be Net-Unicode.

    Raises:
        BadSyntax: There is no astring here.
        BadMailboxName: What it says cannot be a name.

    Source: RFC 9051 sections 5.1 and 6.3.4, RFC 3501 section 5.1.3.
    """
    name = written_mailbox(cursor)
    if level and len(name) > 1 and name.endswith(DELIMITER):
        name = name[: -len(DELIMITER)]
    if level and cursor.utf8 and not is_normalized("NFC", name):
        raise BadMailboxName("not in Normalization Form C")
    return mailbox_name(name)


def written_mailbox(cursor: Cursor) -> str:
    """Read a ``mailbox`` name as the client wrote it, decoded and nothing more.

    Raises:
        BadSyntax: There is no astring here.
        BadMailboxName: It is not in the encoding of names.

    Source: RFC 9051 section 5.1, RFC 3501 section 5.1.3.
    """
    return _decoded(astring(cursor), cursor.utf8)


def list_mailbox(cursor: Cursor) -> str:
    """Read a ``list-mailbox``: a name in which ``*`` and ``%`` are wildcards.

    Returns:
        The pattern decoded, wildcards as they are; may be empty.

    Raises:
        BadSyntax: There is none here.
        BadMailboxName: No name could match it.

    Source: RFC 9051 section 9 (list-mailbox).
    """
    found = cursor.match(_LIST)
    return _decoded(found[0] if found else string(cursor), cursor.utf8)


def _decoded(octets: bytes, utf8: bool) -> str:
    try:
        return octets.decode("utf-8") if utf8 else utf7.decode(octets)
    except (BadSyntax, UnicodeDecodeError):
        raise BadMailboxName("not in the encoding of mailbox names") from None


def flag(cursor: Cursor) -> str:
    """Read a ``flag`` a client may set.

    Returns:
        A system flag in its one spelling, or a keyword as written.

    Raises:
        BadSyntax: There is none here, or one with a backslash that no client
            may set, such as ``\\Recent``.
        LimitExceeded: The keyword is too long.

    Source: RFC 9051 section 9 (flag), section 2.3.2.
    """
    start = cursor.position
    if cursor.accept(b"\\"):
        name = canonical_flag("\\" + atom(cursor).decode("ascii"))
        if name not in SYSTEM_FLAGS:
            raise BadSyntax("a system flag or a keyword", start)
        return name
    return keyword(cursor)


def keyword(cursor: Cursor) -> str:
    """Read a ``flag-keyword``.

    Raises:
        BadSyntax: There is none here.
        LimitExceeded: It is too long.

    Source: RFC 9051 section 9 (flag-keyword).
    """
    name = atom(cursor)
    if len(name) > _KEYWORD_MAX:
        raise LimitExceeded("the keyword is too long")
    return name.decode("ascii")


def flag_list(cursor: Cursor) -> FlagSet:
    """Read a ``flag-list`` in parentheses; it may be empty.

    Of a keyword that comes twice, in capitals and not, the first counts.

    Raises:
        BadSyntax: There is none here.
        LimitExceeded: A keyword is too long.

    Source: RFC 9051 section 9 (flag-list).
    """
    cursor.expect(b"(")
    if cursor.accept(b")"):
        return intern_flags(frozenset())
    found = flags(cursor)
    cursor.expect(b")")
    return found


def flags(cursor: Cursor) -> FlagSet:
    """Read flags with a space between, without parentheses: at least one.

    Raises:
        BadSyntax: There is none here.
        LimitExceeded: A keyword is too long.

    Source: RFC 9051 section 9 (store-att-flags).
    """
    found: dict[str, str] = {}
    while True:
        name = flag(cursor)
        found.setdefault(name.casefold(), name)
        if not cursor.accept(b" "):
            return intern_flags(frozenset(found.values()))


def date(cursor: Cursor) -> datetime.date:
    """Read a ``date``, quoted or not.

    Raises:
        BadSyntax: There is none here, or no such day.

    Source: RFC 9051 section 9 (date).
    """
    start = cursor.position
    found = cursor.match(_DATE)
    try:
        if found:
            return datetime.date(
                int(found[4]), _MONTHS[found[3].upper()], int(found[2])
            )
    except (KeyError, ValueError):
        pass
    raise BadSyntax("a date such as 1-Feb-1994", start)


def date_time(cursor: Cursor) -> int:
    """Read a ``date-time``.

    Returns:
        Seconds since 1970 in UTC; negative before.

    Raises:
        BadSyntax: There is none here, or no such time.

    Source: RFC 9051 section 9 (date-time).
    """
    start = cursor.position
    found = cursor.match(_DATE_TIME)
    try:
        if found:
            return _epoch(found)
    except (KeyError, ValueError):
        pass
    raise BadSyntax('a date and time such as "17-Jul-1996 02:44:25 -0700"', start)


def _epoch(found: re.Match[bytes]) -> int:
    day, month, year, hour, minute, second, sign, east, east_minutes = found.groups()
    if int(east_minutes) > 59:
        raise ValueError
    offset = datetime.timedelta(hours=int(east), minutes=int(east_minutes))
    there = datetime.datetime(
        int(year),
        _MONTHS[month.upper()],
        int(day),
        int(hour),
        int(minute),
        # A leap second is the last one of its minute once more.
        59 if second == b"60" else int(second),
        tzinfo=datetime.timezone(offset if sign == b"+" else -offset),
    )
    return int(there.timestamp())


def base64(cursor: Cursor) -> bytes:
    """Read ``base64`` and decode it; may be empty.

    Raises:
        BadSyntax: It is not whole, padded base64.

    Source: RFC 9051 section 9 (base64), RFC 4648 section 4.
    """
    start = cursor.position
    found = cursor.match(_BASE64)
    try:
        return a2b_base64(found[0] if found else b"", strict_mode=True)
    except Error:
        raise BadSyntax("base64", start) from None
