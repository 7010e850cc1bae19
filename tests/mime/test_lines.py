"""Tests of :mod:`mailframe.mime.lines`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.lines import to_crlf


class ToCRLFTests(SynchronousTestCase):
    """Every line ends in CRLF."""

    def test_bare_lf_becomes_crlf(self) -> None:
        """An LF alone gets its CR, at either end too."""
        self.assertEqual(to_crlf(b"\na\nb\r\n\n"), b"\r\na\r\nb\r\n\r\n")

    def test_bare_cr_stays(self) -> None:
        """A CR that no LF follows is no line end."""
        self.assertEqual(to_crlf(b"a\rb\r\r\n"), b"a\rb\r\r\n")

    def test_same_object(self) -> None:
        """What is right already is not copied."""
        octets = b"a\r\nb\r\n" * 100
        self.assertIs(to_crlf(octets), octets)

    @given(st.lists(st.sampled_from([b"\r", b"\n", b"a"])).map(b"".join))
    @settings(max_examples=100)
    def test_all_lines(self, octets: bytes) -> None:
        """No LF stands alone, nothing else changes, and twice is once."""
        made = to_crlf(octets)
        self.assertEqual(made.count(b"\n"), made.count(b"\r\n"))
        self.assertEqual(made.replace(b"\r\n", b"\n"), octets.replace(b"\r\n", b"\n"))
        self.assertIs(to_crlf(made), made)
