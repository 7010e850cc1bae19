"""Tests of :mod:`mailframe.auth.scram_hash`."""

from base64 import b64encode

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.password_hash import kept_plain, kept_scram, scheme_of, verify
from mailframe.auth.scram_hash import hash_scram, parse_scram
from mailframe.model.scram_keys import derived
from tests.host import run
from tests.peers import require

PASSWORD = "pä sswörd".encode()
KEY = b64encode(b"k" * 32).decode()


class ScramHashTests(SynchronousTestCase):
    """Keys in a passwd-file."""

    def test_round_trip(self) -> None:
        """What is stored takes the password and no other."""
        for digest, name in (("sha1", "SCRAM-SHA-1"), ("sha256", "SCRAM-SHA-256")):
            stored = hash_scram(PASSWORD, digest)
            self.assertTrue(stored.startswith(f"{{{name}}}4096,"))
            self.assertTrue(verify(PASSWORD, stored))
            self.assertFalse(verify(b"other", stored))
            self.assertFalse(verify(b"\xff", stored))
            self.assertFalse(verify(b"a\x07", stored))
            self.assertNotEqual(stored, hash_scram(PASSWORD, digest))

    def test_prepared(self) -> None:
        """Passwords that look alike are alike.

        Source: RFC 4013 section 3.
        """
        self.assertTrue(verify("\u2168".encode(), hash_scram(b"I\xc2\xadX")))

    def test_keys(self) -> None:
        """The keys of the stored text are those of the password."""
        keys = kept_scram(hash_scram(PASSWORD, "sha256", 5000), "sha256")
        assert keys is not None
        self.assertEqual(keys.iterations, 5000)
        self.assertEqual(keys, derived(PASSWORD, keys.salt, 5000).keys)

    def test_dovecot_takes_it(self) -> None:
        """Dovecot verifies what is stored."""
        doveadm = require("doveadm")
        for digest in ("sha1", "sha256"):
            stored = hash_scram(PASSWORD, digest)
            run(doveadm, "pw", "-t", stored, "-p", PASSWORD.decode())

    def test_gsasl_makes_it(self) -> None:
        """What GNU SASL makes is taken, with its iterations."""
        gsasl = require("gsasl")
        for name in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            done = run(gsasl, "--mkpasswd", f"--mechanism={name}", "--password=pencil")
            stored = done.stdout.decode().strip()
            self.assertIn("65536,", stored)
            self.assertTrue(verify(b"pencil", stored))
            self.assertFalse(verify(b"pencils", stored))

    def test_unusable(self) -> None:
        """What cannot be a password is not stored."""
        for secret in (b"", b"\xff", b"a\x07"):
            self.assertRaises(ValueError, hash_scram, secret)

    def test_damaged(self) -> None:
        """What is not keys of this hash function is refused, and so is a DoS."""
        for text in (
            "", "4096", f"4096,AAAA,{KEY}", f"0,AAAA,{KEY},{KEY}",
            f"4096,A,{KEY},{KEY}", f"4096,AAAA,AAAA,{KEY}", f"4096,AAAA,{KEY},AAAA",
            f"99999999,AAAA,{KEY},{KEY}", f"4096,AAAA,{KEY},{KEY},",
        ):  # fmt: skip
            self.assertRaises(ValueError, parse_scram, text.encode(), "sha256")
            self.assertIsNone(kept_scram("{SCRAM-SHA-256}" + text, "sha256"))
        self.assertRaises(
            ValueError, parse_scram, f"4096,AAAA,{KEY},{KEY}".encode(), "sha1"
        )

    @settings(max_examples=100, deadline=None)
    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Whatever is stored, ``ValueError`` is all that comes of it."""
        stored = "{SCRAM-SHA-256}" + text
        self.assertIsNone(kept_scram(stored, "sha256"))
        self.assertRaises(ValueError, verify, PASSWORD, stored)


class KeptTests(SynchronousTestCase):
    """What is stored, seen from outside."""

    def test_scheme(self) -> None:
        """The scheme in capitals, or nothing where nobody can log in."""
        for stored, name in (
            ("{plain}x", "PLAIN"),
            ("{Scram-SHA-256.b64}x", "SCRAM-SHA-256"),
            ("$6$x", "CRYPT"),
            ("!{PLAIN}x", None),
            ("*", None),
            ("", None),
        ):
            self.assertEqual(scheme_of(stored), name)

    def test_plain(self) -> None:
        """The password, where it is kept as it is."""
        for stored, secret in (
            ("{PLAIN}x y", b"x y"),
            ("{CLEARTEXT.HEX}7879", b"xy"),
            ("{plain.b64}eA==", b"x"),
            ("{PLAIN.b64}!", None),
            ("{SHA}eHl6", None),
            ("!{PLAIN}x", None),
        ):
            self.assertEqual(kept_plain(stored), secret)

    def test_other_digest(self) -> None:
        """Keys of one hash function are none of the other."""
        self.assertIsNone(kept_scram(hash_scram(b"x", "sha1"), "sha256"))
        self.assertIsNone(kept_scram("{PLAIN}x", "sha1"))
