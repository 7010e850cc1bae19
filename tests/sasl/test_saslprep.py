"""Tests of :mod:`mailframe.model.saslprep`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.model.saslprep import saslprep


class SaslprepTests(SynchronousTestCase):
    """What looks alike becomes alike, and some things cannot be."""

    def test_examples(self) -> None:
        """The examples of the standard.

        Source: RFC 4013 section 3.
        """
        for given_text, prepared in (
            ("I\u00adX", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u00aa", "a"),
            ("\u2168", "IX"),
        ):
            self.assertEqual(saslprep(given_text), prepared)
        for bad in ("\u0007", "\u0627\u0031"):
            self.assertRaises(ValueError, saslprep, bad)

    def test_spaces(self) -> None:
        """Every space becomes the one space, and stays.

        Source: RFC 4013 section 2.1.
        """
        self.assertEqual(saslprep("a\u00a0b\u3000c d "), "a b c d ")

    def test_prohibited(self) -> None:
        """Controls, private use, surrogates and the like are refused.

        Source: RFC 4013 section 2.3.
        """
        for bad in (
            "\0", "a\nb", "\x7f", "ä\x85", "\u06dd", "\ue000", "\ufdd0",
            "\ud800", "\ufffc", "\u2ff0", "\u0340\u200e", "\U000e0041",
        ):  # fmt: skip
            self.assertRaises(ValueError, saslprep, bad)

    def test_direction(self) -> None:
        """Right-to-left text begins and ends so, and has nothing else in it.

        Source: RFC 3454 section 6.
        """
        self.assertEqual(saslprep("\u0627\u0031\u0628"), "\u0627\u0031\u0628")
        for bad in ("\u0627a\u0628", "1\u0627", "\u0627\u0661a"):
            self.assertRaises(ValueError, saslprep, bad)

    def test_unassigned(self) -> None:
        """What Unicode 3.2 had not assigned may be asked for, and not stored.

        Source: RFC 4013 section 2.5.
        """
        self.assertEqual(saslprep("\u0221"), "\u0221")
        self.assertRaises(ValueError, saslprep, "\u0221", stored=True)

    @settings(max_examples=100, deadline=None)
    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Whatever it is, it is prepared or refused; the refusal repeats nothing."""
        try:
            self.assertIsInstance(saslprep(text), str)
        except ValueError as error:
            self.assertTrue(str(error).isascii())
