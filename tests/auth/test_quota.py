"""Tests of :mod:`mailframe.auth.quota`."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.quota import quota_octets


class QuotaTests(SynchronousTestCase):
    """A quota is a size."""

    def test_sizes(self) -> None:
        """Octets, or with a unit."""
        for text, octets in (
            ("1024", 1024), ("1k", 1024), ("10 MB", 10 << 20), ("1GiB", 1 << 30),
            ("2T", 2 << 40), ("7b", 7), ("0", None), ("", None), ("0G", None),
        ):  # fmt: skip
            self.assertEqual(quota_octets(text), octets, text)

    def test_wrong(self) -> None:
        """What is not a size is refused, and so is one beyond reason."""
        for text in ("x", "-1", "1.5G", "1X", "9" * 16, "\u0661", "1M1"):
            with self.assertRaises(ValueError, msg=text):
                quota_octets(text)
