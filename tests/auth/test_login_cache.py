"""Tests of :mod:`mailframe.auth.login_cache`."""

from typing import Any

from twisted.cred.credentials import (
    CramMD5Credentials,
    IUsernameHashedPassword,
    IUsernamePassword,
)
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from mailframe.auth.login_cache import LoginCache
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.credentials import (
    IKerberosName,
    IScramKeySource,
    IScramSHA256,
    ISecurityContextSource,
    ISelectiveChecker,
)
from tests.auth.at_once import LoginCase
from tests.auth.doubles import Backend, KnowingBackend, mind
from tests.auth.test_chain_challenges import SCRAM, Contexts, Source


class LoginCacheTests(LoginCase):
    """A slow backend is asked once in a while."""

    def setUp(self) -> None:
        super().setUp()
        self.backend = Backend({"alice": "a", "bob": "b"}, domain="@example.org")
        self.checker = LoginCache(self.backend, self.clock.seconds, ttl=60, size=3)

    def test_remembers(self) -> None:
        """What was right is right for a time, whether the backend is there or not."""
        for _ in range(3):
            self.assert_in("alice", "a", b"alice@example.org")
        self.assertEqual(len(self.backend.asked), 1)
        self.backend.away = True
        self.clock.advance(59)
        self.assert_in("alice", "a", b"alice@example.org")
        self.clock.advance(1)
        self.assert_unsure("alice", "a")

    def test_from_when_it_was_asked(self) -> None:
        """Using an answer does not make it last."""
        self.assert_in("alice", "a", b"alice@example.org")
        self.clock.advance(30)
        self.assert_in("alice", "a", b"alice@example.org")
        self.clock.advance(30)
        self.backend.passwords["alice"] = "new"
        self.assert_out("alice", "a")

    def test_forgets_no_other(self) -> None:
        """Of wrong passwords nothing is kept, and another one is asked about."""
        self.assert_in("alice", "a", b"alice@example.org")
        for _ in range(2):
            self.assert_out("alice", "b")
            self.assert_out("bob", "a")
        self.assertEqual(len(self.backend.asked), 5)
        self.assert_out("alice\0a", "")

    def test_from_where(self) -> None:
        """An answer is for the same service and the same address only."""

        def come(where: Any) -> None:
            credentials: Any = CredentialsFrom("alice", "a", where)
            found = self.checker.requestAvatarId(credentials)
            self.assertEqual(self.successResultOf(found), b"alice@example.org")

        for where, asked in (
            (mind(), 1),
            (mind(), 1),
            (mind("pop3"), 2),
            (mind("imap", "192.0.2.2"), 3),
            (mind("imap", None), 4),
        ):
            come(where)
            self.assertEqual(len(self.backend.asked), asked)

    def test_bounded(self) -> None:
        """The oldest goes first."""
        for name in ("alice", "w", "x", "y"):
            self.backend.passwords[name] = "p"
            self.assert_in(name, "p", f"{name}@example.org".encode())
        asked = len(self.backend.asked)
        self.assert_in("y", "p", b"y@example.org")
        self.assertEqual(len(self.backend.asked), asked)
        self.assert_in("alice", "p", b"alice@example.org")
        self.assertEqual(len(self.backend.asked), asked + 1)

    def test_nothing_to_read(self) -> None:
        """No password is in what is kept."""
        self.backend.passwords["alice"] = "hush-hush"
        self.assert_in("alice", "hush-hush", b"alice@example.org")
        self.assertNotIn("hush", repr(vars(self.checker)["_answers"]))

    def test_other_credentials(self) -> None:
        """What is no password is handed on."""
        backend = Backend({}, IUsernameHashedPassword)
        checker = LoginCache(backend, self.clock.seconds)
        self.assertEqual(checker.credentialInterfaces, (IUsernameHashedPassword,))
        backend.away = True
        asked = CramMD5Credentials(b"host")
        for _ in range(2):
            self.failureResultOf(checker.requestAvatarId(asked))
        self.assertEqual(backend.asked, [asked, asked])


class CredentialsFrom:
    """A password, and where it comes from."""

    def __init__(self, name: str, password: str, where: Any) -> None:
        self.username, self.password = name.encode(), password.encode()
        self.mind = where
        directlyProvides(self, IUsernamePassword)


class AroundTests(SynchronousTestCase):
    """What is around a checker can what that one can."""

    def test_powers(self) -> None:
        """It is a directory if the checker is one, and no more than that."""
        clock = Clock()
        knowing = LoginCache(KnowingBackend({"a@b.example": "x"}), clock.seconds)
        self.assertTrue(IUserDirectory.providedBy(knowing))
        self.assertFalse(IScramKeySource.providedBy(knowing))
        found = Deferred.fromCoroutine(knowing.find("a@b.example"))
        self.assertEqual(self.successResultOf(found), UserEntry("a@b.example"))
        simple = LoginCache(Backend({}), clock.seconds)
        self.assertFalse(IUserDirectory.providedBy(simple))

    def test_challenges(self) -> None:
        """What mechanisms ask is asked on."""
        clock = Clock()
        source = Source(b"a", *SCRAM, serving=False)
        checker = LoginCache(source, clock.seconds)
        self.assertTrue(ISelectiveChecker.providedBy(checker))
        self.assertFalse(checker.serves(IScramSHA256))
        keys = self.successResultOf(
            Deferred.fromCoroutine(checker.scram_keys(b"a", "sha256"))
        )
        self.assertTrue(keys.known)
        contexts = LoginCache(Contexts(IKerberosName), clock.seconds)
        self.assertTrue(ISecurityContextSource.providedBy(contexts))
        found = Deferred.fromCoroutine(contexts.security_context())
        self.assertEqual(self.successResultOf(found), "context")
