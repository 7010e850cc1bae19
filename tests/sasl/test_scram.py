"""Tests of :mod:`mailframe.sasl.scram` and :mod:`mailframe.sasl.scram_client`."""

from base64 import b64decode, b64encode
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.cred.error import UnauthorizedLogin
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.model.saslprep import saslprep
from mailframe.model.scram_keys import ScramKeys, derived
from mailframe.sasl.mechanism import Challenge, Question, Success
from mailframe.sasl.scram import Scram
from mailframe.sasl.scram_client import ScramClient
from mailframe.sasl.scram_sha_1 import ScramSHA1Client, ScramSHA1Plus
from mailframe.sasl.scram_sha_256 import (
    ScramSHA256,
    ScramSHA256Client,
    ScramSHA256Plus,
    ScramSHA256PlusClient,
)
from mailframe.testing.transcript import FakeConnection
from tests.sasl.world import connection

# RFC 5802 section 5 and RFC 7677 section 3: user "user", password "pencil".
SHA1 = (
    b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
    b"p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
SHA256 = (
    b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)


SALT = b"sixteen octets.."


def keys(
    password: bytes = b"pencil",
    digest: str = "sha256",
    salt: bytes = b"sixteen octets..",
) -> ScramKeys:
    """Return a user's keys."""
    return derived(password, salt, 4096, digest).keys


def first(server: Scram, message: bytes, known: ScramKeys) -> bytes:
    """Give the first message and the keys; return the server's."""
    question = server.respond(message)
    assert isinstance(question, Question)
    answer = question.go_on(known)
    assert isinstance(answer, Challenge)
    return answer.octets


def talk(client: ScramClient, server: Scram, known: ScramKeys) -> Any:
    """Let both talk to the end; return what the server ends with."""
    answer = server.respond(client.respond(first(server, client.initial(), known)))
    if isinstance(answer, Success):
        return answer
    assert isinstance(answer, Challenge)
    return server.respond(client.respond(answer.octets))


class VectorTests(SynchronousTestCase):
    """The conversations the standards print."""

    def test_keys(self) -> None:
        """The keys take the printed proof and give the printed signature.

        Source: RFC 5802 section 5, RFC 7677 section 3.
        """
        for digest, lines in (("sha1", SHA1), ("sha256", SHA256)):
            salt = b64decode(lines[1].split(b",")[1][2:])
            without_proof, _, proof = lines[2].partition(b",p=")
            message = b",".join((lines[0][3:], lines[1], without_proof))
            known = keys(digest=digest, salt=salt)
            self.assertTrue(known.proves(message, b64decode(proof)))
            self.assertFalse(known.proves(message + b" ", b64decode(proof)))
            signature = known.server_signature(message)
            self.assertEqual(b"v=" + b64encode(signature), lines[3])

    def test_client(self) -> None:
        """The client says what it says there, and believes the server.

        Source: RFC 5802 section 5, RFC 7677 section 3.
        """
        for cls, lines in ((ScramSHA1Client, SHA1), (ScramSHA256Client, SHA256)):
            nonce = b64decode(lines[0].partition(b"r=")[2])
            client = cls(b"user", b"pencil", nonce=nonce)
            self.assertEqual(client.initial(), lines[0])
            self.assertEqual(client.respond(lines[1]), lines[2])
            self.assertFalse(client.done)
            self.assertEqual(client.respond(lines[3]), b"")
            self.assertTrue(client.done)
            self.assertRaises(BadSyntax, client.respond, b"")


class ServerTests(SynchronousTestCase):
    """What the server demands."""

    def converse(self, carrier: FakeConnection, header: bytes, cls: Any) -> Any:
        """Log in by hand, the right password and everything else as given."""
        server = cls(carrier)
        bare = b"n=user,r=abc"
        reply = first(server, header + bare, keys(digest=cls.proof.digest))
        kind = header[2:].partition(b",")[0].decode()
        bound = carrier.bindings.get(kind, b"") if header.startswith(b"p") else b""
        nonce = reply.split(b",")[0]
        final = b"c=%b,%b" % (b64encode(header + bound), nonce)
        secret = derived(b"pencil", SALT, 4096, cls.proof.digest)
        proof = secret.proof(b",".join((bare, reply, final)))
        return server.respond(final + b",p=" + b64encode(proof))

    def test_binding(self) -> None:
        """With -PLUS each kind the session has can be bound to.

        Source: RFC 5802 section 6.
        """
        for cls in (ScramSHA1Plus, ScramSHA256Plus):
            for header in (b"p=tls-exporter,,", b"p=tls-server-end-point,,"):
                answer = self.converse(connection(), header, cls)
                self.assertIsInstance(answer, Challenge)

    def test_other_session(self) -> None:
        """Bound to another session nobody gets in."""
        carrier = connection()
        server = ScramSHA256Plus(carrier)
        header = b"p=tls-exporter,,"
        reply = first(server, header + b"n=user,r=abc", keys())
        final = b"c=%b,%b,p=AAAA" % (
            b64encode(header + b"X" * 32),
            reply.split(b",")[0],
        )
        self.assertRaises(UnauthorizedLogin, server.respond, final)

    def test_wrong_header(self) -> None:
        """Binding is for -PLUS and -PLUS is for binding, to what there is."""
        for cls, header in (
            (ScramSHA256, b"p=tls-exporter,,"),
            (ScramSHA256Plus, b"n,,"),
            (ScramSHA256Plus, b"y,,"),
            (ScramSHA256Plus, b"p=tls-unique,,"),
            (ScramSHA256Plus, b"p=nonsense,,"),
        ):
            server = cls(connection())
            self.assertRaises(BadSyntax, server.respond, header + b"n=user,r=abc")

    def test_downgrade(self) -> None:
        """A client that thinks we cannot bind was lied to, if we can.

        Source: RFC 5802 section 6.
        """
        server = ScramSHA256(connection())
        self.assertRaises(UnauthorizedLogin, server.respond, b"y,,n=user,r=abc")
        answer = self.converse(connection(tls=False), b"y,,", ScramSHA256)
        self.assertIsInstance(answer, Challenge)

    def test_identities(self) -> None:
        """An authorization identity must be the name itself."""
        for message in (b"n,a=user,n=user,r=abc", b"n,a=us\xc2\xader,n=user,r=abc"):
            self.assertIsInstance(
                ScramSHA256(FakeConnection()).respond(message), Question
            )
        server = ScramSHA256(FakeConnection())
        self.assertRaises(UnauthorizedLogin, server.respond, b"n,a=bob,n=user,r=abc")

    def test_names(self) -> None:
        """A name is unescaped and prepared, or refused.

        Source: RFC 5802 section 5.1.
        """
        asked: list[bytes] = []

        class Source:
            async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
                asked.append(username)
                return keys()

        question = ScramSHA256(FakeConnection()).respond(
            "n,,n=a=2Cb=3D\u2168,r=x".encode()
        )
        assert isinstance(question, Question)
        coroutine: Any = question.ask(Source())
        self.assertRaises(StopIteration, coroutine.send, None)
        self.assertEqual(asked, [b"a,b=IX"])
        for name in (b"a=b", b"a=2c", b"a="):
            server = ScramSHA256(FakeConnection())
            self.assertRaises(BadSyntax, server.respond, b"n,,n=%b,r=x" % name)
        for name in (b"\xff", b"\x07", b"\xc2\xad"):
            server = ScramSHA256(FakeConnection())
            self.assertRaises(UnauthorizedLogin, server.respond, b"n,,n=%b,r=x" % name)

    def test_extensions(self) -> None:
        """Unknown extensions are passed over, a mandatory one is refused.

        Source: RFC 5802 section 5.1.
        """
        server = ScramSHA256(FakeConnection())
        self.assertIsInstance(server.respond(b"n,,n=user,r=abc,z=1"), Question)
        server = ScramSHA256(FakeConnection())
        self.assertRaises(BadSyntax, server.respond, b"n,,m=x,n=user,r=abc")

    def test_wrong_proof(self) -> None:
        """A wrong proof is for the portal to refuse; the server shows nothing."""
        client = ScramSHA256Client(b"user", b"pencils", nonce=b"n" * 18)
        answer = talk(client, ScramSHA256(FakeConnection()), keys())
        assert isinstance(answer, Success)
        self.assertFalse(answer.credentials.proven_by(keys()))
        self.assertFalse(client.done)

    def test_decoy(self) -> None:
        """Keys that are nobody's are proven by nothing, be the proof right."""
        decoy = ScramKeys(**{
            name: getattr(keys(), name)
            for name in ("digest", "iterations", "salt", "stored_key", "server_key")
        }, known=False)  # fmt: skip
        client = ScramSHA256Client(b"user", b"pencil", nonce=b"n" * 18)
        answer = talk(client, ScramSHA256(FakeConnection()), decoy)
        assert isinstance(answer, Success)
        self.assertFalse(answer.credentials.proven_by(decoy))

    def test_other_keys(self) -> None:
        """Proof of one hash function is none of the other."""
        client = ScramSHA256Client(b"user", b"pencil", nonce=b"n" * 18)
        answer = talk(client, ScramSHA256(FakeConnection()), keys())
        self.assertTrue(answer.credentials.proven_by(keys()))
        self.assertFalse(answer.credentials.proven_by(keys(digest="sha1")))

    def test_final_is_strict(self) -> None:
        """Another nonce, broken base64, a short proof or no proof at all."""
        for change in (
            lambda line: line.replace(b"r=", b"r=x"),
            lambda line: line.replace(b"c=", b"c=A"),
            lambda line: line.rpartition(b",p=")[0],
            lambda line: line.rpartition(b",p=")[0] + b",p=A",
            lambda line: line + b",x=y",
            lambda line: b"",
        ):
            client = ScramSHA256Client(b"user", b"pencil", nonce=b"n" * 18)
            server = ScramSHA256(FakeConnection())
            line = client.respond(first(server, client.initial(), keys()))
            self.assertRaises(BadSyntax, server.respond, change(line))
        client = ScramSHA256Client(b"user", b"pencil", nonce=b"n" * 18)
        server = ScramSHA256(FakeConnection())
        line = client.respond(first(server, client.initial(), keys()))
        short = line.rpartition(b",p=")[0] + b",p=" + b64encode(b"x")
        answer = server.respond(short)
        assert isinstance(answer, Success)
        self.assertFalse(answer.credentials.proven_by(keys()))

    def test_last_response(self) -> None:
        """Our proof is acknowledged by an empty response and no other."""
        client = ScramSHA256Client(b"user", b"pencil", nonce=b"n" * 18)
        server = ScramSHA256(FakeConnection())
        server.respond(client.respond(first(server, client.initial(), keys())))
        self.assertRaises(BadSyntax, server.respond, b"x")

    def test_not_shown(self) -> None:
        """Nothing of proof or keys is in a repr."""
        client = ScramSHA256Client(b"user", b"pencil", nonce=b"n" * 18)
        known = keys()
        answer = talk(client, ScramSHA256(FakeConnection()), known)
        shown = f"{known!r} {answer!r}"
        for secret in (known.stored_key, known.server_key, answer.credentials.proof):
            self.assertNotIn(repr(secret)[2:-1], shown)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.binary(), min_size=1, max_size=3), st.booleans())
    def test_any_octets(self, messages: list[bytes], begun: bool) -> None:
        """Whatever comes, nothing but the promised errors comes out."""
        server = ScramSHA256(FakeConnection())
        if begun:
            first(server, b"n,,n=user,r=abc", keys())
        for message in messages:
            try:
                answer = server.respond(message)
            except (BadSyntax, UnauthorizedLogin):
                continue
            if isinstance(answer, Question):
                answer.go_on(keys())


_PLAUSIBLE = st.text(min_size=1, max_size=20)


class AgreementTests(SynchronousTestCase):
    """Client and server of ours understand each other."""

    @settings(max_examples=40, deadline=None)
    @given(_PLAUSIBLE, _PLAUSIBLE, st.booleans(), st.binary(min_size=1, max_size=20))
    def test_random_users(
        self, name: str, password: str, plus: bool, salt: bytes
    ) -> None:
        """Any user with any password that can be prepared gets in."""
        try:
            prepared = saslprep(password).encode()
            if not saslprep(name) or saslprep(saslprep(name)) != saslprep(name):
                return
        except ValueError:
            return
        known = derived(prepared, salt, 4096).keys
        client_class = ScramSHA256PlusClient if plus else ScramSHA256Client
        server_class = ScramSHA256Plus if plus else ScramSHA256
        carrier = connection(tls=plus)
        client = client_class(
            name.encode(),
            password.encode(),
            nonce=b"n" * 18,
            binding=("tls-exporter", b"E" * 32) if plus else None,
        )
        answer = talk(client, server_class(carrier), known)
        self.assertTrue(client.done)
        self.assertTrue(answer.credentials.proven_by(known))
        self.assertEqual(answer.credentials.username, saslprep(name).encode())


class ClientTests(SynchronousTestCase):
    """What the client demands."""

    def client(self) -> ScramClient:
        """Return one that has spoken."""
        client = ScramSHA256Client(b"user", b"pencil", nonce=b"n" * 18)
        client.initial()
        return client

    def test_server_first(self) -> None:
        """Not our nonce, nothing added to it, or a silly number of iterations."""
        nonce = b64encode(b"n" * 18)
        for line in (
            b"r=xyz,s=AAAA,i=4096",
            b"r=%b,s=AAAA,i=4096" % nonce,
            b"r=%bX,s=AAAA,i=1" % nonce,
            b"r=%bX,s=AAAA,i=4095" % nonce,
            b"r=%bX,s=AAAA,i=9999999" % nonce,
        ):
            self.assertRaises(UnauthorizedLogin, self.client().respond, line)
        for line in (
            b"", b"r=%bX,s=,i=4096" % nonce, b"r=%bX,s=A,i=4096" % nonce,
            b"m=x,r=%bX,s=AAAA,i=4096" % nonce, b"e=other-error",
        ):  # fmt: skip
            self.assertRaises(BadSyntax, self.client().respond, line)

    def test_server_final(self) -> None:
        """A server that does not know the password, or says no, is not believed."""
        for line in (b"v=" + b64encode(b"x" * 32), b"e=invalid-proof"):
            client = self.client()
            client.respond(b"r=%bX,s=AAAA,i=4096" % b64encode(b"n" * 18))
            self.assertRaises(UnauthorizedLogin, client.respond, line)
            self.assertFalse(client.done)
        client = self.client()
        client.respond(b"r=%bX,s=AAAA,i=4096" % b64encode(b"n" * 18))
        self.assertRaises(BadSyntax, client.respond, b"v=A")
        self.assertRaises(BadSyntax, client.respond, b"")

    def test_prohibited(self) -> None:
        """A password that cannot be prepared is none for SCRAM."""
        with self.assertRaises(ValueError):
            ScramSHA256Client(b"user", b"a\x07", nonce=b"n" * 18)

    @settings(max_examples=50, deadline=None)
    @given(st.binary())
    def test_any_octets(self, message: bytes) -> None:
        """Whatever the server says, nothing but the promised errors comes out."""
        self.assertRaises(
            (BadSyntax, UnauthorizedLogin),
            self.client().respond,
            message,
        )
