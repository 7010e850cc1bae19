"""Secrets that are made once."""

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.kept_secret import OCTETS, kept_secret


class KeptSecretTests(SynchronousTestCase):
    """A file nobody else reads."""

    def setUp(self) -> None:
        """Make a directory."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "secret"

    def test_kept(self) -> None:
        """It is made once, for its owner only, and nothing else is left."""
        made = kept_secret(str(self.path))
        self.assertEqual(len(made), OCTETS)
        self.assertEqual(kept_secret(str(self.path)), made)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(os.listdir(self.directory), ["secret"])

    def test_wrong(self) -> None:
        """One that is too short, or cannot be read, is not replaced."""
        self.path.write_bytes(b"short")
        with self.assertRaisesRegex(ValueError, "fewer than 32 octets"):
            kept_secret(str(self.path))
        with self.assertRaises(OSError):
            kept_secret(str(self.directory))
        with self.assertRaises(OSError):
            kept_secret(str(self.directory / "no" / "secret"))
