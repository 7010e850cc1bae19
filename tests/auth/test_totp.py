"""Tests of :mod:`mailframe.auth.totp`."""

import os
import stat
from base64 import b32decode
from urllib.parse import parse_qs, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.totp import TOTPFile, code_at, enrolment_uri, step_of

KEY = b"12345678901234567890"
"""RFC 4226 appendix D, RFC 6238 appendix B."""


class CodeTests(SynchronousTestCase):
    """Codes are those of the RFCs, and good for a minute."""

    def test_hotp_vectors(self) -> None:
        """RFC 4226 appendix D."""
        self.assertEqual(
            [code_at(KEY, count) for count in range(10)],
            [
                "755224",
                "287082",
                "359152",
                "969429",
                "338314",
                "254676",
                "287922",
                "162583",
                "399871",
                "520489",
            ],
        )

    def test_totp_vectors(self) -> None:
        """RFC 6238 appendix B, of whose eight digits these are the last six."""
        for now, code in (
            (59, "287082"),
            (1111111109, "081804"),
            (1111111111, "050471"),
            (1234567890, "005924"),
            (2000000000, "279037"),
            (20000000000, "353130"),
        ):
            self.assertEqual(step_of(KEY, code, now, -1), now // 30)

    def test_drift(self) -> None:
        """A clock may be a step off, no more."""
        code = code_at(KEY, 100)
        for step, found in ((98, None), (99, 100), (100, 100), (101, 100), (102, None)):
            self.assertEqual(step_of(KEY, code, step * 30 + 15, -1), found)
        self.assertEqual(step_of(KEY, code_at(KEY, 0), 0, -1), 0)

    def test_once(self) -> None:
        """A code, or one before it, is not good again."""
        self.assertIsNone(step_of(KEY, code_at(KEY, 100), 3000, 100))
        self.assertIsNone(step_of(KEY, code_at(KEY, 99), 3000, 100))
        self.assertEqual(step_of(KEY, code_at(KEY, 101), 3000, 100), 101)

    def test_typed(self) -> None:
        """Blanks do not count; what is no code is none."""
        code = code_at(KEY, 100)
        self.assertEqual(step_of(KEY, f" {code[:3]} {code[3:]} ", 3000, -1), 100)
        for text in ("", "x", code[:5], code + "0", "é" * 6, "１２３４５６"):
            self.assertIsNone(step_of(KEY, text, 3000, -1))

    def test_uri(self) -> None:
        """What the app reads has the key, and who it is for."""
        found = urlsplit(enrolment_uri(KEY, "a b@example.org", "example.org"))
        self.assertEqual((found.scheme, found.netloc), ("otpauth", "totp"))
        self.assertEqual(found.path, "/example.org:a%20b@example.org")
        said = parse_qs(found.query)
        self.assertEqual(b32decode(said["secret"][0]), KEY)
        self.assertEqual(said["digits"], ["6"])


class FileTests(SynchronousTestCase):
    """Who has an app is in one file."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.file = TOTPFile(self.path)

    def test_life(self) -> None:
        """One is enrolled, is asked for codes, and enrolled no more."""
        self.assertFalse(self.file.has("a@b.example"))
        other = self.file.enrol("c@b.example")
        key = self.file.enrol("a@b.example")
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertTrue(self.file.has("A@b.example"))
        self.file.check("a@b.example", code_at(key, 100), 3000)
        self.file.check("c@b.example", code_at(other, 100), 3000)
        self.assertRaises(
            ValueError, self.file.check, "a@b.example", code_at(key, 100), 3000
        )
        self.file.check("a@b.example", code_at(key, 101), 3030)
        self.file.remove("a@b.example")
        self.assertFalse(self.file.has("a@b.example"))
        self.assertTrue(self.file.has("c@b.example"))
        for call in (self.file.remove, lambda name: self.file.check(name, "1", 0)):
            self.assertRaises(ValueError, call, "a@b.example")

    def test_again(self) -> None:
        """Who enrols again has a new key, and the old one is none."""
        old, new = self.file.enrol("a@b.example"), self.file.enrol("a@b.example")
        self.assertNotEqual(old, new)
        self.assertRaises(
            ValueError, self.file.check, "a@b.example", code_at(old, 100), 3000
        )
        self.file.check("a@b.example", code_at(new, 100), 3000)

    def test_guessing(self) -> None:
        """After ten wrong codes in a row none is right; a right one clears them."""
        key = self.file.enrol("a@b.example")
        for step in (100, 200):
            for _ in range(9):
                self.assertRaises(ValueError, self.file.check, "a@b.example", "x", 0)
            self.file.check("a@b.example", code_at(key, step), step * 30)
        for _ in range(10):
            self.assertRaises(ValueError, self.file.check, "a@b.example", "x", 0)
        with self.assertRaises(ValueError) as caught:
            self.file.check("a@b.example", code_at(key, 300), 9000)
        self.assertIn("too many", str(caught.exception))

    def test_bad_names(self) -> None:
        """What would be another line, or no address, is not written."""
        for name in ("a", "a:b@c", "a\nb@c", ""):
            self.assertRaises(ValueError, self.file.enrol, name)

    def test_damaged(self) -> None:
        """A damaged line lets nobody past."""
        with open(self.path, "w") as file:
            file.write("a@b.example:x\nc@b.example:ABCD:x:0\n")
        for name in ("a@b.example", "c@b.example"):
            self.assertRaises(ValueError, self.file.has, name)
