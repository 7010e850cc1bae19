"""How values are written in responses; nothing unquoted slips through here.

Source: RFC 3501 section 9, RFC 9051 section 9 (formal syntax).
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

from mailframe.imap import utf7
from mailframe.limits import DECIMALS_KEPT
from mailframe.model.flag import SYSTEM_FLAGS, FlagSet
from mailframe.model.mailbox import MailboxName

_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]{0,1000}")
# Python looks for a number in octets ten times as fast as for an octet.
_NUL = 0
_SPECIAL = re.compile(rb"[\"\\]")
_BARE = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]{1,1000}")
_FLAG_LISTS_MAX = 65_536
_MONTHS = b"- Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_FIRST_DAY = date.min.toordinal()
_LAST_DAY = date.max.toordinal()
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def quoted_or_literal(octets: bytes) -> bytes:
    """Return ``octets`` as a ``string``: quoted when they can be.

    NUL cannot be written in any string; it becomes an octet 0x80, so that
    the count stays true.

    Source: RFC 9051 section 9 (string).
    """
    if _QUOTABLE.fullmatch(octets):
        return b'"%b"' % _SPECIAL.sub(rb"\\\g<0>", octets)
    return literal(octets)


def literal(octets: bytes) -> bytes:
    """Return ``octets`` as a ``literal``; NUL as for :func:`quoted_or_literal`.

    Source: RFC 9051 section 4.3.
    """
    return b"{%d}\r\n%b" % (len(octets), without_nul(octets))


def without_nul(octets: bytes) -> bytes:
    """Return the octets as a literal may have them, as many as before.

    Source: RFC 9051 section 9 (CHAR8).
    """
    return octets.replace(b"\0", b"\x80") if _NUL in octets else octets


def astring_out(octets: bytes) -> bytes:
    """Return ``octets`` as an ``astring``: bare when they can be.

    ``NIL`` is quoted, so that nobody takes it for none.

    Source: RFC 9051 section 9 (astring).
    """
    if _BARE.fullmatch(octets) and octets.upper() != b"NIL":
        return octets
    return quoted_or_literal(octets)


def nstring_out(octets: bytes | None) -> bytes:
    """Return ``octets`` as an ``nstring``, ``None`` as NIL.

    Source: RFC 9051 section 9 (nstring).
    """
    return b"NIL" if octets is None else quoted_or_literal(octets)


def mailbox_out(name: MailboxName | str, *, utf8: bool = False) -> bytes:
    """Return a mailbox name, or a part of one.

    Args:
        name: Decoded, without control characters; a pattern too.
        utf8: Whether the client reads UTF-8 in quoted strings rather than
            modified UTF-7.

    Source: RFC 9051 section 5.1, RFC 3501 section 5.1.3.
    """
    if not utf8 or name.isascii():
        return astring_out(name.encode() if utf8 else utf7.encode(name))
    return b'"%b"' % _SPECIAL.sub(rb"\\\g<0>", name.encode())


class _FlagLists(dict[FlagSet, bytes]):
    """The written form of each flag set met so far."""

    def __init__(self, recent: bool) -> None:
        self._last = ("\\Recent",) if recent else ()

    def __missing__(self, flags: FlagSet) -> bytes:
        if len(self) >= _FLAG_LISTS_MAX:
            self.clear()
        system = [flag for flag in SYSTEM_FLAGS if flag in flags]
        keywords = sorted(flags.difference(SYSTEM_FLAGS))
        text = " ".join((*system, *keywords, *self._last))
        octets = self[flags] = b"(%b)" % text.encode("ascii")
        return octets


_flag_lists = _FlagLists(recent=False)
_recent_flag_lists = _FlagLists(recent=True)
flag_list_of = _flag_lists.__getitem__
"""The same as :func:`flag_list_out` for ``map``: no Python frame a message."""


def flag_list_out(flags: FlagSet, recent: bool = False) -> bytes:
    """Return the flags of a message in parentheses.

    Args:
        flags: System flags and keywords.
        recent: Whether it has ``\\Recent`` too.

    Source: RFC 9051 section 9 (flag-list), RFC 3501 section 9 (flag-fetch).
    """
    return (_recent_flag_lists if recent else _flag_lists)[flags]


class _Decimals(list[bytes]):
    """Numbers from 0 on, written, as far as they were used."""

    def written(self, numbers: Sequence[int]) -> Iterable[bytes]:
        """Return some numbers, none negative, written."""
        try:
            return list(map(self.__getitem__, numbers))
        except IndexError:
            most = max(numbers)
            if most >= DECIMALS_KEPT:
                return map(b"%d".__mod__, numbers)
            self += map(b"%d".__mod__, range(len(self), most + 1))
            return map(self.__getitem__, numbers)


decimals = _Decimals().written
"""Writes numbers; for ``b"".join``: no formatting of each."""


def internal_date(epoch: int) -> bytes:
    """Return a ``date-time`` in quotes, in UTC.

    Args:
        epoch: Seconds since 1970; what is outside the years 1 to 9999 is
            written as the first or last day of these.

    Source: RFC 9051 section 9 (date-time).
    """
    day, second = divmod(epoch, 86_400)
    return _day(day) + _MINUTES[second // 60] + _SECONDS[second % 60]


# Ten thousand dates are asked for at a time: no formatting for each.
_MINUTES = [b" %02d:%02d" % divmod(minute, 60) for minute in range(1440)]
_SECONDS = [b':%02d +0000"' % second for second in range(60)]


@lru_cache(maxsize=4096)
def _day(day: int) -> bytes:
    ordinal = min(max(day + _EPOCH_DAY, _FIRST_DAY), _LAST_DAY)
    there = date.fromordinal(ordinal)
    return b'"%02d-%b-%04d' % (there.day, _MONTHS[there.month], there.year)
