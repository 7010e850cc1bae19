"""Headers in ASCII for clients that know no other."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.surrogate import NOBODY, encoded_words, surrogate
from mailframe.mime.text import decode_words


class SurrogateTests(SynchronousTestCase):
    """RFC 6858, field by field."""

    def _one(self, text: str) -> bytes:
        return surrogate(text.encode() + b"\r\n\r\n").removesuffix(b"\r\n\r\n")

    def test_ascii_stays(self) -> None:
        """A header in ASCII is the same object."""
        header = b"Subject:  x \r\n y\r\n\r\n"
        self.assertIs(surrogate(header), header)
        self.assertEqual(surrogate(header[:-2] + "X: \u00e4\r\n\r\n".encode()), header)

    def test_addresses(self) -> None:
        """Names become encoded words, addresses beyond ASCII nobody's."""
        for text, wanted in (
            ("To: \u00e4 <a@b>", b"To: =?utf-8?b?w6Q=?=\r\n <a@b>"),
            ("to: a@\u00e4", b"to: =?utf-8?b?YUDDpA==?=\r\n " + NOBODY),
            (
                "Cc: x@y, \u00e4: b@c;",
                b"Cc: <x@y>,\r\n =?utf-8?b?w6Q=?=:<b@c>;",
            ),
            (
                'From: "M. \u00e4" <a@b>,\r\n "O, K" <c@d>',
                b"From: =?utf-8?b?TS4gw6Q=?=\r\n <a@b>,\r\n"
                b" =?utf-8?b?TywgSw==?=\r\n <c@d>",
            ),
        ):
            self.assertEqual(self._one(text), wanted)

    def test_parameters(self) -> None:
        """A MIME parameter beyond ASCII goes, the others stay."""
        self.assertEqual(
            self._one('Content-Type: text/x; charset=a; name="\u00e4;b"; c="d;e"'),
            b'Content-Type: text/x; charset=a; c="d;e"',
        )

    def test_unknown_charset(self) -> None:
        """What is not UTF-8 is said to be in no known charset."""
        self.assertEqual(
            surrogate(b"Subject: \xe4\r\n\r\n"),
            b"Subject: =?unknown-8bit?b?5A==?=\r\n\r\n",
        )

    @given(st.text(min_size=1, max_size=200))
    def test_encoded_words(self, text: str) -> None:
        """They decode to the text, and none is longer than 75 characters."""
        try:
            octets = text.encode()
        except UnicodeEncodeError:
            return
        words = encoded_words(octets)
        self.assertTrue(all(len(word) <= 75 for word in words.split()))
        self.assertEqual(decode_words(words.replace(b"\r\n", b"")), text)

    @given(st.binary(max_size=300))
    def test_any_octets(self, octets: bytes) -> None:
        """Whatever the header was, it is ASCII, and ends where it ended."""
        self.assertTrue(surrogate(b"From: " + octets + b"\r\n\r\n").isascii())
        self.assertTrue(surrogate(octets).isascii())
