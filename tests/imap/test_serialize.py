"""Tests of how values are written."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadMailboxName
from mailframe.imap import grammar, serialize
from mailframe.imap.cursor import Cursor
from mailframe.imap.serialize import (
    astring_out,
    flag_list_out,
    internal_date,
    literal,
    mailbox_out,
    nstring_out,
    quoted_or_literal,
)
from mailframe.model.flag import SYSTEM_FLAGS
from mailframe.model.mailbox import MailboxName, mailbox_name

_NO_NUL = st.binary(max_size=40).map(lambda octets: octets.replace(b"\0", b""))
_KEYWORD = st.from_regex(r"[A-Za-z$_][A-Za-z0-9_.-]{0,9}", fullmatch=True)
_FLAGS = st.frozensets(st.sampled_from(SYSTEM_FLAGS))


def _names() -> st.SearchStrategy[MailboxName]:
    def valid(text: str) -> MailboxName | None:
        try:
            return mailbox_name(text)
        except BadMailboxName:
            return None

    characters = st.characters(exclude_categories=("Cs", "Cc"))
    found = st.text(characters, max_size=20).map(valid)
    return found.filter(lambda name: name is not None)  # type: ignore[return-value]


class StringTests(SynchronousTestCase):
    """RFC 9051 section 9 (string, astring, nstring)."""

    def test_quoted(self) -> None:
        """Quotes and backslashes are escaped."""
        self.assertEqual(quoted_or_literal(b""), b'""')
        self.assertEqual(quoted_or_literal(b'a"b\\'), b'"a\\"b\\\\"')

    def test_literal(self) -> None:
        """Line ends and octets above 127 need a literal."""
        self.assertEqual(quoted_or_literal(b"a\r\nb"), b"{4}\r\na\r\nb")
        self.assertEqual(quoted_or_literal(b"\xe9"), b"{1}\r\n\xe9")
        self.assertEqual(quoted_or_literal(b"\n"), b"{1}\r\n\n")

    def test_long_strings_are_literals(self) -> None:
        """No line of a response gets long by a string."""
        self.assertEqual(quoted_or_literal(b"a" * 1001), b"{1001}\r\n" + b"a" * 1001)

    def test_nul_is_replaced(self) -> None:
        """No string may have it; the count stays true."""
        self.assertEqual(literal(b"a\0b"), b"{3}\r\na\x80b")

    def test_astring(self) -> None:
        """Bare when it can be, and never an atom NIL."""
        self.assertEqual(astring_out(b"INBOX"), b"INBOX")
        self.assertEqual(astring_out(b"a]b"), b"a]b")
        self.assertEqual(astring_out(b"a b"), b'"a b"')
        self.assertEqual(astring_out(b"nil"), b'"nil"')
        self.assertEqual(astring_out(b""), b'""')

    def test_nstring(self) -> None:
        """NIL is not the text NIL."""
        self.assertEqual(nstring_out(None), b"NIL")
        self.assertEqual(nstring_out(b"NIL"), b'"NIL"')

    @settings(max_examples=100, deadline=None)
    @given(_NO_NUL)
    def test_round_trip(self, octets: bytes) -> None:
        """What is written is read again, as every kind of string."""
        for write, read in (
            (quoted_or_literal, grammar.string),
            (literal, grammar.string),
            (astring_out, grammar.astring),
            (nstring_out, grammar.nstring),
        ):
            cursor = Cursor(write(octets))
            self.assertEqual(read(cursor), octets)
            cursor.end()


class MailboxOutTests(SynchronousTestCase):
    """RFC 3501 section 5.1.3, RFC 9051 section 5.1."""

    def test_forms(self) -> None:
        """Modified UTF-7 by default, quoted UTF-8 when the client reads it."""
        self.assertEqual(mailbox_out("Entwürfe"), b"Entw&APw-rfe")
        self.assertEqual(mailbox_out("Entwürfe", utf8=True), '"Entwürfe"'.encode())
        self.assertEqual(mailbox_out("a&b"), b"a&-b")
        self.assertEqual(mailbox_out("a&b", utf8=True), b"a&b")
        self.assertEqual(mailbox_out('ä"', utf8=True), b'"\xc3\xa4\\""')

    @settings(max_examples=100, deadline=None)
    @given(_names(), st.booleans())
    def test_round_trip(self, name: MailboxName, utf8: bool) -> None:
        """Every name is read as it was written."""
        cursor = Cursor(mailbox_out(name, utf8=utf8), utf8=utf8)
        self.assertEqual(grammar.mailbox(cursor), name)
        cursor.end()


class FlagListOutTests(SynchronousTestCase):
    """RFC 9051 section 9 (flag-list)."""

    def test_order(self) -> None:
        """System flags, keywords by name, then Recent."""
        flags = frozenset(("b", "A", "\\Draft", "\\Seen"))
        self.assertEqual(flag_list_out(flags), b"(\\Seen \\Draft A b)")
        self.assertEqual(flag_list_out(flags, True), b"(\\Seen \\Draft A b \\Recent)")
        self.assertEqual(flag_list_out(frozenset()), b"()")
        self.assertEqual(flag_list_out(frozenset(), True), b"(\\Recent)")

    def test_cached(self) -> None:
        """The same flags give the same octets, not a copy."""
        flags = frozenset(("\\Seen", "cached"))
        self.assertIs(flag_list_out(flags), flag_list_out(frozenset(flags)))

    def test_bounded(self) -> None:
        """The cache begins anew when it is full."""
        self.patch(serialize, "_FLAG_LISTS_MAX", 1)
        for keyword in ("bounded1", "bounded2", "bounded3"):
            flag_list_out(frozenset((keyword,)))
        self.assertEqual(list(serialize._flag_lists), [{"bounded3"}])

    @settings(max_examples=100, deadline=None)
    @given(_FLAGS, st.lists(_KEYWORD, unique_by=str.casefold, max_size=4))
    def test_round_trip(self, system: frozenset[str], keywords: list[str]) -> None:
        """Every set of flags is read as it was written."""
        flags = system | set(keywords)
        cursor = Cursor(flag_list_out(flags))
        self.assertEqual(grammar.flag_list(cursor), flags)
        cursor.end()


class InternalDateTests(SynchronousTestCase):
    """RFC 9051 section 9 (date-time)."""

    def test_examples(self) -> None:
        """In UTC, the day always two characters."""
        self.assertEqual(internal_date(0), b'"01-Jan-1970 00:00:00 +0000"')
        self.assertEqual(internal_date(-1), b'"31-Dec-1969 23:59:59 +0000"')
        self.assertEqual(internal_date(837596665), b'"17-Jul-1996 09:44:25 +0000"')

    def test_beyond_the_calendar(self) -> None:
        """Dates no calendar has are written as its ends."""
        self.assertIn(b"31-Dec-9999", internal_date(10**15))
        self.assertIn(b"01-Jan-0001", internal_date(-(10**15)))

    @settings(max_examples=100, deadline=None)
    @given(st.integers(-62135596800, 253402300799))
    def test_round_trip(self, epoch: int) -> None:
        """Every second of the years 1 to 9999."""
        cursor = Cursor(internal_date(epoch))
        self.assertEqual(grammar.date_time(cursor), epoch)
        cursor.end()
