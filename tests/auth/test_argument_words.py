"""Tests of :mod:`mailframe.auth.argument_words`."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.argument_words import argument_words


class ArgumentWordsTests(SynchronousTestCase):
    """``FIRST:key=value:...`` is taken apart."""

    def test_taken_apart(self) -> None:
        """The first word may be empty, keys may be missing."""
        keys = ("uid", "names")
        self.assertEqual(argument_words("", keys), ("", {}))
        self.assertEqual(argument_words("x", keys), ("x", {}))
        self.assertEqual(
            argument_words(":uid=1-2:names=a=b", keys),
            ("", {"uid": "1-2", "names": "a=b"}),
        )

    def test_refused(self) -> None:
        """A typing error is told with what was meant, and without the value."""
        for text, why in (
            ("x:udi=1", "nearest is 'uid'"),
            ("x:uid=1:uid=2", "twice"),
            ("x:uid", "key=value"),
            ("x:uid=", "key=value"),
            ("x:", "key=value"),
        ):
            error = self.assertRaises(ValueError, argument_words, text, ("uid",))
            self.assertIn(why, str(error))
