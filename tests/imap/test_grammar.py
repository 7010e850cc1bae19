"""Tests of the grammar functions and the cursor."""

from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadMailboxName, BadSyntax, LimitExceeded, MailError
from mailframe.imap import grammar
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch import parse_fetch
from mailframe.imap.search import parse_search
from mailframe.imap.sequence import sequence_set


def read(rule: Callable[[Cursor], Any], octets: bytes) -> Any:
    """Read all of ``octets`` by one rule."""
    cursor = Cursor(octets)
    found = rule(cursor)
    cursor.end()
    return found


class CursorTests(SynchronousTestCase):
    """What reads the octets."""

    def test_accept_in_any_case(self) -> None:
        """Words of IMAP have no case."""
        cursor = Cursor(b"Flags x")
        self.assertFalse(cursor.accept(b"FAST"))
        self.assertTrue(cursor.accept(b"FLAGS"))
        self.assertEqual(cursor.peek(), b" ")
        cursor.space()
        self.assertEqual(cursor.rest(), b"x")

    def test_failures_name_the_place(self) -> None:
        """What was expected and where, never what was sent."""
        cursor = Cursor(b"secret rest", 6)
        for action in (cursor.end, lambda: cursor.expect(b"(")):
            error = self.assertRaises(BadSyntax, action)
            self.assertEqual(error.position, 6)
            self.assertNotIn("secret", error.expected)
        cursor.space()
        self.assertRaises(BadSyntax, cursor.space)

    def test_end(self) -> None:
        """Nothing may be left, and nothing comes after it."""
        cursor = Cursor(b"")
        cursor.end()
        self.assertEqual(cursor.peek(), b"")
        self.assertRaises(BadSyntax, cursor.space)


class StringTests(SynchronousTestCase):
    """RFC 9051 section 9: atoms and strings."""

    GOOD: tuple[tuple[Callable[[Cursor], Any], bytes, Any], ...] = (
        (grammar.atom, b"a+b[&", b"a+b[&"),
        (grammar.tag, b"A1.]", b"A1.]"),
        (grammar.astring, b"a]b", b"a]b"),
        (grammar.astring, b'""', b""),
        (grammar.string, b'"a\\"b\\\\"', b'a"b\\'),
        (grammar.string, b"{3}\r\na\r\n", b"a\r\n"),
        (grammar.string, b"{3+}\r\nabc", b"abc"),
        (grammar.string, b"{0}\r\n", b""),
        (grammar.nstring, b"NIL", None),
        (grammar.nstring, b'"NIL"', b"NIL"),
        (grammar.base64, b"AGJvYg==", b"\0bob"),
        (grammar.base64, b"", b""),
    )
    BAD: tuple[tuple[Callable[[Cursor], Any], bytes], ...] = (
        (grammar.atom, b""),
        (grammar.atom, b"a]"),
        (grammar.atom, b"\xe9"),
        (grammar.atom, b"("),
        (grammar.tag, b"+"),
        (grammar.astring, b"{3"),
        (grammar.string, b"abc"),
        (grammar.string, b'"abc'),
        (grammar.string, b'"a\\b"'),
        (grammar.string, b'"a\r\nb"'),
        (grammar.string, b'"\0"'),
        (grammar.string, b"{4}\r\nabc"),
        (grammar.string, b"{-1}\r\nabc"),
        (grammar.string, b"{1}\r\n\0"),
        (grammar.string, b"{99999999999999999999}\r\n"),
        (grammar.nstring, b"NILL"),
        (grammar.base64, b"AGJvYg="),
        (grammar.base64, b"AGJv!"),
    )

    def test_good(self) -> None:
        """What the grammar has."""
        for rule, octets, value in self.GOOD:
            self.assertEqual(read(rule, octets), value, octets)

    def test_bad(self) -> None:
        """What it has not."""
        for rule, octets in self.BAD:
            self.assertRaises(BadSyntax, read, rule, octets)

    def test_quoted_is_utf8(self) -> None:
        """Other octets above 127 are bad (RFC 6855 section 3)."""
        for octets in (b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', b'"\xc0\x80"'):
            error = self.assertRaises(BadSyntax, read, grammar.astring, octets)
            self.assertEqual(error.position, 0)

    def test_lenient_eight_bit_quoted(self) -> None:
        """Clients send UTF-8 in quoted strings; IMAP4rev2 allows it."""
        self.assertEqual(read(grammar.string, '"é"'.encode()), "é".encode())


class NumberTests(SynchronousTestCase):
    """RFC 9051 section 9 (number, nz-number, number64)."""

    def test_bounds(self) -> None:
        """Each rule has its own."""
        self.assertEqual(read(grammar.number, b"0"), 0)
        self.assertEqual(read(grammar.number, b"4294967295"), 2**32 - 1)
        self.assertEqual(read(grammar.number, b"0" * 5000 + b"7"), 7)
        self.assertEqual(read(grammar.nz_number, b"1"), 1)
        self.assertEqual(read(grammar.number64, b"9223372036854775807"), 2**63 - 1)
        for rule, octets in (
            (grammar.number, b"4294967296"),
            (grammar.number, b"1" * 10_000),
            (grammar.number, b""),
            (grammar.number, b"-1"),
            (grammar.nz_number, b"0"),
            (grammar.nz_number, b"01"),
            (grammar.number64, b"9223372036854775808"),
        ):
            self.assertRaises(BadSyntax, read, rule, octets)


class MailboxTests(SynchronousTestCase):
    """RFC 9051 section 5.1."""

    def test_encodings(self) -> None:
        """Modified UTF-7, or UTF-8 where that was agreed on."""
        self.assertEqual(read(grammar.mailbox, b"Entw&APw-rfe"), "Entwürfe")
        cursor = Cursor('"Entwürfe"'.encode(), utf8=True)
        self.assertEqual(grammar.mailbox(cursor), "Entwürfe")

    def test_inbox(self) -> None:
        """INBOX in any case, as any string."""
        for octets in (b"inbox", b'"InBox"', b"{5}\r\nINBOX"):
            self.assertEqual(read(grammar.mailbox, octets), "INBOX")

    def test_names_nothing_can_have(self) -> None:
        """Are refused, not broken grammar."""
        for octets in (b'""', b"&", '"ü"'.encode(), b"a//b", b"..", b"a/", b'"\x01"'):
            self.assertRaises(BadMailboxName, read, grammar.mailbox, octets)
        cursor = Cursor(b"{1}\r\n\xff", utf8=True)
        self.assertRaises(BadMailboxName, grammar.mailbox, cursor)

    def test_trailing_delimiter(self) -> None:
        """CREATE may end a name with one (RFC 9051 section 6.3.4)."""
        self.assertEqual(grammar.mailbox(Cursor(b"a/b/"), level=True), "a/b")
        for octets in (b"/", b"a//"):
            cursor = Cursor(octets)
            self.assertRaises(BadMailboxName, grammar.mailbox, cursor, level=True)

    def test_new_name(self) -> None:
        """What is made with a name in UTF-8 has a Net-Unicode name."""
        for name, good in (("Entwürfe", True), ("Entwu\u0308rfe", False)):
            cursor = Cursor(f'"{name}"'.encode(), utf8=True)
            if good:
                self.assertEqual(grammar.mailbox(cursor, level=True), name)
            else:
                self.assertRaises(BadMailboxName, grammar.mailbox, cursor, level=True)

    def test_patterns(self) -> None:
        """Wildcards stay, in atoms and in strings."""
        self.assertEqual(read(grammar.list_mailbox, b"a/%*"), "a/%*")
        self.assertEqual(read(grammar.list_mailbox, b'"% *"'), "% *")
        self.assertEqual(read(grammar.list_mailbox, b'""'), "")
        self.assertEqual(read(grammar.list_mailbox, b"Entw&APw-*"), "Entwü*")


class FlagTests(SynchronousTestCase):
    """RFC 9051 section 2.3.2."""

    def test_flags(self) -> None:
        """System flags in their one spelling, keywords as written."""
        self.assertEqual(
            read(grammar.flag_list, b"(\\SEEN $Fwd \\flagged)"),
            {"\\Seen", "$Fwd", "\\Flagged"},
        )
        self.assertEqual(read(grammar.flag_list, b"()"), frozenset())
        self.assertEqual(read(grammar.flags, b"\\Seen a"), {"\\Seen", "a"})

    def test_a_keyword_twice(self) -> None:
        """Keywords have no case; the first spelling counts."""
        self.assertEqual(read(grammar.flag_list, b"(Foo foo)"), {"Foo"})

    def test_refused(self) -> None:
        """Recent is not a client's to set, nor is what nobody knows."""
        for octets in (b"(\\Recent)", b"(\\*)", b"(\\Foo)", b"(a", b"(a  b)", b"\\"):
            self.assertRaises(BadSyntax, read, grammar.flag_list, octets)

    def test_long_keyword(self) -> None:
        """Beyond the limit it is refused."""
        self.assertEqual(len(read(grammar.flag, b"a" * 100)), 100)
        self.assertRaises(LimitExceeded, read, grammar.flag, b"a" * 101)


class DateTests(SynchronousTestCase):
    """RFC 9051 section 9 (date, date-time)."""

    def test_date(self) -> None:
        """Quoted or not, one digit or two."""
        for octets in (b"1-Feb-1994", b'"01-FEB-1994"'):
            self.assertEqual(read(grammar.date, octets), date(1994, 2, 1))

    def test_date_time(self) -> None:
        """Any zone, as seconds of UTC."""
        for octets, epoch in (
            (b'"17-Jul-1996 02:44:25 -0700"', 837596665),
            (b'" 1-Jan-1970 01:30:00 +0130"', 0),
            (b'"31-Dec-2016 23:59:60 +0000"', 1483228799),
        ):
            self.assertEqual(read(grammar.date_time, octets), epoch)

    def test_no_such_day(self) -> None:
        """A date is a day of the calendar."""
        for octets in (b"30-Feb-1994", b"1-Foo-1994", b"1-Feb-94", b'"1-Feb-1994', b""):
            self.assertRaises(BadSyntax, read, grammar.date, octets)
        for octets in (
            b'"1-Jan-1970 00:00:00 +0000"',
            b'"32-Jan-1970 00:00:00 +0000"',
            b'"01-Jan-1970 24:00:00 +0000"',
            b'"01-Jan-1970 00:00:61 +0000"',
            b'"01-Jan-1970 00:00:00 +2400"',
            b'"01-Jan-1970 00:00:00 +0060"',
            b'"01-Jan-0000 00:00:00 +0000"',
            b"01-Jan-1970",
        ):
            self.assertRaises(BadSyntax, read, grammar.date_time, octets)


_RULES: tuple[Callable[[Cursor], Any], ...] = (
    grammar.atom,
    grammar.astring,
    grammar.string,
    grammar.nstring,
    grammar.number,
    grammar.nz_number,
    grammar.number64,
    grammar.mailbox,
    lambda cursor: grammar.mailbox(Cursor(cursor.octets, utf8=True)),
    grammar.list_mailbox,
    grammar.flag,
    grammar.flag_list,
    grammar.date,
    grammar.date_time,
    grammar.base64,
    grammar.tag,
    sequence_set,
    lambda cursor: parse_fetch(cursor, True),
    parse_search,
)
_WORDS = (
    *(b"(", b")", b" ", b'"', b"\\", b"{3}\r\n", b"{1+}\r\n", b"[", b"]", b"<0.1>"),
    *(b"BODY", b"BODY.PEEK[", b"HEADER.FIELDS", b"1.2", b"MIME", b"FLAGS", b"RFC822"),
    *(b"OR ", b"NOT ", b"TEXT ", b"SENTON ", b"1-Feb-1994", b"CHARSET ", b"utf-8 "),
    *(b"1:*", b"0", b"KEYWORD ", b"UID ", b"\xe9", b"\0", b"&", b"a", b"NIL", b"="),
)


class HostileTests(SynchronousTestCase):
    """Whatever comes, only BadSyntax or a refusal comes of it."""

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=30))
    def test_any_octets(self, octets: bytes) -> None:
        """Octets without sense."""
        self._read(octets)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.sampled_from(_WORDS), max_size=10))
    def test_words_in_any_order(self, words: list[bytes]) -> None:
        """Octets with nearly some."""
        self._read(b"".join(words))

    def _read(self, octets: bytes) -> None:
        for rule in _RULES:
            cursor = Cursor(octets)
            try:
                rule(cursor)
            except (BadSyntax, MailError):
                continue
            self.assertLessEqual(cursor.position, len(octets))
