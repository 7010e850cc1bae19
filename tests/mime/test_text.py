"""Tests of :mod:`mailframe.mime.text`."""

import base64

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.structure import structure
from mailframe.mime.text import (
    casemap,
    decode_base64,
    decode_transfer,
    decode_words,
    is_known_encoding,
    part_text,
    searchable_parts,
)
from tests.mime.octets import messages


class EncodedWordTests(SynchronousTestCase):
    """RFC 2047: encoded words."""

    def test_examples(self) -> None:
        """The examples of RFC 2047 section 8 are displayed as told there."""
        for octets, text in (
            (b"(=?ISO-8859-1?Q?a?=)", "(a)"),
            (b"(=?ISO-8859-1?Q?a?= b)", "(a b)"),
            (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
            (b"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
            (b"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"),
            (b"(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
            (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
            (b"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld J\xf8rn Simonsen"),
            (
                b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
                b" =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                "If you can read this you understand the example.",
            ),
        ):
            self.assertEqual(decode_words(octets), text)

    def test_language(self) -> None:
        """A language is passed over (RFC 2231 section 5)."""
        self.assertEqual(decode_words(b"=?US-ASCII*EN?Q?Keith_Moore?="), "Keith Moore")

    def test_plain(self) -> None:
        """What is no encoded word stays, unfolded; UTF-8 is read (RFC 6532)."""
        self.assertEqual(decode_words(b"a =?b\r\n c"), "a =?b c")
        self.assertEqual(decode_words(b"caf\xc3\xa9\r\n x"), "caf\xe9 x")

    def test_lenient_character_cut_in_two(self) -> None:
        """Neighbouring words are put together before they are decoded."""
        self.assertEqual(decode_words(b"=?utf-8?Q?=C3?= =?UTF-8?B?qQ==?= x"), "\xe9 x")

    def test_lenient_broken_words(self) -> None:
        """Bad base64, bad escapes and unknown charsets are read as far as it goes."""
        self.assertEqual(decode_words(b"=?utf-8?B?w6k?="), "\xe9")
        self.assertEqual(decode_words(b"=?utf-8?Q?a=Zb=4?="), "a=Zb=4")
        self.assertEqual(decode_words(b"=?nobody?Q?=E9?="), "\xe9")

    @given(messages)
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """Any octets have a text, without lone surrogates."""
        decode_words(octets).encode()


class TransferTests(SynchronousTestCase):
    """RFC 2045 section 6: transfer encodings."""

    def test_quoted_printable(self) -> None:
        """Soft line ends go, escapes are octets."""
        self.assertEqual(
            decode_transfer(b"a=\r\nb=E9=20\r\nc=Z", b"quoted-printable"),
            b"ab\xe9 \r\nc=Z",
        )

    def test_base64(self) -> None:
        """Line ends are passed over."""
        self.assertEqual(decode_transfer(b"YWJj\r\nZA==\r\n", b"base64"), b"abcd")

    def test_lenient_base64(self) -> None:
        """Base64 with foreign octets or a torn end gives what is whole."""
        for octets, expected in (
            (b"YW!Jj", b"abc"),
            (b"YWJjZ", b"abc"),
            (b"YWJjZG", b"abcd"),
            (b"Z", b""),
            (b"=", b""),
            (b"YQ=", b"a"),
        ):
            self.assertEqual(decode_base64(octets), expected, octets)

    def test_other(self) -> None:
        """Other encodings leave the octets as they are."""
        self.assertEqual(decode_transfer(b"a=20", b"8bit"), b"a=20")
        self.assertTrue(is_known_encoding(b"8bit"))
        self.assertFalse(is_known_encoding(b"x-unknown"))

    @given(st.binary())
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """Nothing fails, and what was encoded comes back."""
        decode_base64(octets)
        decode_transfer(octets, b"quoted-printable")
        self.assertEqual(decode_base64(base64.encodebytes(octets)), octets)


class SearchableTests(SynchronousTestCase):
    """RFC 9051 section 6.4.4: what SEARCH BODY looks at."""

    def test_parts(self) -> None:
        """Text parts and the headers of inner messages are decoded, others not."""
        octets = (
            b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\n"
            b"Content-Type: text/plain; charset=iso-8859-1\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n--b\r\n"
            b"Content-Type: text/html\r\n\r\ncaf&eacute;\r\n--b\r\n"
            b"Content-Type: image/gif\r\n\r\npixel\r\n--b\r\n"
            b"Content-Type: message/rfc822\r\n\r\n"
            b"Subject: =?utf-8?q?=C3=A9?=\r\n\r\ninner\r\n--b--\r\n"
        )
        found = list(searchable_parts(octets, structure(octets)))
        self.assertEqual(
            [text.strip() for text in found],
            ["caf\xe9", "caf\xe9", "Subject: \xe9", "inner"],
        )

    def test_bounded(self) -> None:
        """Of a very long message the first octets are looked at."""
        octets = b"\r\n" + b"a" * 11_000_000
        (text,) = searchable_parts(octets, structure(octets))
        self.assertEqual(len(text), 10_485_760)

    def test_torn_character(self) -> None:
        """A character that the limit cuts in two is left out."""
        octets = b"\r\n" + b"a" + b"\xc3\xa9" * 10
        self.assertEqual(part_text(octets, structure(octets), 4), "a\xe9")
        self.assertEqual(part_text(octets, structure(octets)), "a" + "\xe9" * 10)

    @given(messages)
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """Any message can be searched."""
        for text in searchable_parts(octets, structure(octets)):
            casemap(text)


class CasemapTests(SynchronousTestCase):
    """RFC 5051: i;unicode-casemap."""

    def test_case(self) -> None:
        """Case does not matter, beyond ASCII too."""
        for one, other in (
            ("abc", "ABC"),
            ("\xe9t\xe9", "\xc9T\xc9"),
            ("\u03b1\u03c3", "\u0391\u03a3"),
            ("\u0436", "\u0416"),
            ("\u01c4", "\u01c6"),
        ):
            self.assertEqual(casemap(one), casemap(other))

    def test_bounded(self) -> None:
        """The table of characters met before does not grow without end."""
        text = "".join(map(chr, range(0x20000, 0x20000 + 30_000)))
        self.assertEqual(casemap(text), text)
        self.assertEqual(casemap(text), text)

    def test_decomposition(self) -> None:
        """Composed and decomposed characters are the same."""
        self.assertEqual(casemap("\xe9"), casemap("e\u0301"))
        self.assertEqual(casemap("\u00b2"), "2")

    def test_simple_mappings_only(self) -> None:
        """Special casings and Hangul stay as UnicodeData.txt has them."""
        self.assertEqual(casemap("\xdf"), "\xdf")
        self.assertEqual(casemap("\uac00"), "\uac00")

    @given(st.text(), st.text())
    @settings(max_examples=100)
    def test_containment(self, one: str, other: str) -> None:
        """A text contains what it was made of."""
        self.assertIn(casemap(one), casemap(other + one + other))
