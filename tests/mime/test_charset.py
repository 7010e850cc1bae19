"""Tests of :mod:`mailframe.mime.charset`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.charset import decode_charset, is_known_charset


class CharsetTests(SynchronousTestCase):
    """Octets become text whatever they are said to be."""

    def test_named(self) -> None:
        """A charset is found by any of its names."""
        for name, octets in (
            (b"UTF-8", b"\xc3\xa9"),
            (b"ISO-8859-1", b"\xe9"),
            (b"koi8-r", b"\xc3"),
            (b"ISO-2022-JP", b'\x1b$B$"\x1b(B'),
            (b"utf-7", b"+AOk-"),
        ):
            self.assertTrue(is_known_charset(name), name)
            self.assertEqual(len(decode_charset(octets, name)), 1, name)

    def test_lenient_larger_charsets(self) -> None:
        """Charsets often named for a larger one are read as that one."""
        self.assertEqual(decode_charset(b"\x80", b"iso-8859-1"), "\u20ac")
        self.assertEqual(decode_charset(b"\xc3\xa9", b"us-ascii"), "\xe9")
        self.assertEqual(decode_charset(b"\xe9", b"us-ascii"), "\xe9")

    def test_unknown(self) -> None:
        """An unknown charset is read as UTF-8, or else as windows-1252."""
        for name in (b"", b"x-none", b"\xff", b"x" * 1000, b"base64", b"idna"):
            self.assertFalse(is_known_charset(name), name)
            self.assertEqual(decode_charset(b"\xc3\xa9", name), "\xe9")
            self.assertEqual(decode_charset(b"\xe9", name), "\xe9")

    def test_broken(self) -> None:
        """What a charset does not allow is replaced."""
        self.assertEqual(decode_charset(b"a\xe9b", b"utf-8"), "a\ufffdb")
        self.assertEqual(decode_charset(b"+2AA-", b"utf-7"), "?")

    @given(
        st.binary(max_size=50),
        st.sampled_from(
            (
                *(b"utf-8", b"utf-7", b"utf-16", b"utf-32", b"hz", b"gb2312", b"big5"),
                *(b"iso-2022-kr", b"euc-jp", b"cp932", b"cp037", b"utf-8-sig"),
                *(b"punycode", b"undefined", b"unicode_escape", b"rot13", b"idna"),
            )
        )
        | st.binary(max_size=8),
    )
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes, charset: bytes) -> None:
        """Text always comes out, and it can be written again."""
        decode_charset(octets, charset).encode()
