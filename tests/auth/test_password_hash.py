"""Tests of :mod:`mailframe.auth.password_hash`."""

import argon2
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.password_hash import check_scheme, hash_argon2id, is_usable, verify
from mailframe.errors import TemporaryFailure
from tests.peers import require

PASSWORD = "pä sswörd".encode()

# As ``doveadm pw -s SCHEME`` of Dovecot 2.3 made them.
VECTORS = (
    "{PLAIN}pä sswörd",
    "{CLEARTEXT}pä sswörd",
    "{plain.b64}cMOkIHNzd8O2cmQ=",
    "{SHA}rJOh4J0reO3F2id5PyOjBWB6WOA=",
    "{SHA1}rJOh4J0reO3F2id5PyOjBWB6WOA",
    "{SHA.HEX}ac93a1e09d2b78edc5da27793f23a305607a58e0",
    "{SHA}ac93a1e09d2b78edc5da27793f23a305607a58e0",
    "{SHA256}tnnySAdPHqVY9uU4tip9bIsUMIh0HKPQZux90V0O3Eg=",
    "{SHA256.B64}tnnySAdPHqVY9uU4tip9bIsUMIh0HKPQZux90V0O3Eg=",
    "{SHA512}J1/wvIizlXRNWJocOcOz9W9nQKqK+qo+vX4FaFfMP/LG0pg8S7CoB+rqRYFFJDOZ"
    "/sbnnMiEM9UhIx/zCimMwg==",
    "{SSHA}5eYxRm47/FxGD1QyYx3NhWPcEcgqozR+",
    "{SSHA.HEX}035bda2ca41ffa479bc16598b903c007e2ea43587f3af7b8",
    "{SSHA256}6P15PVyrBbKmqENKSiQmbO8fjGA4U03iPjlKzZWkf6aeMXYo",
    "{SSHA512}/Rrau7Qw8KqrWt0fZDDLGoVYFzHkIaQVWOv7qS+wDwJvchl8NAyQsmaNToY94KKD"
    "4KbTXrIKSgv4uC5K85nqK/eMGy4=",
    "{MD5-CRYPT}$1$SDTwCPA.$XJAe49TukX3eFf9USlvMz1",
    "{SHA256-CRYPT}$5$rounds=1000$XFJSL7l38gLtaYY5$"
    "pPMLUqR1JKYywmWur5thZ94y2QixLAb0lTgf2ejEfe6",
    "{SHA512-CRYPT}$6$rounds=1000$3AyMDCGPlIecIsQC$Citl6h.ycDFm5HnKO89ObSW.054t"
    "DPfwYHniHMW4gJdgoo41lDVS3SO4Go9VakVhIWeqHoIlUgc8/RFG6lWMp.",
    "$6$rounds=1000$3AyMDCGPlIecIsQC$Citl6h.ycDFm5HnKO89ObSW.054t"
    "DPfwYHniHMW4gJdgoo41lDVS3SO4Go9VakVhIWeqHoIlUgc8/RFG6lWMp.",
    "{BLF-CRYPT}$2y$04$cXC5/p5/GgZyfJIBb7j8se8iUt8VOyTuciimo9XlmgqfIHSTOLQUi",
    "{CRYPT}$2y$04$cXC5/p5/GgZyfJIBb7j8se8iUt8VOyTuciimo9XlmgqfIHSTOLQUi",
    "$2b$04$cXC5/p5/GgZyfJIBb7j8se8iUt8VOyTuciimo9XlmgqfIHSTOLQUi",
    "{PBKDF2}$1$kldfyTWBpt.PU9Nk$5$2ac003762148da28f48d196da44041f443909579",
    "{ARGON2I}$argon2i$v=19$m=32768,t=5,p=1$qD2kL70FMuu288dGzklyhA$"
    "9QUjESIAxlegqISuF5GOzFCPz/cqw5r/NSvQP5O4yao",
    "{SCRAM-SHA-1}4096,r54Kvjq6MxytWUgUXRW7wA==,MHowyWk67Q8jdoj82Oh/udAwlUs"
    "=,y6zCmTzQ8lJVmV0WEIhftRge5MI=",
    "{SCRAM-SHA-256}4096,y4yA9Y9xiy3Gp8KeuVLXkA==,9D3JO5UM4r7CbWiLkvY1CD3x4"
    "ofonAepuAvOUQGZaYA=,+DNoXxhK8zgpng70Tp5Fj5h8yscfXhQNnjLeiiWqwMc=",
)

# Of "secret".
SECRET_VECTORS = (
    "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
    "$argon2id$v=19$m=65536,t=3,p=1$XXVDjZkjjrvwfwQLx+l3Ig$"
    "JF/9ROJzXkBuW+qrlUoKxMvl+N5MjA+XW4HosWcGJQs",
    "{SHA256-CRYPT.HEX}243524412f655246673542552e7a7349744134242f346e7754352f33"
    "7a4c516d516a666d563472757269426d6f3037586b317479344733614a4c2f72347035",
)


class VerifyTests(SynchronousTestCase):
    """What Dovecot stored, we can check."""

    def test_vectors(self) -> None:
        """The right password passes in every scheme, another does not."""
        for stored in VECTORS:
            self.assertTrue(verify(PASSWORD, stored), stored)
            self.assertFalse(verify(PASSWORD + b"x", stored), stored)
        for stored in SECRET_VECTORS:
            self.assertTrue(verify(b"secret", stored), stored)

    def test_unusable(self) -> None:
        """An empty password, one with NUL or a very long one never passes."""
        for secret in (b"", b"\0", b"x" * 1025):
            self.assertFalse(is_usable(secret))
            self.assertFalse(verify(secret, "{PLAIN}" + secret.decode()))
        self.assertFalse(verify(b"", "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk="))

    def test_locked(self) -> None:
        """No hash, or one struck out with ``!`` or ``*``, is nobody's."""
        for stored in ("", "*", "!", "!$6$x$y", "!!"):
            self.assertFalse(verify(b"secret", stored))
            check_scheme(stored)

    def test_unknown_scheme(self) -> None:
        """An unknown scheme is named, and nothing else of it."""
        for stored, name in (
            ("{ROT13}frperg", "ROT13"),
            ("{rot13.hex}00", "ROT13"),
            ("frperg", "CRYPT"),
            ("$y$j9T$frperg", "CRYPT"),
        ):
            for call in (lambda s: verify(b"secret", s), check_scheme):
                error = self.assertRaises(ValueError, call, stored)
                self.assertIn(f"{{{name}}}", str(error))
                self.assertNotIn("frperg", str(error))

    def test_damaged(self) -> None:
        """A hash that is not one of its scheme is an error that does not quote it."""
        for stored in (
            "{SHA}AAAA",
            "{SHA}rJOh4J0reO3F2id5PyOjBWB6WOA=rJOh",
            "{SSHA}!!!!",
            "{SHA256.hex}zz",
            "{PBKDF2}$1$salt$0$00",
            "{PBKDF2}$1$salt$x$2ac003762148da28f48d196da44041f443909579",
            "{PBKDF2}salt",
            "{ARGON2ID}$argon2id$v=19$m=8",
            "{BLF-CRYPT}$2y$04$short",
            "{SHA512-CRYPT}$6$",
            "{SHA256-CRYPT}frperg",
            "{ARGON2ID}ä",
        ):
            error = self.assertRaises(ValueError, verify, b"secret", stored)
            self.assertIn("damaged {", str(error), stored)
            self.assertTrue(error.__suppress_context__, stored)

    def test_no_memory(self) -> None:
        """Want of memory is neither a wrong password nor a damaged hash."""

        def fails(*_: object) -> None:
            raise argon2.exceptions.VerificationError("Memory allocation error")

        self.patch(argon2.low_level, "verify_secret", fails)
        self.assertRaises(TemporaryFailure, verify, b"secret", "{ARGON2ID}x")

    def test_bcrypt_beyond_72(self) -> None:
        """Of a long password bcrypt takes 72 octets, as it does elsewhere."""
        import bcrypt

        stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
        self.assertTrue(verify(b"x" * 72 + b"more", "{BLF-CRYPT}" + stored))

    @settings(max_examples=100, deadline=None)
    @given(
        st.text(max_size=40)
        | st.builds(
            "{{{}}}{}".format,
            st.sampled_from(["SHA", "SSHA.hex", "PBKDF2", "MD5-CRYPT", "SHA512"]),
            st.text("$1a=/+x9é\ud800", max_size=60),
        )
    )
    def test_anything_stored(self, stored: str) -> None:
        """Whatever is stored, the answer is yes, no, or a ``ValueError``."""
        try:
            verify(b"secret", stored)
        except ValueError:
            return


class HashTests(SynchronousTestCase):
    """New hashes are Argon2id."""

    def test_round_trip(self) -> None:
        """A hash verifies, and two of one password differ."""
        first, second = hash_argon2id(PASSWORD), hash_argon2id(PASSWORD)
        self.assertTrue(first.startswith("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"))
        self.assertNotEqual(first, second)
        self.assertTrue(verify(PASSWORD, first))
        self.assertFalse(verify(b"other", first))

    def test_unusable(self) -> None:
        """What can never log in is not hashed."""
        for secret in (b"", b"a\0b", b"x" * 1025):
            self.assertRaises(ValueError, hash_argon2id, secret)

    def test_dovecot_takes_it(self) -> None:
        """Dovecot verifies what we hash."""
        import subprocess

        ran = subprocess.run(
            [require("doveadm"), "pw", "-t", hash_argon2id(PASSWORD), "-p", PASSWORD],
            capture_output=True,
            check=False,
        )
        self.assertIn(b"(verified)", ran.stdout, ran.stderr)
