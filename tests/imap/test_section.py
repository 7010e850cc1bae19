"""Tests of sections: their grammar, and where they are in a message."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.imap.cursor import Cursor
from mailframe.imap.section import (
    Partial,
    Parts,
    Section,
    SectionText,
    partial,
    section,
)

# The example of RFC 3501 section 6.4.5, every part with a body of its own name.
EXAMPLE = b"""\
Subject: outer
Content-Type: multipart/mixed; boundary=a

preamble
--a

one
--a
Content-Type: application/octet-stream

two
--a
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=b

--b

three.one
--b
Content-Type: application/octet-stream

three.two
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif
Content-ID: <gif>

four.one
--c
Content-Type: message/rfc822

Subject: four.two
Content-Type: multipart/mixed; boundary=d

--d

four.two.one
--d
Content-Type: multipart/alternative; boundary=e

--e

four.two.two.one
--e
Content-Type: text/richtext

four.two.two.two
--e--
--d--
--c--
--a--
epilogue
""".replace(b"\n", b"\r\n")

PLAIN = b"Subject: a\r\nFrom: x\r\n y\r\nTo: z\r\n\r\nbody\r\n"


def read(octets: bytes) -> Section:
    """Read a whole section."""
    cursor = Cursor(octets)
    found = section(cursor)
    cursor.end()
    return found


def cut(octets: bytes, message: bytes) -> bytes | None:
    """Return what a section is of a message."""
    wanted = read(octets)
    extent = wanted.extent(Parts.of(message))
    return None if extent is None else wanted.filtered(message[slice(*extent)])


class SectionGrammarTests(SynchronousTestCase):
    """RFC 9051 section 9 (section)."""

    def test_good(self) -> None:
        """Each form, and how a response names it."""
        for octets, named in (
            (b"[]", b"[]"),
            (b"[1]", b"[1]"),
            (b"[4.2.1]", b"[4.2.1]"),
            (b"[header]", b"[HEADER]"),
            (b"[1.mime]", b"[1.MIME]"),
            (b"[3.HEADER]", b"[3.HEADER]"),
            (b"[TEXT]", b"[TEXT]"),
            (b"[HEADER.FIELDS (Date from)]", b"[HEADER.FIELDS (DATE FROM)]"),
            (b"[3.HEADER.FIELDS.NOT (a)]", b"[3.HEADER.FIELDS.NOT (A)]"),
            (b'[HEADER.FIELDS ("a b" {1}\r\nc)]', b'[HEADER.FIELDS ("A B" C)]'),
        ):
            self.assertEqual(bytes(read(octets)), named)

    def test_bad(self) -> None:
        """Half a section is none."""
        for octets in (
            *(b"", b"[", b"[0]", b"[1.]", b"[.1]", b"[1..2]", b"[MIME]", b"[1.FOO]"),
            *(b"[HEADER.FIELDS]", b"[HEADER.FIELDS ()]", b"[HEADER.FIELDS (a]"),
            *(b"[HEADER (a)]", b"[HEADER.1]", b"[4294967296]", b"[1"),
        ):
            self.assertRaises(BadSyntax, read, octets)

    def test_deep_parts_are_refused(self) -> None:
        """No message has them, and each number costs time."""
        self.assertEqual(len(read(b"[1" + b".1" * 100 + b"]").numbers), 101)
        self.assertRaises(BadSyntax, read, b"[1" + b".1" * 101 + b"]")

    def test_partial(self) -> None:
        """RFC 9051 section 9 (partial): the count is not 0."""
        self.assertEqual(partial(Cursor(b"<0.10>")), Partial(0, 10))
        self.assertIsNone(partial(Cursor(b" ")))
        for octets in (b"<1>", b"<1.0>", b"<.1>", b"<1.1", b"<-1.1>"):
            self.assertRaises(BadSyntax, partial, Cursor(octets))

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.integers(1, 2**32 - 1), max_size=4),
        st.sampled_from(SectionText),
        st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=3),
    )
    def test_round_trip(
        self, numbers: list[int], text: SectionText, names: list[bytes]
    ) -> None:
        """A response names the section so that it is read as the same."""
        listed = text.name.startswith("HEADER_FIELDS")
        clean = [name.upper().replace(b"\0", b"-") for name in names]
        if text is SectionText.MIME and not numbers:
            return
        made = Section(tuple(numbers), text, tuple(clean) if listed else ())
        self.assertEqual(read(bytes(made)), made)


class ExtentTests(SynchronousTestCase):
    """RFC 9051 section 6.4.5.1."""

    def test_parts_of_the_example(self) -> None:
        """The part numbers the RFC gives."""
        for number, body in (
            (b"1", b"one"),
            (b"2", b"two"),
            (b"3.1", b"three.one"),
            (b"3.2", b"three.two"),
            (b"4.1", b"four.one"),
            (b"4.2.1", b"four.two.one"),
            (b"4.2.2.1", b"four.two.two.one"),
            (b"4.2.2.2", b"four.two.two.two"),
        ):
            self.assertEqual(cut(b"[%b]" % number, EXAMPLE), body, number)

    def test_headers_of_the_example(self) -> None:
        """HEADER is a message's, MIME a part's."""
        for name, start in (
            (b"HEADER", b"Subject: outer\r\n"),
            (b"3.HEADER", b"Subject: three\r\n"),
            (b"4.2.HEADER", b"Subject: four.two\r\n"),
            (b"4.1.MIME", b"Content-Type: image/gif\r\nContent-ID: <gif>\r\n\r\n"),
            (b"3.MIME", b"Content-Type: message/rfc822\r\n\r\n"),
            (b"1.MIME", b"\r\n"),
        ):
            found = cut(b"[%b]" % name, EXAMPLE)
            assert found is not None
            self.assertTrue(found.startswith(start), name)
            self.assertTrue(found.endswith(b"\r\n"), name)
            self.assertNotIn(b"--", found)

    def test_texts_of_the_example(self) -> None:
        """TEXT is a message without its header."""
        text = cut(b"[TEXT]", EXAMPLE)
        assert text is not None
        self.assertTrue(text.startswith(b"preamble"))
        self.assertTrue(text.endswith(b"epilogue\r\n"))
        self.assertEqual(
            cut(b"[3]", EXAMPLE),
            (cut(b"[3.HEADER]", EXAMPLE) or b"") + (cut(b"[3.TEXT]", EXAMPLE) or b""),
        )
        self.assertEqual(cut(b"[]", EXAMPLE), EXAMPLE)

    def test_what_is_not_there(self) -> None:
        """No such part, or a word only a message part has."""
        for name in (
            b"5",
            b"1.1",
            b"1.HEADER",
            b"2.TEXT",
            b"4.TEXT",
            b"3.3",
            b"5.MIME",
        ):
            self.assertIsNone(cut(b"[%b]" % name, EXAMPLE), name)

    def test_part_of_a_plain_message(self) -> None:
        """Every message has at least a part 1."""
        self.assertEqual(cut(b"[1]", PLAIN), b"body\r\n")
        self.assertEqual(cut(b"[1.MIME]", PLAIN), PLAIN[:-6])
        self.assertIsNone(cut(b"[2]", PLAIN))
        self.assertIsNone(cut(b"[1.1]", PLAIN))

    def test_header_fields(self) -> None:
        """Folded fields whole, in their order, with the empty line."""
        self.assertEqual(
            cut(b"[HEADER.FIELDS (to from x)]", PLAIN),
            b"From: x\r\n y\r\nTo: z\r\n\r\n",
        )
        self.assertEqual(
            cut(b"[HEADER.FIELDS.NOT (FROM)]", PLAIN),
            b"Subject: a\r\nTo: z\r\n\r\n",
        )
        self.assertEqual(
            cut(b"[4.2.HEADER.FIELDS (subject)]", EXAMPLE),
            b"Subject: four.two\r\n\r\n",
        )

    def test_message_without_an_empty_line(self) -> None:
        """Has no body, and no empty line in its header."""
        octets = b"Subject: a\r\n"
        self.assertEqual(cut(b"[HEADER]", octets), octets)
        self.assertEqual(cut(b"[HEADER.FIELDS (Subject)]", octets), octets)
        self.assertEqual(cut(b"[TEXT]", octets), b"")

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 2**63 - 1), st.integers(1, 2**63 - 1))
    def test_partial_of_an_extent(self, first: int, count: int) -> None:
        """Exactly a slice of the section, cut at its end."""
        octets = b"0123456789"
        start, stop = Partial(first % 12, count % 12 + 1).of(2, 8)
        wanted = octets[2:8][first % 12 :][: count % 12 + 1]
        self.assertEqual(octets[start:stop], wanted)
        self.assertLessEqual(Partial(first, count).of(2, 8)[1], 8)

    def test_parts_need_something_to_be_found_in(self) -> None:
        """A part number without octets or structure is our own mistake."""
        self.assertEqual(read(b"[HEADER]").extent(Parts(9, 5, None, None)), (0, 5))
        parts = Parts(9, 5, None, None)
        self.assertRaises(ValueError, read(b"[1]").extent, parts)
