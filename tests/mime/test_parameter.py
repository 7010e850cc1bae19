"""Tests of :mod:`mailframe.mime.parameter`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.parameter import PARAMETERS, parameters


class ParameterTests(SynchronousTestCase):
    """RFC 2045 section 5.1 and RFC 2231: parameters of a field."""

    def check(self, value: bytes, head: bytes, *pairs: tuple[bytes, bytes]) -> None:
        """Compare what a value is taken apart into."""
        self.assertEqual(parameters(value), (head, pairs))

    def test_none(self) -> None:
        """A value may have no parameters."""
        self.check(b" inline ", b"inline")
        self.check(b"", b"")
        self.check(b"a;", b"a")

    def test_quoted_and_not(self) -> None:
        """Quotes and backslashes are taken off, names are in lower case."""
        self.check(
            b'a/b; X=y ;z = "1;\\"2\\\\" ; e=""',
            b"a/b",
            (b"x", b"y"),
            (b"z", b'1;"2\\'),
            (b"e", b""),
        )

    def test_comment(self) -> None:
        """A comment is no part of a value (RFC 2045 section 5.1)."""
        self.check(
            b"text/plain; charset=us-ascii (Plain text)",
            b"text/plain",
            (b"charset", b"us-ascii"),
        )

    def test_comments_anywhere(self) -> None:
        """Comments may be wherever white space may, nested, with quoted pairs."""
        self.check(
            b"text/(a)plain (b (c \\) d) e); (f) charset (g) = (h) utf-8 (i)",
            b"text/plain",
            (b"charset", b"utf-8"),
        )
        self.check(b'a/b; x="(1)" (2); y=3', b"a/b", (b"x", b"(1)"), (b"y", b"3"))
        self.check(b'a/b (don"t); x=y', b"a/b", (b"x", b"y"))
        self.check(b"a/b (c; x=y", b"a/b (c", (b"x", b"y"))

    def test_lenient_values(self) -> None:
        """Spaces without quotes and quotes that never close are read."""
        self.check(b"a; name=foo bar.txt; x", b"a", (b"name", b"foo bar.txt"))
        self.check(b'a; name="foo', b"a", (b"name", b"foo"))

    def test_first_counts(self) -> None:
        """Of two parameters with one name the first is taken."""
        self.check(b"a; b=1; B=2", b"a", (b"b", b"1"))

    def test_continuations(self) -> None:
        """Pieces are put together by number (RFC 2231 section 3)."""
        self.check(
            b'message/external-body; URL*1="cs.utk.edu/x"; URL*0="ftp://"; t=1',
            b"message/external-body",
            (b"url", b"ftp://cs.utk.edu/x"),
            (b"t", b"1"),
        )

    def test_charset(self) -> None:
        """Extended values are decoded (RFC 2231 section 4)."""
        self.check(
            b"a; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
            b"a",
            (b"title", b"This is ***fun***"),
        )
        self.check(b"a; b*=iso-8859-1''%E9", b"a", (b"b", b"\xc3\xa9"))
        self.check(b"a; b*=%E9", b"a", (b"b", b"\xe9"))

    def test_both(self) -> None:
        """Only pieces with an asterisk are encoded (RFC 2231 section 4.1)."""
        self.check(
            b"a; title*0*=us-ascii'en'This%20is%20even%20more%20;"
            b' title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn\'t it!"',
            b"a",
            (b"title", b"This is even more ***fun*** isn't it!"),
        )

    def test_extended_wins(self) -> None:
        """A plain parameter beside an extended one is for older software."""
        for value in (
            b"a; filename=x; filename*=utf-8''%C3%A9",
            b"a; filename*=utf-8''%C3%A9; filename=x",
        ):
            self.check(value, b"a", (b"filename", b"\xc3\xa9"))

    def test_bounded(self) -> None:
        """Of endless parameters the first are looked at."""
        value = b"".join(b";a%d=1" % number for number in range(1000))
        self.assertEqual(len(parameters(value)[1]), PARAMETERS)
        self.assertEqual(parameters(b'a;b="' + b"\\a" * 100_000)[0], b"a")

    @given(
        st.lists(
            st.sampled_from([b"a", b"*", b"0", b"=", b'"', b"'", b";", b" ", b"%E9"])
            | st.binary(max_size=3)
        ).map(b"".join)
    )
    @settings(max_examples=100)
    def test_any_octets(self, value: bytes) -> None:
        """Any octets have parameters, each name once and in lower case."""
        _, pairs = parameters(value)
        names = [name for name, _ in pairs]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([name.lower() for name in names], names)
