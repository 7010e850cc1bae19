"""Tests of :mod:`mailframe.mime.plain`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.plain import only_text, plain_capitals
from mailframe.mime.structure import structure
from mailframe.mime.text import casemap, searchable_parts
from tests.mime.octets import messages

_PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\r\n\r\n", b"\r\n ", b"--b", b"--b--", b"; ", b" ", b"needle"),
        *(b"Content-Type: ", b"text/plain", b"text/html", b"multipart/mixed"),
        *(b"message/rfc822", b"message\r\n /rfc822", b"multipart/digest"),
        *(b"charset=", b'charset="', b"charset*=", b"utf-7", b"utf-8", b"us-ascii"),
        *(b"iso-2022-jp", b"utf-16", b"boundary=b", b'"', b"=?utf-8?q?nee?="),
        *(b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable", b"7bit"),
        *(b"bmVlZGxl", b"=6Eeedle", b"+AG4-eedle", b"&amp;", b"(c)", b"\x1b$B"),
    ]
)


class PlainTests(SynchronousTestCase):
    """What is told of a message without taking it apart."""

    def holds(self, octets: bytes) -> None:
        """Check that all texts stand in the capitals, if there are any."""
        capitals = plain_capitals(octets)
        if capitals is not None:
            texts = list(searchable_parts(octets, structure(octets)))
            for text in texts:
                self.assertIn(casemap(text).encode(), capitals)
            only = only_text(octets, capitals)
            if only is not None:
                self.assertEqual([casemap(text).encode() for text in texts], [only])

    def test_plain(self) -> None:
        """What nobody has to decode."""
        for octets in (
            b"Subject: a\r\n\r\nbody\r\n",
            b"Content-Type: text/plain; charset=us-ascii\r\n\r\nbody & more\r\n",
            b'Content-Type: text/html; charset="UTF-8"\r\n'
            b"Content-Transfer-Encoding: 7bit\r\n\r\nbody\r\n",
            b"Message-ID: <a/b>\r\n\r\na message\r\n",
        ):
            self.assertEqual(plain_capitals(octets), octets.upper())
            self.holds(octets)

    def test_only_text(self) -> None:
        """A message that is one text, and others that are not."""
        for octets, text in (
            (b"Subject: a\r\n\r\nbody\r\n", b"BODY\r\n"),
            (b"Content-Type: text/plain; charset=utf-8\r\n\r\nbody", b"BODY"),
            (b"Content-Type: text/calendar\r\n\r\nbody", None),
            (b"Content-Type: image/png\r\n\r\nbody", None),
            (b"X: y\r\n\r\nContent-Type: text/plain\r\n\r\nbody", None),
            (b"Content-Type: x/y\r\nContent-Type: text/plain\r\n\r\nb", None),
        ):
            capitals = plain_capitals(octets)
            assert capitals is not None
            self.assertEqual(only_text(octets, capitals), text)
            self.holds(octets)

    def test_not_plain(self) -> None:
        """Whatever may hide a text, however it is written."""
        for octets in (
            b"Subject: =?utf-8?q?a?=\r\n\r\n",
            b"\r\nbod\xc3\xa9\r\n",
            b"Content-Transfer-Encoding: base64\r\n\r\n",
            b"content-transfer-encoding:\r\n base64\r\n\r\n",
            b"Content-Transfer-Encoding: 7bit\r\nX: y\r\n\r\n"
            b"Content-Transfer-Encoding : quoted-printable\r\n\r\n",
            b"Content-Type: text/plain; charset=utf-7\r\n\r\n",
            b"Content-Type: text/plain; charset*0=utf-; charset*1=7\r\n\r\n",
            b"Content-Type: text/plain; charset=\r\n utf-7\r\n\r\n",
            b"Content-Type: text/plain; charset=us-ascii; charset=hz\r\n\r\n",
            b"Content-Type: text/html\r\n\r\n&amp;\r\n",
            b"Content-Type: message/rfc822\r\n\r\nSubject: a\r\n\r\n",
            b"Content-Type: message\r\n /rfc822\r\n\r\nSubject: a\r\n\r\n",
            b"Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\n--a--",
        ):
            self.assertIsNone(plain_capitals(octets), octets)

    @given(messages)
    def test_nothing_is_passed_over(self, octets: bytes) -> None:
        """No text that is searched is missing from the capitals."""
        self.holds(octets)

    @settings(max_examples=500)
    @given(st.lists(_PIECES, max_size=30).map(b"".join))
    def test_nothing_is_passed_over_in_rubbish(self, octets: bytes) -> None:
        """The same for pieces put together at random."""
        self.holds(octets)
