"""Tests of :mod:`mailframe.auth.static`."""

from typing import Any

from mailframe.auth.static import AnybodyChecker, OneUserChecker, static_checker
from tests.auth.at_once import LoginCase, sha


class ArgumentTests(LoginCase):
    """What may be written on the command line."""

    def test_kinds(self) -> None:
        """A name is one user, ``*`` is anybody."""
        one = static_checker("alice:{PLAIN}a:b", self.threads)
        self.assertIsInstance(one, OneUserChecker)
        self.assertIsInstance(
            static_checker("*:{PLAIN}a", self.threads), AnybodyChecker
        )
        self.checker = one
        self.assert_in("alice", "a:b", b"alice@localhost")

    def test_refused(self) -> None:
        """Whoever forgets something is told, and no secret is repeated."""
        for text in (
            "", "alice", "alice:", ":{PLAIN}sesame", "al ice:{PLAIN}sesame",
            "alice:!sesame", "*:*", "alice:sesame", "alice:{ROT13}sesame",
        ):  # fmt: skip
            error = self.assertRaises(ValueError, static_checker, text, self.threads)
            self.assertNotIn("sesame", str(error))


class OneUserTests(LoginCase):
    """One user, and nobody else."""

    def setUp(self) -> None:
        super().setUp()
        self.checker = OneUserChecker("alice", sha("a"), self.threads, "example.org")

    def test_login(self) -> None:
        """With his password he gets in, others never."""
        self.assert_in("alice@example.org", "a", b"alice@example.org")
        for name, password in (("alice", "b"), ("bob", "a"), ("alice", "")):
            self.assert_out(name, password)

    def test_find(self) -> None:
        """He is there, at whatever the default domain is."""
        self.checker.default_domain = "example.net"
        self.assertEqual(self.find("alice@example.net").address, "alice@example.net")
        self.assertIsNone(self.find("alice@example.org"))


class AnybodyTests(LoginCase):
    """Every name, one password."""

    def setUp(self) -> None:
        super().setUp()
        self.checker = self.made(sha("a"))

    def made(self, stored: str) -> Any:
        """Return a checker for what is stored."""
        return AnybodyChecker(
            stored, self.threads, "example.org", seconds=self.clock.seconds
        )

    def test_login(self) -> None:
        """Who has the password is who he says he is."""
        self.assert_in("alice", "a", b"alice@example.org")
        self.assert_in("bob@Example.NET", "a", b"bob@example.net")
        self.assertEqual(len(self.verified()), 1)
        for name, password in (("alice", "b"), ("alice", ""), ("a b", "a"), ("", "a")):
            self.assert_out(name, password)

    def test_damaged(self) -> None:
        """A damaged hash lets nobody in."""
        self.checker = self.made("{SHA256}AAAA")
        self.assert_out("alice", "a")

    def test_find(self) -> None:
        """Every address exists; what can be none does not."""
        self.assertEqual(self.find("bob@example.net").address, "bob@example.net")
        self.assertIsNone(self.find("a b@example.net"))
