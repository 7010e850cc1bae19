"""Tests of :mod:`mailframe.auth.table_checker`, over a table in memory."""

from collections.abc import Iterable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from zope.interface.verify import verifyObject

from mailframe.auth import table_checker
from mailframe.auth.passwd_line import PasswdUser
from mailframe.auth.passwd_table import PasswdTable
from mailframe.auth.table_checker import TableChecker
from mailframe.interfaces.auth import IUserDirectory
from tests.auth.at_once import LoginCase, sha


class Table(TableChecker):
    """A checker whose table is a list."""

    lines: Iterable[Any] = ()
    closed: tuple[str, ...] = ()

    async def table(self) -> PasswdTable:
        return self._table

    def forget(self) -> None:
        self._table = PasswdTable(self.lines, self.default_domain)

    def admits(self, user: PasswdUser) -> bool:
        return user.name not in self.closed


class TableCheckerTests(LoginCase):
    """Who has the password gets in, as the canonical address."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(table_checker, "_log", self)
        self.checker = Table(
            "a table", self.threads, "Example.ORG", seconds=self.clock.seconds
        )
        self.has(("alice", sha("a")), ("bob@example.net", sha("b")), ("carl", ""))

    def has(self, *users: tuple[str, str]) -> None:
        """Give the table these users."""
        self.checker.lines = [
            PasswdUser(number, *user) for number, user in enumerate(users, 1)
        ]
        self.checker.forget()

    def test_interfaces(self) -> None:
        """It is a checker and a directory."""
        verifyObject(ICredentialsChecker, self.checker)
        verifyObject(IUserDirectory, self.checker)

    def test_login(self) -> None:
        """Right and wrong passwords, with and without the domain."""
        self.assert_in("alice", "a", b"alice@example.org")
        self.assert_in("Alice@EXAMPLE.org", "a", b"alice@example.org")
        self.assert_in("bob@example.net", "b", b"bob@example.net")
        for name, password in (
            ("alice", "b"), ("bob", "b"), ("nobody", "a"), ("carl", "a"),
            ("a b", "a"), ("alice", ""), ("carl", ""), ("alice", "x" * 1025),
        ):  # fmt: skip
            self.assert_out(name, password)

    def test_not_utf_8(self) -> None:
        """A name that is not UTF-8 is nobody's."""
        self.failureResultOf(
            self.checker.requestAvatarId(UsernamePassword(b"\xff", b"a")),
            UnauthorizedLogin,
        )

    def test_unknown_user_costs_the_same(self) -> None:
        """For somebody unknown, or without a hash, one hash is computed too."""
        for name in ("nobody", "carl", "alice"):
            self.assert_out(name, "x")
            self.assertEqual(len(self.verified()), 1, name)

    def test_damaged_decoy(self) -> None:
        """The hash of somebody else that is damaged is not told of."""
        self.has(("alice", "{SHA256}AAAA"))
        self.assert_out("nobody", "x")
        self.assertEqual(self.logged, [])
        self.assert_out("alice", "x")
        self.assertIn("a table line 1: damaged", self.logged[0])
        self.assertNotIn("AAAA", self.logged[0])

    def test_no_hashes(self) -> None:
        """Where nobody can log in nothing is spent."""
        self.has(("alice", ""))
        self.assert_out("nobody", "x")
        self.assertEqual(self.verified(), [])

    def test_remembered(self) -> None:
        """A right password is verified once in a while, a wrong one always."""
        for _ in range(3):
            self.assert_in("alice", "a", b"alice@example.org")
            self.assert_out("alice", "x")
        passwords = [one[0] for one in self.verified()]
        self.assertEqual((passwords.count(b"a"), passwords.count(b"x")), (1, 3))
        self.has(("alice", sha("new")))
        self.assert_out("alice", "a")

    def test_closed(self) -> None:
        """The right password of a closed account is not enough, ever."""
        self.checker.closed = ("alice",)
        self.assert_out("alice", "a")
        self.assert_out("alice", "a")

    def test_too_many(self) -> None:
        """When too many wait, nobody is told that a password is wrong."""
        self.threads.full = True
        self.assert_unsure("alice", "a")
        self.assert_unsure("nobody", "a")

    def test_find(self) -> None:
        """Users are found by their address, with a password or without."""
        self.assertEqual(self.find("ALICE@example.org").address, "alice@example.org")
        self.assertEqual(self.find("carl@example.org").address, "carl@example.org")
        self.assertIsNone(self.find("alice@example.net"))

    def test_default_domain(self) -> None:
        """The default domain can be set, and counts at once."""
        self.checker.default_domain = "Example.COM"
        self.assertEqual(self.checker.default_domain, "example.com")
        self.assert_in("alice", "a", b"alice@example.com")

    def test_troubles_are_told_once(self) -> None:
        """What of a table is not used is told once, and not endlessly."""
        self.checker.lines = [(number, "is bad") for number in range(1, 31)]
        self.checker.forget()
        self.find("alice@example.org")
        self.find("alice@example.org")
        self.assertEqual(len(self.logged), 21)
        self.assertEqual(self.logged[-1], "a table: 10 lines more")
