"""Tests of :mod:`mailframe.auth.oauth`, its keys and its options."""

import base64
import hmac
import json
import time
import warnings
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.auth import http_client, oauth, oauth_keys
from mailframe.auth.http_client import Answer
from mailframe.auth.oauth import OAuthChecker
from mailframe.auth.oauth_keys import KeySet
from mailframe.auth.oauth_options import OAuthOptions, read_options
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory
from mailframe.interfaces.credentials import BearerToken, IBearerToken
from mailframe.model.secret import Secret
from tests.auth.checker_case import REACTOR, CheckerCase
from tests.auth.web_service import WebService

RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
SHORT_RSA = rsa.generate_private_key(65537, 1024)
EC = ec.generate_private_key(ec.SECP256R1())
EC_384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()

ALICE = b"alice@example.org"
ISSUER = "https://id.example.org/"


def public(key: Any, key_id: str | None = None, **more: str) -> dict[str, Any]:
    """Return the public half of a key as a JWK."""
    kind: Any = OKPAlgorithm
    if isinstance(key, rsa.RSAPrivateKey):
        kind = RSAAlgorithm
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        kind = ECAlgorithm
    jwk = kind.to_jwk(key.public_key(), as_dict=True)
    return {**jwk, **({} if key_id is None else {"kid": key_id}), **more}


KEYS = [
    public(RSA, "rsa", use="sig", alg="RS256"),
    public(EC, "ec"),
    public(ED, "ed"),
    public(SHORT_RSA, "short"),
    public(OTHER_RSA, "for-encryption", use="enc"),
    {"kty": "oct", "kid": "shared", "k": "AAAA"},
    {"kty": "RSA", "kid": "damaged", "n": "!", "e": "AQAB"},
    "rubbish",
]


def token(
    key: Any = RSA, algorithm: str = "RS256", key_id: str | None = "rsa", **claims: Any
) -> str:
    """Return a token of alice's, good for a minute."""
    now = time.time()
    payload = {
        "iss": ISSUER,
        "aud": "mail",
        "exp": now + 60,
        "email": "alice@example.org",
        **claims,
    }
    said = {name: value for name, value in payload.items() if value is not None}
    headers = {} if key_id is None else {"kid": key_id}
    return jwt.encode(said, key, algorithm, headers)


class OAuthCase(CheckerCase):
    """A checker whose issuer is a service of ours."""

    async def setUp(self) -> None:  # type: ignore[override]
        super().setUp()
        for module in (http_client, oauth, oauth_keys):
            self.patch(module, "_log", self)
        self.clock = Clock()
        self.service = await WebService().listen_plainly()
        self.addCleanup(self.service.close)
        self.service.body = {"keys": KEYS}
        self.checker = self.made(keys=f"{self.service.url}/keys")

    def made(self, **options: Any) -> OAuthChecker:
        """Return a checker that is closed after the test."""
        options = {"issuer": ISSUER, "audience": ("mail", "other"), **options}
        checker = OAuthChecker(
            OAuthOptions(**options),
            REACTOR,
            "example.org",
            seconds=self.clock.seconds,
        )
        self.addCleanup(checker.close)
        return checker

    def show(self, text: str, username: bytes | None = None) -> Deferred[Any]:
        """Log in with a token."""
        return self.checker.requestAvatarId(
            BearerToken(Secret(text.encode()), username)
        )

    async def assert_good(
        self,
        text: str,
        username: bytes | None = None,
        is_: bytes = b"alice@example.org",
    ) -> None:
        """Make sure a token lets in, and whom."""
        self.assertEqual(await self.show(text, username), is_)

    async def assert_bad(self, text: str, username: bytes | None = None) -> None:
        """Make sure a token does not let in."""
        error = await self.assertFailure(self.show(text, username), UnauthorizedLogin)
        self.assertNotIn(text or "empty", str(error))

    async def assert_no_answer(self, text: str) -> None:
        """Make sure that it cannot be said now whether a token is good."""
        await self.assertFailure(self.show(text), TemporaryFailure)


class SignedTests(OAuthCase):
    """A token is verified with the issuer's keys."""

    async def test_good(self) -> None:
        """Each kind of key, with and without saying whom."""
        verifyObject(ICredentialsChecker, self.checker)
        self.assertEqual(self.checker.credentialInterfaces, (IBearerToken,))
        self.assertFalse(IUserDirectory.providedBy(self.checker))
        await self.assert_good(token())
        await self.assert_good(token(EC, "ES256", "ec"))
        await self.assert_good(token(ED, "EdDSA", "ed"))
        await self.assert_good(token(EC, "ES256", None))
        await self.assert_good(token(aud=["x", "other"], nbf=time.time()))
        await self.assert_good(token(exp=time.time() - 10))
        await self.assert_good(
            token(email="Alice@Example.ORG"), is_=b"Alice@example.org"
        )
        await self.assert_good(token(email="bob"), is_=b"bob@example.org")
        self.assertEqual([one.method for one in self.service.asked], ["GET"])

    async def test_whom(self) -> None:
        """A token serves for whom it says, and nobody else."""
        for username in (b"alice", b"Alice@EXAMPLE.org"):
            await self.assert_good(token(), username)
        for username in (b"bob", b"alice@example.net", b"", b"\xff", b"a b"):
            await self.assert_bad(token(), username)

    async def test_claims(self) -> None:
        """What is missing, or not ours, is refused."""
        for claims in (
            {"iss": "https://other.example/"}, {"iss": None}, {"aud": "someone"},
            {"aud": None}, {"exp": None}, {"exp": time.time() - 60}, {"exp": "soon"},
            {"nbf": time.time() + 60}, {"email": None}, {"email": 5}, {"email": ""},
            {"email": "a b@example.org"}, {"email_verified": False},
            {"email_verified": "false"},
        ):  # fmt: skip
            await self.assert_bad(token(**claims))

    async def test_algorithms(self) -> None:
        """Only keys that are the issuer's alone can sign, each in its own way."""
        pem = RSA.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        forged = self.forged({"alg": "HS256", "kid": "rsa", "typ": "JWT"}, pem)
        shared = b"\0" * 32
        for text in (
            forged,
            self.forged({"alg": "none", "kid": "rsa"}, None),
            self.forged({"kid": "rsa"}, None),
            self.forged({"alg": ["RS256"], "kid": "rsa"}, None),
            self.forged({"alg": "RS256", "kid": 5}, None),
            token(shared, "HS256", "shared"),
            token(RSA, "PS256", "rsa"),
            token(RSA, "RS512", "rsa"),
            token(OTHER_RSA),
            token(OTHER_RSA, key_id="for-encryption"),
            token(EC_384, "ES384", "ec"),
            token(RSA, "RS256", "damaged"),
            token(RSA, "RS256", "nobody's"),
        ):
            await self.assert_bad(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            short = token(SHORT_RSA, key_id="short")
        await self.assert_bad(short)
        # Two RSA keys could be meant.
        await self.assert_bad(token(key_id=None))

    async def test_changed(self) -> None:
        """A token that was changed by a single character is refused."""
        good = token()
        head, body, signature = good.split(".")
        for text in (
            f"{head}.{body}.{signature[:-6]}AAAAAA",
            f"{head}.{body[:-2]}.{signature}",
            f"{head}.{body}.",
            f"{head}.{body}",
            "x",
            "",
            "ä",
            "a" * 12_289,
        ):
            await self.assert_bad(text)

    async def test_scopes(self) -> None:
        """All that is asked for must be allowed."""
        self.checker = self.made(
            keys=f"{self.service.url}/keys", scopes=("mail", "imap")
        )
        await self.assert_good(token(scope="x imap mail"))
        await self.assert_good(token(scp=["mail", "imap"]))
        refused: tuple[dict[str, Any], ...] = (
            {},
            {"scope": "mail"},
            {"scope": 5},
            {"scp": None},
        )
        for claims in refused:
            await self.assert_bad(token(**claims))

    async def test_other_claim(self) -> None:
        """Another claim may say the name."""
        self.checker = self.made(
            keys=f"{self.service.url}/keys", claim="preferred_username"
        )
        await self.assert_good(
            token(preferred_username="carl", email_verified=False),
            is_=b"carl@example.org",
        )

    async def test_no_keys(self) -> None:
        """Without keys nobody's token is wrong; known keys are kept."""
        self.service.status = 500
        await self.assert_no_answer(token())
        self.service.status = 200
        self.clock.advance(30)
        await self.assert_good(token())
        self.service.status = 500
        self.clock.advance(3600)
        await self.assert_good(token())
        self.assertEqual(len(self.service.asked), 3)
        self.assertNotIn("eyJ", " ".join(self.logged))

    def forged(self, header: dict[str, Any], secret: bytes | None) -> str:
        """Return a token with any header, signed with a shared key or not at all."""

        def part(value: Any) -> bytes:
            octets = value if isinstance(value, bytes) else json.dumps(value).encode()
            return base64.urlsafe_b64encode(octets).rstrip(b"=")

        claims = {
            "iss": ISSUER, "aud": "mail", "exp": time.time() + 60,
            "email": "alice@example.org",
        }  # fmt: skip
        signed = part(header) + b"." + part(claims)
        signature = hmac.digest(secret, signed, "sha256") if secret else b""
        return (signed + b"." + part(signature)).decode()


class IntrospectionTests(OAuthCase):
    """The issuer is asked whether a token is good."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.checker = self.made(
            introspection=f"{self.service.url}/introspect",
            headers={"Authorization": Secret(b"Basic eA==")},
        )

    def says(self, **claims: Any) -> None:
        """Let the issuer say this."""
        self.service.body = {
            "active": True, "email": "alice@example.org", "aud": "mail", **claims,
        }  # fmt: skip

    async def test_question(self) -> None:
        """As RFC 7662 section 2.1 has it."""
        self.says()
        await self.assert_good("opaque+token", b"alice")
        [asked] = self.service.asked
        self.assertEqual(
            asked.body, b"token=opaque%2Btoken&token_type_hint=access_token"
        )
        self.assertEqual(asked.headers["authorization"], "Basic eA==")

    async def test_answers(self) -> None:
        """What it says decides."""
        now = time.time()
        taken: tuple[dict[str, Any], ...] = (
            {"exp": now + 60}, {"exp": now - 10}, {"nbf": now}, {"iss": ISSUER},
            {"aud": ["x", "other"]},
        )  # fmt: skip
        for claims in taken:
            self.says(**claims)
            await self.assert_good("opaque")
        for claims in (
            {"active": False}, {"active": "true"}, {"active": None}, {"active": 1},
            {"exp": now - 60}, {"exp": "soon"}, {"nbf": now + 60}, {"nbf": True},
            {"iss": "https://other.example/"}, {"aud": "x"}, {"aud": []}, {"aud": None},
            {"email": None}, {"email_verified": False},
        ):  # fmt: skip
            self.says(**claims)
            await self.assert_bad("opaque")
        self.says()
        await self.assert_bad("opaque", b"bob")

    async def test_no_audience(self) -> None:
        """Where no audience is asked for, the issuer alone decides."""
        self.checker = self.made(
            introspection=f"{self.service.url}/introspect", issuer="", audience=()
        )
        self.says(aud="x", iss="y")
        await self.assert_good("opaque")

    async def test_trouble(self) -> None:
        """That it does not say, or does not know us, is nobody's bad token."""
        for status, body in (
            (401, b""),
            (500, b""),
            (200, b""),
            (200, []),
            (200, b"x"),
        ):
            self.service.status, self.service.body = status, body
            await self.assert_no_answer("opaque-sesame")
        self.assertNotIn("sesame", " ".join(self.logged))

    async def test_both(self) -> None:
        """A signed token that the issuer has revoked is refused."""
        self.checker = self.made(
            keys=f"{self.service.url}/keys",
            introspection=f"{self.service.url}/introspect",
            headers={"Authorization": Secret(b"Basic eA==")},
        )
        self.service.body = {"keys": KEYS, "active": True}
        await self.assert_good(token())
        await self.assert_bad(token(exp=time.time() - 60))
        # Our secret is not shown where the keys are.
        self.assertEqual(
            [(one.path, "authorization" in one.headers) for one in self.service.asked],
            [("/keys", False), ("/introspect", True)],
        )
        self.service.body = {"active": False}
        await self.assert_bad(token())


class KeySetTests(SynchronousTestCase):
    """Keys are fetched when they are needed, and not for everybody who wants to."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.fetching: list[Deferred[Answer]] = []
        self.logged: list[str] = []
        self.patch(oauth_keys, "_log", self)
        self.keys = KeySet(self.fetch, self.clock.seconds, 3600)

    def error(self, text: str, **values: object) -> None:
        """Take what is logged."""
        self.logged.append(text.format(**values))

    def fetch(self) -> Deferred[Answer]:
        """Begin to fetch."""
        self.fetching.append(Deferred())
        return self.fetching[-1]

    def find(self, key_id: str | None, algorithm: str = "RS256") -> Deferred[Any]:
        """Look for a key."""
        return Deferred.fromCoroutine(self.keys.find(key_id, algorithm))

    def test_shared(self) -> None:
        """Many who ask at the same time fetch once."""
        found = [self.find("rsa") for _ in range(5)]
        self.assertEqual(len(self.fetching), 1)
        self.fetching[0].callback(Answer(200, {"keys": KEYS}))
        for one in found:
            self.assertEqual(self.successResultOf(one).key_id, "rsa")
        self.assertEqual(len(self.fetching), 1)

    def test_new_key(self) -> None:
        """An unknown key is looked for, but not more often than all 30 seconds."""
        first = self.find("rsa")
        self.fetching[0].callback(Answer(200, {"keys": KEYS}))
        self.successResultOf(first)
        for _ in range(5):
            self.assertIsNone(self.successResultOf(self.find("new")))
        self.clock.advance(30)
        new = self.find("new")
        self.assertEqual(len(self.fetching), 2)
        self.fetching[1].callback(Answer(200, {"keys": [public(RSA, "new")]}))
        self.assertEqual(self.successResultOf(new).key_id, "new")
        self.assertIsNone(self.successResultOf(self.find("rsa")))

    def test_old(self) -> None:
        """After an hour they are fetched again; if that fails the old ones serve."""
        first = self.find("rsa")
        self.fetching[0].callback(Answer(200, {"keys": KEYS}))
        self.successResultOf(first)
        self.clock.advance(3600)
        again = self.find("rsa")
        self.fetching[1].errback(TemporaryFailure("no answer"))
        self.assertEqual(self.successResultOf(again).key_id, "rsa")

    def test_unusable(self) -> None:
        """What is no set of public keys is trouble."""
        for value in (None, [], {}, {"keys": 5}, {"keys": []}, {"keys": KEYS[4:6]}):
            asked = self.find("rsa")
            self.fetching[-1].callback(Answer(200, value))
            self.failureResultOf(asked, TemporaryFailure)
            self.clock.advance(30)
        self.assertEqual(len(self.logged), 6)

    @settings(max_examples=100, deadline=None)
    @given(
        st.fixed_dictionaries(
            {"kty": st.sampled_from(["RSA", "EC", "OKP", "oct", 5])},
            optional={
                name: st.sampled_from(["P-256", "Ed25519", "AQAB", "", "!", 5, None])
                for name in ("crv", "n", "e", "x", "y", "alg", "kid", "use")
            },
        ),
        st.sampled_from(["RS256", "ES256", "EdDSA"]),
    )
    def test_any_key(self, key: dict[str, Any], algorithm: str) -> None:
        """A key of rubbish is no key, and no error."""
        self.setUp()
        asked = self.find(None, algorithm)
        self.fetching[0].callback(Answer(200, {"keys": [key]}))
        outcome: list[Any] = []
        asked.addBoth(outcome.append)
        if not hasattr(outcome[0], "key"):
            self.assertTrue(
                outcome[0] is None or outcome[0].check(TemporaryFailure), outcome
            )


class OptionsTests(CheckerCase):
    """The file says whose tokens, and how."""

    def test_whole(self) -> None:
        """Everything that can be said."""
        options = read_options(
            self.write(
                'issuer = "i"\naudience = ["a"]\nkeys = "https://x/k"\n'
                'algorithms = ["ES256"]\nclaim = "sub"\nscopes = ["mail"]\n'
                'leeway = 5\nrefresh = 60\nintrospection = "https://x/i"\n'
                '[client]\nuser = "u"\npassword = "sesame"\n[limits]\ntimeout = 3\n'
            )
        )
        self.assertEqual(
            (options.issuer, options.audience, options.algorithms, options.claim),
            ("i", ("a",), ("ES256",), "sub"),
        )
        self.assertEqual(options.limits.timeout, 3)
        self.assertEqual(
            options.headers["Authorization"].reveal(), b"Basic dTpzZXNhbWU="
        )
        self.assertNotIn("sesame", repr(options))
        OAuthChecker(options, MemoryReactorClock())

    def test_wrong(self) -> None:
        """What is wrong is told in one line, without a secret."""
        good = 'issuer = "i"\naudience = ["a"]\nkeys = "https://x/k"\n'
        for text, why in (
            ("", "keys or introspection is missing"),
            ('keys = "https://x/"', "issuer is missing"),
            ('keys = "https://x/"\nissuer = "i"', "audience is missing"),
            ('keys = "https://x/"\nissuer = ""\naudience = ["a"]', "issuer is empty"),
            ('keys = "https://x/"\nissuer = "i"\naudience = []', "audience is empty"),
            ('keys = "http://x/"', "keys must be https"),
            (good + 'algorithms = ["HS256"]', "algorithms may be"),
            (good + 'algorithms = ["none"]', "algorithms may be"),
            (good + "algorithms = []", "algorithms is empty"),
            (good + "leeway = 9999", "leeway must be"),
            (good + '[client]\npassword = "sesame"', "for introspection"),
        ):
            error = self.assertRaises(ValueError, read_options, self.write(text))
            self.assertIn(why, str(error))
            self.assertNotIn("sesame", str(error))
        self.assertRaises(ValueError, read_options, "")
