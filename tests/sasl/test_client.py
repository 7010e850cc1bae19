"""Tests of :mod:`mailframe.sasl.client`."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.cred.error import UnauthorizedLogin
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.model.secret import Secret
from mailframe.sasl.client import Carrier, ClientExchange, Login, best
from mailframe.sasl.mechanism import Success
from mailframe.sasl.mechanisms import MECHANISMS
from tests.sasl.world import NAME, PASSWORD, TOKEN, Dialogue, connection, let_in, portal

NONCE = b"n" * 18
BARE = Carrier(False, NONCE)
SAFE = Carrier(True, NONCE)
BOUND = Carrier(True, NONCE, (("tls-exporter", b"E" * 32),))
EVERYTHING = tuple(one.name for one in MECHANISMS)

BY_PASSWORD = Login(NAME, Secret(PASSWORD))
BY_TOKEN = Login(NAME, token=Secret(TOKEN))
BY_CERTIFICATE = Login(b"", certificate=True)


class BestTests(SynchronousTestCase):
    """What shows least and proves most goes first."""

    def name(self, offered: Any, login: Login, carrier: Carrier) -> str | None:
        """Return the name of what was chosen."""
        chosen = best(offered, login, carrier)
        return None if chosen is None else chosen.name

    def test_passwords(self) -> None:
        """From all there is, one after the other taken away."""
        left = list(EVERYTHING)
        for wanted in (
            "SCRAM-SHA-256-PLUS",
            "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-256",
            "SCRAM-SHA-1",
            "PLAIN",
            "LOGIN",
            "CRAM-MD5",
        ):
            self.assertEqual(self.name(left, BY_PASSWORD, BOUND), wanted)
            left.remove(wanted)
        self.assertIsNone(self.name(left, BY_PASSWORD, BOUND))

    def test_unsafe(self) -> None:
        """Where others listen no secret is sent, nor a token."""
        self.assertEqual(self.name(EVERYTHING, BY_PASSWORD, BARE), "SCRAM-SHA-256")
        offered = ("plain", "login", "cram-md5", "xoauth2", "oauthbearer")
        self.assertEqual(self.name(offered, BY_PASSWORD, BARE), "CRAM-MD5")
        self.assertIsNone(self.name(offered, BY_TOKEN, BARE))

    def test_others(self) -> None:
        """A certificate and a token are used when there are such."""
        self.assertEqual(self.name(EVERYTHING, BY_CERTIFICATE, SAFE), "EXTERNAL")
        self.assertEqual(self.name(EVERYTHING, BY_TOKEN, SAFE), "OAUTHBEARER")
        self.assertEqual(self.name(("XOAUTH2",), BY_TOKEN, SAFE), "XOAUTH2")
        nameless = Login(b"", token=Secret(TOKEN))
        self.assertIsNone(self.name(("XOAUTH2",), nameless, SAFE))
        self.assertIsNone(self.name(("PLAIN",), BY_CERTIFICATE, SAFE))

    def test_prohibited(self) -> None:
        """A password that SCRAM cannot take is sent by what can."""
        login = Login(NAME, Secret("p\u0627x".encode()))
        self.assertEqual(self.name(EVERYTHING, login, BOUND), "PLAIN")

    def test_downgrade_is_told(self) -> None:
        """Who could bind and is not offered it says so.

        Source: RFC 5802 section 6.
        """
        chosen: Any = best(("SCRAM-SHA-256",), BY_PASSWORD, BOUND)
        self.assertTrue(chosen.initial().startswith(b"y,,"))
        chosen = best(("SCRAM-SHA-256",), BY_PASSWORD, SAFE)
        self.assertTrue(chosen.initial().startswith(b"n,,"))

    def test_not_shown(self) -> None:
        """No secret is in a repr."""
        shown = f"{BY_PASSWORD!r} {BY_TOKEN!r} {BOUND!r}"
        for secret in ("ss,w", "vF9dft", "EEEE", "nnnn"):
            self.assertNotIn(secret, shown)


class ClientExchangeTests(SynchronousTestCase):
    """Our client against our server, by lines of base64."""

    def converse(self, name: str, login: Login, initial: bool = True) -> bool:
        """Log in; return whether the checker lets the client in."""
        door = portal()
        bound = connection(subject="alice")
        chosen = best((name,), login, BOUND if name.endswith("PLUS") else SAFE)
        assert chosen is not None
        client = ClientExchange(chosen)
        self.assertEqual(client.name, name.encode())
        server = Dialogue(name, door, bound)
        answer = server.begin(client.begin(initial))
        while isinstance(answer, bytes):
            answer = server.feed(client.feed(answer))
        assert isinstance(answer, Success)
        right = let_in(door, answer)
        if right:
            client.finish()
        return right

    def test_login(self) -> None:
        """By every mechanism, with and without an initial response."""
        for login, names in (
            (
                BY_PASSWORD,
                ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
                 "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"),
            ),
            (BY_TOKEN, ("OAUTHBEARER", "XOAUTH2")),
            (BY_CERTIFICATE, ("EXTERNAL",)),
        ):  # fmt: skip
            for name in names:
                self.assertTrue(self.converse(name, login))
                self.assertTrue(self.converse(name, login, initial=False))

    def test_wrong_password(self) -> None:
        """By no mechanism a wrong password gets in."""
        login = Login(NAME, Secret(b"wrong"))
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"):
            self.assertFalse(self.converse(name, login))

    def test_server_must_prove_itself(self) -> None:
        """A server that says welcome too early is not believed."""
        chosen = best(("SCRAM-SHA-256",), BY_PASSWORD, SAFE)
        assert chosen is not None
        exchange = ClientExchange(chosen)
        exchange.begin()
        self.assertRaises(UnauthorizedLogin, exchange.finish)

    def test_too_many_challenges(self) -> None:
        """Who has said everything says no more."""
        for name, asked in (("PLAIN", 0), ("LOGIN", 2), ("CRAM-MD5", 1)):
            chosen = best((name,), BY_PASSWORD, SAFE)
            assert chosen is not None
            client = ClientExchange(chosen)
            client.begin()
            for _ in range(asked):
                client.feed(b"AAAA")
            self.assertRaises(BadSyntax, client.feed, b"AAAA")

    def test_challenges_are_bounded(self) -> None:
        """Rubbish and endless challenges are refused."""
        for challenge in (b"!", b"AAA", b"A" * 16_000):
            chosen = best(("LOGIN",), BY_PASSWORD, SAFE)
            assert chosen is not None
            self.assertRaises(BadSyntax, ClientExchange(chosen).feed, challenge)

    @settings(max_examples=50, deadline=None)
    @given(st.sampled_from(EVERYTHING), st.lists(st.binary(), max_size=4))
    def test_any_octets(self, name: str, challenges: list[bytes]) -> None:
        """Whatever the server says, nothing but the promised errors comes out."""
        for login in (BY_PASSWORD, BY_TOKEN, BY_CERTIFICATE):
            chosen = best((name,), login, BOUND)
            if chosen is None:
                continue
            exchange = ClientExchange(chosen)
            exchange.begin()
            for challenge in challenges:
                try:
                    exchange.feed(challenge)
                except (BadSyntax, UnauthorizedLogin):
                    break
