"""Tests of :mod:`mailframe.auth.twisted_directory`, as ``--auth`` makes checkers."""

import hmac
from typing import Any

from twisted.cred.checkers import (
    FilePasswordDB,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import (
    Anonymous,
    CramMD5Credentials,
    IAnonymous,
    IUsernameHashedPassword,
)
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.strcred import makeChecker
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mailframe.auth import watched_file
from mailframe.auth.htpasswd import HtpasswdChecker
from mailframe.auth.shadow import ShadowChecker
from mailframe.auth.twisted_directory import adapted
from mailframe.interfaces.auth import IUserDirectory
from tests.auth.at_once import LoginCase


class AdaptedCase(LoginCase):
    """``--auth`` of Twisted's."""

    def auth(self, text: str) -> Any:
        """Return what serves ``--auth text``."""
        checker = adapted(
            makeChecker(text), self.threads, "example.org", self.clock.seconds
        )
        verifyObject(ICredentialsChecker, checker)
        return checker

    def hashed(self, name: str, password: str) -> Deferred[Any]:
        """Log in by CRAM-MD5."""
        asked: Any = CramMD5Credentials(b"mail.example.org")
        digest = hmac.digest(password.encode(), asked.getChallenge(), "md5")
        asked.setResponse(f"{name} {digest.hex()}".encode())
        return self.checker.requestAvatarId(asked)


class MemoryTests(AdaptedCase):
    """``memory:alice:a:bob@example.net:b``."""

    def setUp(self) -> None:
        super().setUp()
        self.checker = self.auth("memory:alice:a:Bob@Example.NET:b:carl:")

    def test_login(self) -> None:
        """Users get in; an empty password is none."""
        self.assert_in("alice", "a", b"alice@example.org")
        self.assert_in("alice@example.org", "a", b"alice@example.org")
        self.assert_in("bob@example.net", "b", b"Bob@example.net")
        for name, password in (
            ("alice", "b"), ("carl", ""), ("zoe", ""), ("zoe", "\0"), ("alice", ""),
        ):  # fmt: skip
            self.assert_out(name, password)

    def test_hashed(self) -> None:
        """CRAM-MD5 works, not for nobody nor with an empty password."""
        self.assertIn(IUsernameHashedPassword, self.checker.credentialInterfaces)
        self.assertEqual(
            self.successResultOf(self.hashed("alice", "a")), b"alice@example.org"
        )
        for name, password in (("alice", "b"), ("carl", ""), ("zoe", "\0")):
            self.failureResultOf(self.hashed(name, password), UnauthorizedLogin)

    def test_find(self) -> None:
        """They can be written to."""
        verifyObject(IUserDirectory, self.checker)
        self.assertEqual(self.find("carl@example.org").address, "carl@example.org")
        self.assertIsNone(self.find("bob@example.org"))
        self.checker.default_domain = "example.com"
        self.assertEqual(self.checker.default_domain, "example.com")
        self.assertEqual(self.find("carl@example.com").address, "carl@example.com")

    def test_octets(self) -> None:
        """A list whose names are octets already is the same."""
        users = InMemoryUsernamePasswordDatabaseDontUse(alice=b"a")
        users.addUser(b"bob", b"b")
        self.checker = adapted(users, self.threads, "example.org")
        self.assert_in("bob", "b", b"bob@example.org")


class FileTests(AdaptedCase):
    """``file:PATH``."""

    def setUp(self) -> None:
        super().setUp()
        self.path = self.mktemp()
        self.write(self.path, "alice:a", "rubbish", "b b:x", "carl:", "dora:d:more")
        self.checker = self.auth(f"file:{self.path}")

    def test_login(self) -> None:
        """Users get in; an empty password is none."""
        self.assert_in("alice", "a", b"alice@example.org")
        self.assert_in("dora", "d", b"dora@example.org")
        for name, password in (("alice", "b"), ("carl", ""), ("zoe", "a")):
            self.assert_out(name, password)
        self.assertEqual(
            self.successResultOf(self.hashed("alice", "a")), b"alice@example.org"
        )

    def test_find(self) -> None:
        """They can be written to, and changes count."""
        verifyObject(IUserDirectory, self.checker)
        self.assertIsNone(self.find("zoe@example.org"))
        self.write(self.path, "zoe:z", "alice:other")
        self.assertEqual(self.find("zoe@example.org").address, "zoe@example.org")
        self.assert_out("alice", "a")
        self.checker.default_domain = "example.net"
        self.assert_in("zoe", "z", b"zoe@example.net")

    def test_in_thread(self) -> None:
        """The disk is not waited for."""
        self.find("alice@example.org")
        self.assertEqual(len(self.threads.calls), 1)

    def test_never_read(self) -> None:
        """A file that is not there is nobody's wrong password."""
        self.patch(watched_file, "_log", self)
        self.checker = adapted(
            FilePasswordDB(self.path + "-not"), self.threads, "example.org"
        )
        self.assert_unsure("alice", "a")
        self.assert_find_fails("alice@example.org")

    def test_with_hash(self) -> None:
        """One with a hash function of its own stays what it is."""
        other = FilePasswordDB(self.path, hash=lambda name, secret, stored: stored)
        self.assertIs(adapted(other, self.threads), other)


class OtherTests(AdaptedCase):
    """``unix``, ``anonymous``, and ours."""

    def test_unix(self) -> None:
        """The accounts of this machine, as with ``shadow``."""
        checker = self.auth("unix")
        self.assertIsInstance(checker, ShadowChecker)
        verifyObject(IUserDirectory, checker)
        self.assertEqual(checker.default_domain, "example.org")

    def test_anonymous(self) -> None:
        """All who say nothing of themselves are one user, whom nobody knows."""
        checker = self.auth("anonymous")
        self.assertEqual(checker.credentialInterfaces, (IAnonymous,))
        self.assertEqual(
            self.successResultOf(checker.requestAvatarId(Anonymous())),
            b"anonymous@example.org",
        )
        self.assertFalse(IUserDirectory.providedBy(checker))

    def test_ours(self) -> None:
        """Any other checker stays what it is."""
        ours = HtpasswdChecker("x", self.threads)
        self.assertIs(adapted(ours, self.threads), ours)
