"""Tests of modified UTF-7."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.imap.utf7 import decode, encode

_TEXT = st.text(st.characters(codec="utf-8"))


class UTF7Tests(SynchronousTestCase):
    """RFC 3501 section 5.1.3: one way to write each name."""

    CASES = (
        ("", b""),
        ("INBOX", b"INBOX"),
        ("a&b", b"a&-b"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("Entwürfe", b"Entw&APw-rfe"),
        ("😀", b"&2D3eAA-"),
    )

    def test_examples(self) -> None:
        """The examples of the RFC, both ways."""
        for text, octets in self.CASES:
            self.assertEqual(encode(text), octets)
            self.assertEqual(decode(octets), text)

    def test_other_spellings_are_refused(self) -> None:
        """What is not written as encode writes it has no meaning."""
        for octets in (
            b"&",
            b"&U,BTFw",
            b"&Jjo!",
            b"&U,BTFw-&ZeVnLIqe-",
            b"&AGE-",
            b"&2D0-",
            b"&AA-",
            b"&APx-",
            b"a\xff",
            b"a\x7f",
            b"\r\n",
            b"&U/BTFw-",
        ):
            self.assertRaises(BadSyntax, decode, octets)

    @settings(max_examples=100, deadline=None)
    @given(_TEXT)
    def test_round_trip(self, text: str) -> None:
        """Every text survives."""
        self.assertEqual(decode(encode(text)), text)

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=30) | st.from_regex(rb"(&[A-Za-z,]{0,6}-?a?){1,4}"))
    def test_any_octets(self, octets: bytes) -> None:
        """Whatever can be decoded is encoded to the same octets."""
        try:
            text = decode(octets)
        except BadSyntax:
            return
        self.assertEqual(encode(text), octets)
