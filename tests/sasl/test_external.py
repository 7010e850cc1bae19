"""Tests of EXTERNAL, ANONYMOUS and GSSAPI: what needs no password."""

from base64 import b64decode, b64encode
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.cred.error import UnauthorizedLogin
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.sasl.anonymous import Anonymous
from mailframe.sasl.exchange import Exchange
from mailframe.sasl.external import External, ExternalClient
from mailframe.sasl.mechanism import Success
from mailframe.testing.transcript import FakeConnection
from tests.sasl.world import (
    NAME,
    Checker,
    Context,
    Dialogue,
    connection,
    let_in,
    portal,
)


class ExternalTests(SynchronousTestCase):
    """The certificate says who it is."""

    def test_login(self) -> None:
        """With nothing or with the name; the portal has the last word.

        Source: RFC 4422 appendix A.
        """
        door = portal()
        for name, subject, right in (
            (b"", "alice", True),
            (NAME, "alice", True),
            (b"bob", "alice", False),
            (b"", "bob", False),
        ):
            server = External(connection(subject=subject))
            answer = server.respond(ExternalClient(name).initial())
            self.assertEqual(answer.credentials.subject, subject)
            self.assertEqual(answer.credentials.username, name or None)
            self.assertEqual(let_in(door, answer), right)

    def test_empty_on_the_wire(self) -> None:
        """An empty initial response is ``=``, an empty line is one too."""
        for turn in ("begin", "feed"):
            exchange = Exchange("EXTERNAL", connection=connection(subject="alice"))
            if turn == "begin":
                answer = exchange.begin(b"=")
            else:
                self.assertEqual(exchange.begin(), b"")
                answer = exchange.feed(b"")
            self.assertIsInstance(answer, Success)

    def test_refused(self) -> None:
        """No certificate, or a name that cannot be one."""
        for server, octets in (
            (External(connection()), b""),
            (External(FakeConnection()), b""),
            (External(connection(subject="alice")), b"\xff"),
            (External(connection(subject="alice")), b"a\0b"),
        ):
            self.assertRaises(UnauthorizedLogin, server.respond, octets)

    def test_client(self) -> None:
        """Our client has nothing to say to a challenge."""
        self.assertRaises(UnauthorizedLogin, ExternalClient().respond, b"")


class AnonymousTests(SynchronousTestCase):
    """Whoever comes may say a word."""

    def test_trace(self) -> None:
        """A word of up to 255 characters, or none.

        Source: RFC 4505 section 2.
        """
        for octets, trace in (
            (b"", ""),
            (b"sirhc@example.net", "sirhc@example.net"),
            ("ä".encode() * 255, "ä" * 255),
        ):
            answer = Anonymous(FakeConnection()).respond(octets)
            self.assertEqual(answer.credentials.trace, trace)

    def test_refused(self) -> None:
        """More of it, or what is no text."""
        for octets in (b"x" * 256, b"\xff", b"a\0"):
            server = Anonymous(FakeConnection())
            self.assertRaises(BadSyntax, server.respond, octets)


class GSSAPITests(SynchronousTestCase):
    """Tokens to and fro, then the layer that is none."""

    def dialogue(self) -> Dialogue:
        """Return a dialogue after the tokens."""
        made = Dialogue("GSSAPI", self.door)
        self.assertEqual(made.begin(), b"")
        self.assertEqual(made.feed(b64encode(b"first")), b64encode(b"go on"))
        self.assertEqual(made.feed(b64encode(b"second")), b64encode(b"last"))
        return made

    def setUp(self) -> None:
        """Have a checker with security contexts."""
        self.door = portal()

    def offered(self) -> Dialogue:
        """Return a dialogue that waits for the choice of a layer."""
        made = self.dialogue()
        found = made.feed(b"")
        assert isinstance(found, bytes)
        self.assertEqual(b64decode(found), b"[\x01\0\0\0]")
        return made

    def test_login(self) -> None:
        """Whom the tokens prove gets in, perhaps under the name it asks for."""
        for name in (b"", NAME):
            answer: Any = self.offered().feed(b64encode(b"[\x01\0\0\0" + name + b"]"))
            self.assertEqual(answer.credentials.principal, "alice@EXAMPLE.ORG")
            self.assertEqual(answer.credentials.username, name or None)
            self.assertTrue(let_in(self.door, answer))

    def test_refused(self) -> None:
        """Bad tokens, other layers, bad names."""
        made = Dialogue("GSSAPI", self.door)
        self.assertRaises(UnauthorizedLogin, made.begin, b64encode(b"rubbish"))
        self.assertRaises(BadSyntax, self.dialogue().feed, b64encode(b"x"))
        for choice, error in (
            (b"[\x01\0\0]", BadSyntax),
            (b"[\x02\0\0\0]", UnauthorizedLogin),
            (b"[\x01\0\0\0\xff]", UnauthorizedLogin),
            (b"rubbish", UnauthorizedLogin),
        ):
            self.assertRaises(error, self.offered().feed, b64encode(choice))

    def test_no_last_token(self) -> None:
        """A context that is complete without a last token offers the layer at once."""

        class Brief(Context):
            async def step(self, token: bytes) -> bytes:
                self.complete = True
                return b""

        class BriefChecker(Checker):
            async def security_context(self) -> Context:
                return Brief()

        made = Dialogue("GSSAPI", portal(BriefChecker()))
        self.assertEqual(made.begin(b"AAAA"), b64encode(b"[\x01\0\0\0]"))

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.binary(), max_size=4))
    def test_any_octets(self, messages: list[bytes]) -> None:
        """Whatever comes, nothing but the promised errors comes out."""
        made = Dialogue("GSSAPI", self.door)
        made.begin()
        for message in messages:
            try:
                made.feed(b64encode(message))
            except (BadSyntax, UnauthorizedLogin):
                return
