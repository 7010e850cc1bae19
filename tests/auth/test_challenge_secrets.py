"""Tests of :mod:`mailframe.auth.challenge_secrets`."""

from typing import Any

from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.challenge_secrets import ChallengeSecrets
from mailframe.auth.password_hash import kept_scram
from mailframe.auth.scram_hash import hash_scram
from mailframe.interfaces.credentials import IScramSHA1, IScramSHA256
from mailframe.model.scram_keys import derived

KEY = b"k" * 32
SCRAM = hash_scram(b"pencil", "sha256", 5000)


class Digest:
    """Takes one password."""

    def __init__(self, password: bytes) -> None:
        self.password = password
        self.tried: list[bytes] = []

    def checkPassword(self, password: bytes) -> bool:
        self.tried.append(password)
        return password == self.password


def secrets(*hashes: str) -> ChallengeSecrets:
    """Return those of some users."""
    return ChallengeSecrets(hashes, KEY)


class ServesTests(SynchronousTestCase):
    """What is offered works for everybody."""

    def test_serves(self) -> None:
        """It depends on the least of them."""
        plain, sha1 = "{PLAIN}x", hash_scram(b"x", "sha1")
        for hashes, served in (
            ((plain, "{clear.b64}eA=="), "DAB"),
            ((plain, SCRAM), "B"),
            ((SCRAM, "!{SHA}x"), "B"),
            ((plain, sha1), "A"),
            ((sha1, SCRAM), ""),
            ((plain, "{SHA}x"), ""),
            ((plain, "$6$x"), ""),
            (("!",), ""),
            ((), ""),
        ):
            found = secrets(*hashes)
            for letter, interface in (
                ("D", IUsernameHashedPassword),
                ("A", IScramSHA1),
                ("B", IScramSHA256),
            ):
                self.assertEqual(found.serves(interface), letter in served, hashes)
            self.assertFalse(found.serves(IUsernamePassword))


class DigestTests(SynchronousTestCase):
    """CRAM-MD5 and APOP want the password itself."""

    def test_checks(self) -> None:
        """The right password only; for others something is computed as well."""
        for stored, right in (
            ("{PLAIN}x", True),
            ("{PLAIN}y", False),
            ("{PLAIN}", False),
            (SCRAM, False),
            ("!{PLAIN}x", False),
            ("", False),
        ):
            digest: Any = Digest(b"x")
            self.assertEqual(secrets().checks(stored, "u@d", digest), right)
            self.assertEqual(len(digest.tried), 1)

    def test_nothing_fits_nobody(self) -> None:
        """Even credentials that like everything let nobody in."""
        digest: Any = Digest(b"")
        digest.checkPassword = lambda password: True
        self.assertFalse(secrets("{PLAIN}x").checks("", "u@d", digest))


class KeysTests(SynchronousTestCase):
    """SCRAM keys, of users and of nobody."""

    def test_stored(self) -> None:
        """Stored keys are given as they are."""
        found = secrets(SCRAM).scram_keys(SCRAM, "u@d", "sha256")
        self.assertEqual(found, kept_scram(SCRAM, "sha256"))

    def test_plain(self) -> None:
        """Keys are made of a password that is kept, with a salt that stays."""
        first = secrets("{PLAIN}pencil").scram_keys("{PLAIN}pencil", "u@d", "sha1")
        again = secrets("{PLAIN}x").scram_keys("{PLAIN}pencil", "u@d", "sha1")
        self.assertEqual(first, again)
        self.assertEqual(first, derived(b"pencil", first.salt, 4096, "sha1").keys)
        other = secrets().scram_keys("{PLAIN}pencil", "v@d", "sha1")
        self.assertNotEqual(first.salt, other.salt)

    def test_nobody(self) -> None:
        """Keys of nobody look like a user's, stay the same, and fit nothing.

        Source: RFC 5802 section 9.
        """
        for hashes, iterations in ((("{PLAIN}x",), 4096), ((SCRAM,), 5000), ((), 4096)):
            found = secrets(*hashes).scram_keys("", "nobody@d", "sha256")
            again = secrets(*hashes).scram_keys("", "nobody@d", "sha256")
            other = secrets(*hashes).scram_keys("", "nobody.else@d", "sha256")
            self.assertEqual(found, again)
            self.assertNotEqual(found.salt, other.salt)
            self.assertEqual((found.iterations, len(found.salt)), (iterations, 16))
            self.assertFalse(found.known)
        elsewhere = ChallengeSecrets((), b"other key")
        self.assertNotEqual(
            elsewhere.scram_keys("", "nobody@d", "sha256").salt,
            secrets().scram_keys("", "nobody@d", "sha256").salt,
        )

    def test_no_keys(self) -> None:
        """Who has another kind of hash, or a damaged one, has keys of nobody."""
        for stored in (
            "{SHA}x",
            "{SCRAM-SHA-256}x",
            "{PLAIN}a\x07",
            hash_scram(b"x", "sha1"),
        ):
            found = secrets(SCRAM).scram_keys(stored, "u@d", "sha256")
            self.assertFalse(found.known)
