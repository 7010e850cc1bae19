"""Tests of :mod:`mailframe.auth.passwd_checker`: what is not a password."""

from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from mailframe.auth.portal import MindfulCredentials
from mailframe.auth.refusal import RefusedLogin
from mailframe.auth.scram_hash import hash_scram
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import (
    IUsernameHashedPassword,
    IUsernamePassword,
    Mind,
    UsernamePassword,
)
from mailframe.interfaces.credentials import (
    ClientCertificate,
    IClientCertificate,
    IScramKeySource,
    IScramSHA1,
    IScramSHA256,
    ISelectiveChecker,
    ScramSHA256Proof,
)
from mailframe.model.scram_keys import ScramKeys, derived
from tests.auth.test_challenge_secrets import Digest
from tests.auth.test_passwd_checker import CheckerCase, sha


class ChallengeTests(CheckerCase):
    """CRAM-MD5, SCRAM and certificates."""

    def ask(self, credentials: Any) -> Any:
        """Return the avatar ID, or raise."""
        return self.successResultOf(self.checker.requestAvatarId(credentials))

    def refused(self, credentials: Any) -> None:
        """Expect a refusal."""
        failed = self.checker.requestAvatarId(credentials)
        self.failureResultOf(failed, UnauthorizedLogin)

    def keys(self, name: str, digest: str = "sha256") -> ScramKeys:
        """Return the keys of a name."""
        found: Deferred[Any] = Deferred.fromCoroutine(
            self.checker.scram_keys(name.encode(), digest)
        )
        keys: ScramKeys = self.successResultOf(found)
        return keys

    def proof(self, name: str, password: bytes) -> ScramSHA256Proof:
        """Return a proof of a password."""
        keys = self.keys(name)
        secret = derived(password, keys.salt, keys.iterations)
        return ScramSHA256Proof(name.encode(), b"message", secret.proof(b"message"))

    def test_interfaces(self) -> None:
        """It provides what it says."""
        verifyObject(ISelectiveChecker, self.checker)
        verifyObject(IScramKeySource, self.checker)

    def test_scram(self) -> None:
        """Stored keys and kept passwords take a proof, in any spelling of the name."""
        self.write(f"alice:{hash_scram(b'a', 'sha256', 5000)}", "Bob:{PLAIN}b")
        for name in ("alice", "ALICE@example.org"):
            self.assertEqual(self.ask(self.proof(name, b"a")), b"alice@example.org")
            self.refused(self.proof(name, b"b"))
        self.assertEqual(self.ask(self.proof("bob", b"b")), b"Bob@example.org")
        for name in ("nobody", "carl@example.net", "a b", "\x07"):
            self.refused(self.proof(name, b"a"))

    def test_kept_key(self) -> None:
        """With the same key, salts are the same in another process."""
        self.write("bob:{PLAIN}b")
        salts = []
        for key in (b"k" * 32, b"k" * 32, b"l" * 32):
            self.checker.decoy_key = key
            salts.append([self.keys(name).salt for name in ("bob", "nobody")])
        self.assertEqual(salts[0], salts[1])
        self.assertNotEqual(salts[0], salts[2])

    def test_restrictions(self) -> None:
        """Whoever has the secret in whatever form, the line has the last word."""
        self.write(
            "a:{PLAIN}a::::::nologin",
            "b:{PLAIN}b::::::allow_nets=192.0.2.0/24 services=imap",
        )
        here = Mind("imap", "192.0.2.9", True)
        for name, mind, reason in (
            ("a", here, "closed"),
            ("b", here, None),
            ("b", Mind("imap", "198.51.100.9", True), "network"),
            ("b", Mind("pop3", "192.0.2.9", True), "service"),
            ("b", None, "network"),
        ):
            secret = name.encode()
            for credentials in (
                UsernamePassword(secret, secret),
                self.proof(name, secret),
                ClientCertificate(f"{name}@example.org"),
            ):
                found = self.checker.requestAvatarId(
                    MindfulCredentials(credentials, mind)
                )
                if reason is None:
                    self.successResultOf(found)
                else:
                    error: Any = self.failureResultOf(found, RefusedLogin).value
                    self.assertEqual(error.reason, reason)
        self.refused(UsernamePassword(b"a", b"wrong"))

    def test_nobody_shows(self) -> None:
        """By salt and iterations nobody learns who is a user, whatever the spelling.

        Source: RFC 5802 section 9.
        """
        self.write(f"alice:{hash_scram(b'a', 'sha256', 5000)}", "bob:{PLAIN}b")
        for name in ("alice", "bob", "nobody"):
            salts = {
                self.keys(spelling).salt
                for spelling in (name, name.upper(), f"{name}@Example.ORG")
            }
            self.assertEqual(len(salts), 1)
            self.assertEqual(len(salts.pop()), 16)
        self.assertEqual(self.keys("alice").iterations, 5000)
        seen = {self.keys(f"nobody{number}").iterations for number in range(30)}
        self.assertEqual(seen, {5000, 4096})

    def test_cram_md5(self) -> None:
        """A kept password takes a digest, nothing else does."""
        self.write("alice:{PLAIN}a", f"bob:{sha('b')}", "carl:!")
        for name, password, found in (
            (b"alice", b"a", b"alice@example.org"),
            (b"alice", b"b", None),
            (b"bob", b"b", None),
            (b"carl", b"", None),
            (b"nobody", b"a", None),
            (b"\xff", b"a", None),
        ):
            digest: Any = Digest(password)
            digest.username = name
            directlyProvides(digest, IUsernameHashedPassword)
            if found:
                self.assertEqual(self.ask(digest), found)
            else:
                self.refused(digest)

    def test_certificate(self) -> None:
        """A certificate is a user's by its name, and nobody else's."""
        self.write(f"alice:{sha('a')}", "bob:{PLAIN}b", "carl:!", "dora:")
        for subject, wanted, found in (
            ("alice", None, b"alice@example.org"),
            ("alice@example.org", b"alice", b"alice@example.org"),
            ("alice", b"bob", None),
            ("carl", None, None),
            ("dora", None, None),
            ("nobody", None, None),
            ("", None, None),
            ("", b"alice", None),
        ):
            credentials = ClientCertificate(subject, wanted)
            if found:
                self.assertEqual(self.ask(credentials), found)
            else:
                self.refused(credentials)

    def test_serves(self) -> None:
        """What works for everybody, as soon as the file was read, and no more."""
        challenges = (IUsernameHashedPassword, IScramSHA1, IScramSHA256)

        def served() -> list[bool]:
            return [self.checker.serves(one) for one in challenges]

        self.assertTrue(self.checker.serves(IUsernamePassword))
        self.assertTrue(self.checker.serves(IClientCertificate))
        self.assertEqual(served(), [False] * 3)
        self.clock.advance(1)
        self.write("alice:{PLAIN}a")
        self.assertEqual(served(), [True] * 3)
        self.clock.advance(1)
        self.write(f"alice:{hash_scram(b'a')}", "bob:{PLAIN}a")
        self.assertEqual(served(), [False, False, True])
        self.clock.advance(1)
        self.write(f"alice:{sha('a')}", "bob:{PLAIN}a")
        self.assertEqual(served(), [False] * 3)

    def test_never_read(self) -> None:
        """Without a file nothing is known: that is no wrong password."""
        failed: Deferred[Any] = Deferred.fromCoroutine(
            self.checker.scram_keys(b"alice", "sha256")
        )
        self.failureResultOf(failed, TemporaryFailure)
        self.failureResultOf(
            self.checker.requestAvatarId(ClientCertificate("alice")), TemporaryFailure
        )

    def test_in_threads(self) -> None:
        """Keys that take time to make are made in a thread."""
        self.write("alice:{PLAIN}a")
        calls: list[str] = []
        run = self.threads.run

        def counted(call: Any, *args: Any) -> Any:
            calls.append(call.__name__)
            return run(call, *args)

        self.patch(self.checker, "_run", counted)
        self.keys("alice")
        self.keys("nobody")
        self.assertEqual(calls.count("scram_keys"), 2)
