"""Tests of SEARCH over mail in memory."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax, MessageGone, TooLarge
from mailframe.imap.criterion import (
    And,
    ColumnKey,
    HasFlag,
    Level,
    Messages,
    Not,
    Or,
    SearchRows,
    Size,
    leaves,
)
from mailframe.imap.cursor import Cursor
from mailframe.imap.search import (
    BadCharset,
    SearchRequest,
    parse_search,
)
from mailframe.imap.search_header import Header
from mailframe.imap.search_keys import SEARCH_KEYS
from mailframe.imap.search_run import run_search
from mailframe.imap.search_text import Body, Text
from mailframe.model.flag import DELETED, FlagChange, FlagSet
from mailframe.model.uid_set import UIDSet
from tests.imap.message_context import ALL_UIDS, FakeContext, ViewTestCase
from tests.imap.test_fetch import Passing

_DAY = 86_400
_1994 = (date(1994, 2, 1) - date(1970, 1, 1)).days * _DAY


def parse(octets: bytes) -> SearchRequest:
    """Read a whole search."""
    cursor = Cursor(octets)
    found = parse_search(cursor)
    cursor.end()
    return found


def message(header: str, body: str = "body", **fields: str) -> bytes:
    """Return a message with CRLF."""
    lines = [header] if header else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", body, ""]).encode()


class ParseSearchTests(SynchronousTestCase):
    """RFC 9051 section 9 (search-program)."""

    def test_combinations(self) -> None:
        """Flattened, cheapest first."""
        seen, deleted = HasFlag("\\Seen"), HasFlag("\\Deleted")
        for octets, key in (
            (b"SEEN", seen),
            (b"not seen", Not(seen, seen.level, 1)),
            (b"NOT NOT SEEN", seen),
            (b"((SEEN))", seen),
            (b"ALL SEEN ALL", seen),
            (b"(SEEN (DELETED))", And((seen, deleted), seen.level, 1)),
            (b"OR SEEN OR DELETED SEEN", Or((seen, deleted, seen), seen.level, 1)),
            (b"OR OR SEEN DELETED SEEN", Or((seen, deleted, seen), seen.level, 1)),
            (
                b"TEXT a SUBJECT b SEEN",
                And((seen, Header(b"subject", "B"), Text("A")), Text.level, 1),
            ),
        ):
            self.assertEqual(parse(octets).key, key, octets)

    def test_strings(self) -> None:
        """Atoms, quoted strings and literals, by UTF-8 unless a charset is named."""
        for octets, key in (
            (b"BODY abc", Body("ABC")),
            (b'BODY "a b"', Body("A B")),
            (b"BODY {3}\r\na b", Body("A B")),
            (b'BODY ""', Body("")),
            ('BODY "ü"'.encode(), Body("U\u0308")),
            (b"CHARSET ISO-8859-1 BODY {1}\r\n\xfc", Body("U\u0308")),
            (b"CHARSET utf-8 BODY abc", Body("ABC")),
            (b"charset US-ASCII BODY abc", Body("ABC")),
            (b'HEADER Subject ""', Header(b"subject", "")),
        ):
            self.assertEqual(parse(octets).key, key, octets)

    def test_charsets(self) -> None:
        """An unknown one is refused, not bad grammar (RFC 3501 section 6.4.4)."""
        for name in (b"x-none", b"hex", b"rot13", b"punycode", b"unicode_escape"):
            self.assertRaises(BadCharset, parse, b"CHARSET %b ALL" % name)
        self.assertRaises(BadCharset, parse, b"CHARSET {1}\r\n\xff ALL")
        for octets in (
            b"CHARSET US-ASCII BODY {1}\r\n\xfc",
            b"BODY {1}\r\n\xfc",
            b"CHARSET utf-7 BODY {8}\r\n+2AA-+AGE",
        ):
            self.assertRaises(BadSyntax, parse, octets)

    def test_charset_named_elsewhere(self) -> None:
        """SORT names it before the search program."""
        request = parse_search(Cursor(b"BODY {1}\r\n\xfc"), b"iso-8859-1")
        self.assertEqual(request.key, Body("U\u0308"))
        self.assertRaises(
            BadSyntax, parse_search, Cursor(b"CHARSET UTF-8 ALL"), b"utf-8"
        )

    def test_bad(self) -> None:
        """Half keys, unknown keys and what follows a search."""
        for octets in (
            *(b"", b" ALL", b"ALL ", b"ALL  SEEN", b"FOO", b"NOT", b"NOT ", b"()"),
            *(b"(ALL", b"ALL)", b"OR ALL", b"OR ALL )", b"SUBJECT", b"LARGER x"),
            *(
                b"ON 30-Feb-1994",
                b"UID",
                b"UID x",
                b"0",
                b"1,",
                b"HEADER a",
                b"KEYWORD",
            ),
            *(b"CHARSET UTF-8", b"KEYWORD \\Seen", b"ALLSEEN", b"\xff", b"*:"),
        ):
            self.assertRaises(BadSyntax, parse, octets)

    def test_position(self) -> None:
        """An error is placed in the whole command."""
        error = self.assertRaises(BadSyntax, parse_search, Cursor(b"a SEARCH FOO", 9))
        self.assertEqual(error.position, 9)

    def test_nesting(self) -> None:
        """Bounded by the limits, never by our stack."""
        alternating = b"NOT (SEEN " * 20 + b"DELETED" + b")" * 20
        self.assertIsInstance(parse(alternating).key, Not)
        for octets in (
            b"NOT (SEEN " * 40 + b"DELETED" + b")" * 40,
            b"(" * 60_000,
            b"NOT " * 60_000 + b"ALL",
            b"OR " * 30_000 + b"ALL",
            b"ALL " * 3000 + b"ALL",
        ):
            self.assertRaises(TooLarge, parse, octets)

    def test_long_or(self) -> None:
        """Clients look for hundreds of Message-IDs at once."""
        right = b"OR HEADER Message-ID a " * 500 + b"ALL"
        left = b"OR " * 500 + b"ALL" + b" FROM a" * 500
        for octets in (right, left):
            key = parse(octets).key
            assert isinstance(key, Or)
            self.assertEqual(len(key.keys), 501)

    def test_cached(self) -> None:
        """The same octets give the same request, up to 200 of them."""
        self.assertIs(parse(b"UNSEEN FROM a"), parse(b"UNSEEN FROM a"))
        long = b"FROM " + b"a" * 200
        self.assertEqual(parse(long), parse(long))
        self.assertIsNot(parse(long), parse(long))

    def test_leaves(self) -> None:
        """Whoever must know which keys are used can ask."""
        found = list(leaves(parse(b"OR SEEN NOT LARGER 5 SUBJECT a").key))
        self.assertEqual(len(found), 3)
        self.assertIn(Size(5, True), found)


class SearchTestCase(ViewTestCase):
    """What these tests do."""

    def search(self, context: FakeContext, octets: bytes) -> list[int]:
        """Return the UIDs found."""
        return list(self.wait(run_search(context, parse(octets))))


class SearchKeyTests(SearchTestCase):
    """RFC 3501 section 6.4.4, key by key."""

    def setUp(self) -> None:
        """Four messages that differ in everything."""
        self.mail = self.context(
            [
                message(
                    "",
                    From="Fred Smith <fred@example.org>",
                    To="a@b",
                    Subject="=?utf-8?Q?Gr=C3=BC=C3=9Fe?= from\r\n here",
                    Date="Mon, 31 Jan 1994 23:59:00 -0800",
                    X_Empty="",
                ),
                message(
                    "Content-Type: text/plain; charset=iso-8859-1\r\n"
                    "Content-Transfer-Encoding: base64",
                    "R3L831/8YmVyYWxs",
                    Cc="fred@example.org",
                    Bcc="hidden",
                    Date="Tue, 1 Feb 1994 00:30 +1300",
                ),
                message(
                    "Content-Type: multipart/mixed; boundary=x",
                    "--x\r\nX-Mime: needle\r\n\r\npart one\r\n--x\r\n"
                    "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\n"
                    "inner text\r\n--x--",
                    Subject="again",
                    subject="Second SUBJECT field",
                ),
                message("", "x" * 2000, Date="Wed, 2 Feb 1994 12:00 +0000"),
            ],
            [
                frozenset(("\\Seen", "\\Answered")),
                frozenset(("\\Flagged", "$Forwarded")),
                frozenset(("\\Deleted", "\\Draft")),
                frozenset(),
            ],
            [_1994 - 1, _1994, _1994 + _DAY - 1, _1994 + _DAY],
        )
        self.mail.recent = UIDSet.of([1, 4])

    CASES = (
        (b"ALL", [1, 2, 3, 4]),
        (b"ANSWERED", [1]),
        (b"UNANSWERED", [2, 3, 4]),
        (b"DELETED", [3]),
        (b"UNDELETED", [1, 2, 4]),
        (b"DRAFT", [3]),
        (b"UNDRAFT", [1, 2, 4]),
        (b"FLAGGED", [2]),
        (b"UNFLAGGED", [1, 3, 4]),
        (b"SEEN", [1]),
        (b"UNSEEN", [2, 3, 4]),
        (b"KEYWORD $forwarded", [2]),
        (b"UNKEYWORD $Forwarded", [1, 3, 4]),
        (b"KEYWORD none", []),
        (b"NEW", [4]),
        (b"OLD", [2, 3]),
        (b"RECENT", [1, 4]),
        (b"BEFORE 1-Feb-1994", [1]),
        (b"ON 1-Feb-1994", [2, 3]),
        (b"SINCE 1-Feb-1994", [2, 3, 4]),
        (b"SENTBEFORE 1-Feb-1994", [1]),
        (b"SENTON 1-Feb-1994", [2]),
        (b"SENTSINCE 1-Feb-1994", [2, 4]),
        (b"SENTON 31-Jan-1994", [1]),
        (b"NOT SENTSINCE 1-Jan-1970", [3]),
        (b"SENTBEFORE 1-Jan-1990", []),
        (b"SENTSINCE 1-Jan-2030", []),
        (b"LARGER 2000", [4]),
        (b"SMALLER 2000", [1, 2, 3]),
        (b"LARGER 0", [1, 2, 3, 4]),
        (b"2,4", [2, 4]),
        (b"*", [4]),
        (b"UID 3:99", [3, 4]),
        (b"UID 99:*", [4]),
        (b"FROM smith", [1]),
        (b"FROM FRED@EXAMPLE", [1]),
        (b"TO a@b", [1]),
        (b"CC Fred", [2]),
        (b"BCC hid", [2]),
        (b'FROM ""', [1]),
        ('SUBJECT "GRÜSSE"'.encode(), []),
        ('SUBJECT "grüße"'.encode(), [1]),
        (b'SUBJECT "from here"', [1]),
        (b"SUBJECT second", [3]),
        (b"SUBJECT inner", []),
        (b'HEADER X-Empty ""', [1]),
        (b"HEADER X-Empty a", []),
        (b'HEADER X-Mime ""', []),
        (b"HEADER DATE 1994", [1, 2, 4]),
        ('BODY "grüß"'.encode(), [2]),
        ("CHARSET UTF-8 BODY {8}\r\nÜBERALL".encode(), [2]),
        (b'BODY "part one"', [3]),
        (b"BODY inner", [3]),
        (b"BODY again", []),
        (b"BODY needle", []),
        (b'BODY ""', [1, 2, 3, 4]),
        (b"TEXT again", [3]),
        (b"TEXT needle", [3]),
        (b"TEXT inner", [3]),
        (b"TEXT base64", [2]),
        ('TEXT "grüß"'.encode(), [1, 2]),
        (b'TEXT ""', [1, 2, 3, 4]),
        (b"FROM smith TEXT zzz", []),
        (b"BODY part BODY inner", [3]),
        (b"OR SEEN DELETED", [1, 3]),
        (b"OR SEEN BODY part", [1, 3]),
        (b"NOT (OR SEEN BODY part)", [2, 4]),
        (b"NOT ALL", []),
        (b"OR ALL TEXT zzz", [1, 2, 3, 4]),
        (b"UNSEEN NOT BODY part", [2, 4]),
        (b"(OR FROM smith CC fred) FLAGGED", [2]),
        (b"OR SENTON 1-Feb-1994 OR SUBJECT again LARGER 2000", [2, 3, 4]),
        (b"UNSEEN UNFLAGGED SINCE 2-Feb-1994 1:*", [4]),
    )

    def test_keys(self) -> None:
        """What each key finds."""
        for octets, uids in self.CASES:
            self.assertEqual(self.search(self.mail, octets), uids, octets)

    def test_every_key_is_tested(self) -> None:
        """No row of the table without a case."""
        asked = b" ".join(octets for octets, _ in self.CASES).split()
        ours = {
            name
            for name, parse_key in SEARCH_KEYS.items()
            if parse_key.__module__ == "mailframe.imap.search_keys"
        }
        self.assertGreater(len(ours), 30)
        self.assertEqual(ours - set(asked), set())

    def test_number_beyond_the_mailbox(self) -> None:
        """Matches nothing; to a search it is no error (RFC 7377 section 2)."""
        for octets, uids in (
            (b"5", []),
            (b"3:900", [3, 4]),
            (b"900:3", [3, 4]),
            (b"900:*", [4]),
            (b"NOT 5", [1, 2, 3, 4]),
            (b"2:7", [2, 3, 4]),
        ):
            self.assertEqual(self.search(self.mail, octets), uids, octets)
        self.assertEqual(self.search(self.context([]), b"1:*"), [])

    def test_only_what_is_needed_is_read(self) -> None:
        """Columns before dates before headers before messages."""
        mailbox = self.mail.mailbox
        everything = {"summaries", "headers", "load", "open_content"}
        for octets, needed in (
            (b"UNSEEN SINCE 1-Jan-1994 LARGER 5 OR DELETED NOT DRAFT", set[str]()),
            (b"SENTSINCE 1-Jan-1990", {"summaries"}),
            (b"SENTON 31-Jan-1994", {"summaries", "headers"}),
            (b"SUBJECT a NOT FROM b", {"headers"}),
            (b"OR SEEN SUBJECT a", {"headers"}),
            (b"BODY a", {"load"}),
        ):
            forbidden: dict[str, Any] = dict.fromkeys(everything - needed)
            self.mail.mailbox = Passing(mailbox, **forbidden)
            self.search(self.mail, octets)

    def test_bodies_of_few_messages(self) -> None:
        """Only what columns and headers left open is loaded."""
        loads: list[UIDSet] = []
        load = self.mail.mailbox.load

        async def counted(uids: UIDSet, most: int) -> Any:
            loads.append(uids)
            return await load(uids, most)

        self.mail.mailbox = Passing(self.mail.mailbox, load=counted)
        found = self.search(self.mail, b"UNSEEN OR SUBJECT again BODY x NOT FLAGGED")
        self.assertEqual(found, [3, 4])
        self.assertEqual(loads, [UIDSet.of([4])])

    def test_large_messages(self) -> None:
        """What is too large to be loaded is searched as well."""
        context = self.context([message("", "a" * 1_100_000 + " needle")])
        self.assertEqual(self.search(context, b"BODY needle"), [1])

        async def gone(uid: int) -> Any:
            raise MessageGone(str(uid))

        context.mailbox = Passing(context.mailbox, open_content=gone)
        self.assertEqual(self.search(context, b"BODY needle"), [])

    def test_gone_while_it_is_read(self) -> None:
        """A message may vanish at any moment; what was opened is closed."""
        context = self.context([message("", "a" * 1_100_000)])
        closed: list[bool] = []

        async def read(start: int, stop: int) -> bytes:
            raise MessageGone("1")

        async def open_content(uid: int) -> Any:
            close = partial(closed.append, True)
            return Passing(None, size=9, octets=None, read=read, close=close)

        context.mailbox = Passing(context.mailbox, open_content=open_content)
        self.assertEqual(self.search(context, b"NOT BODY needle"), [])
        self.assertEqual(closed, [True])

    def test_fields_that_only_look_alike(self) -> None:
        """A name is matched whole; a field may end the message."""
        context = self.context(
            [b"Subjective: a\r\nX: subject: a\r\n\r\n", b"X: b\r\nSubject : a\r\n c"]
        )
        self.assertEqual(self.search(context, b"SUBJECT a"), [2])
        self.assertEqual(self.search(context, b'SUBJECT "a c"'), [2])
        self.assertEqual(self.search(context, b'SUBJECT ""'), [2])

    def test_broken_dates(self) -> None:
        """A Date field without a date is none."""
        context = self.context([message("", Date="never"), message("", Date="")])
        self.assertEqual(self.search(context, b"SENTSINCE 1-Jan-1970"), [])
        found = self.search(context, b"OR SENTON 1-Jan-1970 SUBJECT x")
        self.assertEqual(found, [])

    def test_others_have_their_turn(self) -> None:
        """Between the steps the session may wait."""
        waited: list[int] = []

        async def wait() -> None:
            waited.append(1)

        self.mail.pause = wait  # type: ignore[method-assign]
        self.search(self.mail, b"SEEN SENTON 31-Jan-1994 FROM a BODY a")
        self.assertEqual(len(waited), 4)

    def test_a_key_of_columns_must_select(self) -> None:
        """An extension that breaks the contract is told so."""

        @dataclass(frozen=True)
        class Broken:
            level: Level = Level.COLUMN

            def test(self, message: Any) -> bool:
                return True

        request = SearchRequest(Broken())
        self.assertRaises(TypeError, self.wait, run_search(self.mail, request))
        rows = SearchRows(self.mail.listing, UIDSet.EMPTY, [])
        self.assertRaises(NotImplementedError, ColumnKey().select, rows)

    def test_gone_messages_do_not_match(self) -> None:
        """What cannot be read is passed over."""
        deleted: FlagSet = frozenset((DELETED,))
        self.wait(self.mail.mailbox.store(ALL_UIDS, FlagChange.ADD, deleted))
        self.wait(self.mail.mailbox.expunge())
        for octets in (b"BODY x", b"NOT FROM x", b"SENTSINCE 1-Jan-1970"):
            self.assertEqual(self.search(self.mail, octets), [])


_SUBJECTS = ("", "alpha", "Beta alpha", "=?utf-8?b?w6TDpA==?=", "x\r\n beta")
_BODIES = ("", "alpha", "beta gamma", "ää")
_FLAG_SETS = tuple(map(frozenset, ((), ("\\Seen",), ("\\Flagged", "Foo"), ("foo",))))
_NEEDLES = ("", "ALPHA", "beta", "ä", "zzz")
_EPOCH = date(1970, 1, 1)

Row = tuple[int, frozenset[str], int, int, int, str, str]
"""Of the model: row, flags, day received, day sent, hour sent, subject, body."""


def _days() -> st.SearchStrategy[tuple[str, int]]:
    kinds = ("BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE")
    return st.tuples(st.sampled_from(kinds), st.integers(99, 103))


_LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        (("ALL",), ("SEEN",), ("UNSEEN",), ("NEW",), ("OLD",), ("RECENT",))
    ),
    st.tuples(st.sampled_from(("KEYWORD", "UNKEYWORD")), st.just("FOO")),
    st.tuples(st.sampled_from(("LARGER", "SMALLER")), st.integers(90, 130)),
    st.tuples(st.just("UID"), st.integers(1, 6)),
    _days(),
    st.tuples(st.sampled_from(("SUBJECT", "BODY", "TEXT")), st.sampled_from(_NEEDLES)),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("NOT"), inner),
        st.tuples(st.just("OR"), inner, inner),
        st.tuples(st.just("AND"), inner, inner),
    ),
    max_leaves=8,
)
_ROWS = st.lists(
    st.tuples(
        st.sampled_from(_FLAG_SETS),
        st.integers(99, 103),
        st.integers(99, 103),
        st.integers(-23, 23),
        st.sampled_from(_SUBJECTS),
        st.sampled_from(_BODIES),
    ),
    min_size=1,
    max_size=6,
)


def written(tree: Any) -> str:
    """Return a tree as a client writes it."""
    kind, *rest = tree
    if kind == "AND":
        return f"({written(rest[0])} {written(rest[1])})"
    if kind in ("OR", "NOT"):
        return " ".join([kind, *map(written, rest)])
    if kind.endswith(("BEFORE", "ON", "SINCE")):
        return f"{kind} {(_EPOCH + timedelta(rest[0])).strftime('%d-%b-%Y')}"
    if kind in ("SUBJECT", "BODY", "TEXT"):
        return f'{kind} "{rest[0]}"'
    return " ".join([kind, *map(str, rest)])


class NaiveModelTests(SearchTestCase):
    """Whatever is asked, in whatever order it is decided."""

    @settings(max_examples=100, deadline=None)
    @given(_ROWS, _TREES)
    def test_against_a_naive_model(self, rows: list[Any], tree: Any) -> None:
        """Every message is held against every key by itself."""
        self.sizes: list[int] = []
        messages = []
        for _, _, day, zone, subject, body in rows:
            there = (_EPOCH + timedelta(day)).strftime("%d %b %Y")
            sent = f"{there} 12:00 {'-' if zone < 0 else '+'}{abs(zone):02}00"
            fields = {"Subject": subject} if subject else {}
            made = message(
                "Content-Type: text/plain; charset=utf-8", body, Date=sent, **fields
            )
            messages.append(made)
            self.sizes.append(len(made))
        context = self.context(
            messages, [row[0] for row in rows], [row[1] * _DAY + 5 for row in rows]
        )
        context.recent = UIDSet.of([2, 3])
        wanted = [
            uid for uid, row in enumerate(rows, 1) if self.matches(tree, uid, row)
        ]
        self.assertEqual(self.search(context, written(tree).encode()), wanted)

    def matches(self, tree: Any, uid: int, row: Any) -> bool:
        """Hold one message against a tree."""
        kind, *rest = tree
        if kind == "AND":
            return all([self.matches(one, uid, row) for one in rest])
        if kind == "OR":
            return any([self.matches(one, uid, row) for one in rest])
        if kind == "NOT":
            return not self.matches(rest[0], uid, row)
        flags, received, sent, _, subject, body = row
        plain = {
            "ALL": True,
            "SEEN": "\\Seen" in flags,
            "UNSEEN": "\\Seen" not in flags,
            "RECENT": uid in (2, 3),
            "OLD": uid not in (2, 3),
            "NEW": uid in (2, 3) and "\\Seen" not in flags,
        }
        if kind in plain:
            return plain[kind]
        (value,) = rest
        if kind == "UID":
            return bool(uid == value)
        if kind in ("KEYWORD", "UNKEYWORD"):
            has = any(flag.lower() == "foo" for flag in flags)
            return has is (kind == "KEYWORD")
        if kind in ("LARGER", "SMALLER"):
            size = self.sizes[uid - 1]
            return bool(size > value if kind == "LARGER" else size < value)
        if kind in ("SUBJECT", "BODY", "TEXT"):
            return self.contains(kind, value.lower(), subject, body)
        day = sent if kind.startswith("SENT") else received
        return bool(
            {"BEFORE": day < value, "ON": day == value, "SINCE": day >= value}[
                kind.removeprefix("SENT")
            ]
        )

    def contains(self, kind: str, needle: str, subject: str, body: str) -> bool:
        """Look into the decoded text."""
        decoded = {"=?utf-8?b?w6TDpA==?=": "ää", "x\r\n beta": "x beta"}
        title = decoded.get(subject, subject).lower()
        if kind == "SUBJECT":
            return bool(subject) and needle in title
        if kind == "BODY":
            return needle in body.lower()
        return not needle or needle in title or needle in body.lower()


class SequenceKeyTests(SynchronousTestCase):
    """Sets of numbers among the keys."""

    def test_parsed(self) -> None:
        """A key that begins like a number is a set."""
        key = parse(b"1:3,*").key
        assert isinstance(key, Messages)
        self.assertFalse(key.by_uid)
