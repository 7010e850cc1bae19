"""Tests of :mod:`mailframe.sasl.oauthbearer` and :mod:`mailframe.sasl.xoauth2`."""

import json
from base64 import b64decode, b64encode
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.cred.error import UnauthorizedLogin
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.sasl.exchange import Exchange
from mailframe.sasl.mechanism import Challenge, Success
from mailframe.sasl.oauthbearer import OAuthBearer, OAuthBearerClient
from mailframe.sasl.xoauth2 import XOAuth2, XOAuth2Client
from mailframe.testing.transcript import FakeConnection
from tests.sasl.world import TOKEN

# RFC 7628 section 4.1, the IMAP example.
EXAMPLE = (
    b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQz"
    b"AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9"
    b"PQEB"
)
# RFC 7628 section 4.3: no token, to ask for the scope.
ASKING = (
    b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQz"
    b"AWF1dGg9AQE="
)
# The example of Google's page.
XOAUTH2 = (
    b"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRj"
    b"Mk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
)


def shown(answer: Any) -> tuple[bytes | None, bytes]:
    """Return name and token of a success."""
    assert isinstance(answer, Success), answer
    return answer.credentials.username, answer.credentials.token.reveal()


class OAuthBearerTests(SynchronousTestCase):
    """A token in one message, and how its refusal is told."""

    def respond(self, message: bytes) -> Any:
        """Give a fresh mechanism one message."""
        return OAuthBearer(FakeConnection()).respond(message)

    def test_vector(self) -> None:
        """The example of the standard.

        Source: RFC 7628 section 4.1.
        """
        found = shown(self.respond(b64decode(EXAMPLE)))
        self.assertEqual(
            found,
            (b"user@example.com", b"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="),
        )

    def test_forms(self) -> None:
        """Without a name, with an escaped one, and "Bearer" in any case."""
        self.assertEqual(
            shown(self.respond(b"n,,\x01auth=bEARER  a.b\x01\x01")), (None, b"a.b")
        )
        self.assertEqual(
            shown(self.respond(b"y,a=a=2Cb=3D,\x01auth=Bearer t\x01\x01")),
            (b"a,b=", b"t"),
        )

    def test_refused(self) -> None:
        """What is not a GS2 header and pairs, or has no auth in it."""
        for message in (
            b"", b"\x01", b"n,,", b"n,,\x01\x01", b"n,,\x01auth=Bearer t\x01",
            b"p=tls-exporter,,\x01auth=Bearer t\x01\x01", b"n,,\x01host=x\x01\x01",
            b"n,,\x01auth=Bearer t\x01auth=Bearer u\x01\x01",
            b"n,a==,\x01auth=Bearer t\x01\x01", b"n,,\x01auth=Bearer t\x01\x01\n",
        ):  # fmt: skip
            self.assertRaises(BadSyntax, self.respond, message)
        message = b"n,a=\xff,\x01auth=Bearer t\x01\x01"
        self.assertRaises(UnauthorizedLogin, self.respond, message)

    def test_no_token(self) -> None:
        """Who shows no bearer token is told by JSON, and then refused.

        Source: RFC 7628 section 4.3.
        """
        exchange = Exchange("OAUTHBEARER", connection=FakeConnection())
        answer = exchange.begin(ASKING)
        assert isinstance(answer, bytes)
        self.assertEqual(json.loads(b64decode(answer))["status"], "invalid_token")
        self.assertRaises(UnauthorizedLogin, exchange.feed, b"AQ==")
        for other in (b"Basic abc", b"Bearer ", b"Bearer a b"):
            answer = self.respond(b"n,,\x01auth=%b\x01\x01" % other)
            self.assertIsInstance(answer, Challenge)

    def test_told(self) -> None:
        """When the portal refuses, the client is told, and whatever it says, is out.

        Source: RFC 7628 section 3.2.3.
        """
        for line in (b"AQ==", b"*", b"!", b64encode(b"n,,\x01auth=Bearer t\x01\x01")):
            exchange = Exchange("OAUTHBEARER", connection=FakeConnection())
            self.assertIsInstance(exchange.begin(EXAMPLE), Success)
            last = exchange.refused()
            assert last is not None
            self.assertEqual(json.loads(b64decode(last)), {"status": "invalid_token"})
            self.assertRaises(UnauthorizedLogin, exchange.feed, line)

    def test_client(self) -> None:
        """Our client says what our server understands, and gives up when told."""
        for name in (b"user@example.com", b"a,b=c", b""):
            client = OAuthBearerClient(name, TOKEN)
            found = shown(self.respond(client.initial()))
            self.assertEqual(found, (name or None, TOKEN))
            self.assertRaises(UnauthorizedLogin, client.respond, b"{}")

    def test_not_shown(self) -> None:
        """The token is in no repr."""
        self.assertNotIn("vF9dft", repr(self.respond(b64decode(EXAMPLE))))

    @settings(max_examples=100, deadline=None)
    @given(st.binary())
    def test_any_octets(self, octets: bytes) -> None:
        """Whatever comes, nothing but the promised errors comes out."""
        for cls in (OAuthBearer, XOAuth2):
            try:
                cls(FakeConnection()).respond(octets)
            except (BadSyntax, UnauthorizedLogin):
                pass


class XOAuth2Tests(SynchronousTestCase):
    """A name and a token in one message."""

    def test_vector(self) -> None:
        """The printed example, and our client's."""
        server = XOAuth2(FakeConnection())
        self.assertEqual(
            shown(server.respond(b64decode(XOAUTH2))),
            (
                b"someuser@example.com",
                b"ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
            ),
        )
        client = XOAuth2Client(
            b"someuser@example.com", b"ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
        )
        self.assertEqual(b64encode(client.initial()), XOAUTH2)
        self.assertRaises(UnauthorizedLogin, client.respond, b"{}")

    def test_told(self) -> None:
        """When the portal refuses, the client is told by JSON."""
        exchange = Exchange("XOAUTH2", connection=FakeConnection())
        exchange.begin(XOAUTH2)
        last = exchange.refused()
        assert last is not None
        self.assertEqual(json.loads(b64decode(last))["status"], "401")
        self.assertRaises(UnauthorizedLogin, exchange.feed, b"")

    def test_refused(self) -> None:
        """Anything that is not a name and a token."""
        for message in (
            b"", b"user=a\x01auth=Bearer t\x01", b"auth=Bearer t\x01\x01",
            b"user=\x01auth=Bearer t\x01\x01",
            b"user=a\x01auth=Bearer t\x01x=y\x01\x01",
        ):  # fmt: skip
            self.assertRaises(BadSyntax, XOAuth2(FakeConnection()).respond, message)
