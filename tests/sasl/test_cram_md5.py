"""Tests of :mod:`mailframe.sasl.cram_md5`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.cred.error import UnauthorizedLogin
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.sasl.cram_md5 import CramMD5, CramMD5Client
from mailframe.sasl.password import KeyedDigest
from mailframe.testing.transcript import FakeConnection

CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"
DIGEST = b"b913a602c7eda7a495b4e6e7334d3890"


class Counting(FakeConnection):
    """A connection whose nonces differ."""

    count = 0

    def nonce(self, size: int) -> bytes:
        """Return the next one."""
        self.count += 1
        return self.count.to_bytes(size, "big")


class CramMD5Tests(SynchronousTestCase):
    """A digest of the challenge proves the password."""

    def test_vector(self) -> None:
        """The example of the standard, on both sides.

        Source: RFC 2195 section 2.
        """
        credentials = KeyedDigest(b"tim", CHALLENGE, DIGEST)
        self.assertTrue(credentials.checkPassword(b"tanstaaftanstaaf"))
        self.assertFalse(credentials.checkPassword(b"tanstaaf"))
        client = CramMD5Client(b"tim", b"tanstaaftanstaaf")
        self.assertIsNone(client.initial())
        self.assertEqual(client.respond(CHALLENGE), b"tim " + DIGEST)
        self.assertRaises(BadSyntax, client.respond, CHALLENGE)

    def test_challenges_differ(self) -> None:
        """No challenge comes twice, and each looks like a message identifier."""
        carrier = Counting()
        challenges = {CramMD5(carrier).begin().octets for _ in range(3)}
        self.assertEqual(len(challenges), 3)
        for challenge in challenges:
            self.assertRegex(challenge, rb"\A<[0-9a-f]{32}@mailframe>\Z")

    def test_agreement(self) -> None:
        """Our client gets into our server; the name may have spaces."""
        server = CramMD5(FakeConnection())
        client = CramMD5Client("pä ul".encode(), b"pw")
        answer = server.respond(client.respond(server.begin().octets))
        self.assertEqual(answer.credentials.username, "pä ul".encode())
        self.assertTrue(answer.credentials.checkPassword(b"pw"))

    def test_refused(self) -> None:
        """Anything but a name and 32 lower-case digits; a name that cannot be one."""
        for response in (
            b"", b"tim", b"tim " + DIGEST[:-1], b"tim " + DIGEST.upper(), b" " + DIGEST,
            b"tim " + DIGEST + b"\n",
        ):  # fmt: skip
            server = CramMD5(FakeConnection())
            self.assertRaises(BadSyntax, server.respond, response)
        for name in (b"\xff", b"a\0"):
            server = CramMD5(FakeConnection())
            self.assertRaises(UnauthorizedLogin, server.respond, name + b" " + DIGEST)

    def test_not_shown(self) -> None:
        """The digest, which can be guessed at, is in no repr."""
        self.assertNotIn(DIGEST.decode(), repr(KeyedDigest(b"tim", CHALLENGE, DIGEST)))

    @settings(max_examples=100, deadline=None)
    @given(st.binary())
    def test_any_octets(self, octets: bytes) -> None:
        """Whatever comes, nothing but the promised errors comes out."""
        server = CramMD5(FakeConnection())
        server.begin()
        self.assertRaises((BadSyntax, UnauthorizedLogin), server.respond, octets)
