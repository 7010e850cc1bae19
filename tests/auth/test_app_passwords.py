"""Tests of :mod:`mailframe.auth.app_passwords`."""

import os
import re
import stat
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth import app_passwords
from mailframe.auth.app_passwords import (
    SCOPES,
    AppPasswordChecker,
    AppPasswordFile,
    parse_line,
)
from mailframe.auth.edited_file import EditedFile
from mailframe.auth.portal import MindfulCredentials
from mailframe.auth.refusal import RefusedLogin
from mailframe.interfaces.auth import UserEntry, UsernamePassword
from tests.auth.at_once import LoginCase
from tests.auth.doubles import Directory, mind

ALL = frozenset(SCOPES)


class FileTests(SynchronousTestCase):
    """What is kept, and what is not."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.file = AppPasswordFile(self.path)

    def text(self) -> str:
        """Return what is in the file."""
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def test_add(self) -> None:
        """A secret of 128 bits, told once; the file has its digest, for us alone."""
        made, secret = self.file.add(
            "alice@Example.org", "my phöne: old", frozenset({"imap"}), 1000.5, 2000.5
        )
        self.assertRegex(secret, r"\A(?:[a-z2-7]{5}-){5}[a-z2-7]\Z")
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertNotIn(secret, self.text())
        self.assertNotIn(secret.replace("-", ""), self.text())
        self.assertEqual(self.file.list(), [made])
        self.assertEqual(made.address, "alice@example.org")
        self.assertEqual((made.created, made.expires), (1000, 2000))
        self.assertEqual(made.label, "my phöne: old")
        self.assertNotIn(made.digest, repr(made))

    def test_each_other(self) -> None:
        """No two are alike."""
        secrets = {self.file.add("a@b", "x", ALL, 0)[1] for _ in range(20)}
        self.assertEqual(len(secrets), 20)
        self.assertEqual(len({one.id for one in self.file.list()}), 20)

    def test_list_and_remove(self) -> None:
        """A user's are listed; each is taken away by itself."""
        one, _ = self.file.add("a@b.example", "one", ALL, 0)
        two, _ = self.file.add("a@b.example", "two", ALL, 0)
        other, _ = self.file.add("c@b.example", "x", ALL, 0)
        self.assertEqual(self.file.list("A@b.example"), [one, two])
        self.file.remove("a@b.example", one.id)
        self.assertEqual(self.file.list(), [two, other])
        for address, identity in (("a@b.example", one.id), ("a@b.example", other.id)):
            self.assertRaises(ValueError, self.file.remove, address, identity)
        self.assertEqual(self.file.list(), [two, other])

    def test_bad_arguments(self) -> None:
        """What would be another line, or nobody's, is refused."""
        for address, label, scope in (
            ("a", "x", ALL),
            ("a:b@c", "x", ALL),
            ("a\n@b", "x", ALL),
            ("a@b", "", ALL),
            ("a@b", " ", ALL),
            ("a@b", "x\ny", ALL),
            ("a@b", "x" * 65, ALL),
            ("a@b", "x", frozenset()),
            ("a@b", "x", frozenset({"smtp"})),
        ):
            self.assertRaises(ValueError, self.file.add, address, label, scope, 0)
        self.assertFalse(os.path.exists(self.path))

    def test_so_many(self) -> None:
        """A user has so many, and no more."""
        self.patch(app_passwords, "_MOST", 2)
        for _ in range(2):
            self.file.add("a@b", "x", ALL, 0)
        self.assertRaises(ValueError, self.file.add, "A@b", "x", ALL, 0)
        self.file.add("c@b", "x", ALL, 0)

    def test_make(self) -> None:
        """An empty file is made, and one that is there stays."""
        self.file.make()
        self.assertEqual(self.text(), "")
        self.file.add("a@b", "x", ALL, 0)
        self.file.make()
        self.assertEqual(len(self.file.list()), 1)

    def test_lines(self) -> None:
        """Comments are none, damaged lines are told of."""
        digest = "0" * 64
        good = f"a@b:id:{digest}:1:2:imap:x:y"
        found: Any = parse_line(good)
        self.assertEqual(found.line(), good)
        self.assertIsNone(parse_line("# comment"))
        self.assertIsNone(parse_line("  "))
        for line in (
            "a@b:id", f"a:id:{digest}:1:2:imap:x", f"a@b:id:{digest}:1:2:smtp:x",
            f"a@b:id:{digest}:one:2:imap:x", "a@b:id:00:1:2:imap:x",
            f"a@b:id:{digest}:1:2::x",
        ):  # fmt: skip
            self.assertRaises(ValueError, parse_line, line)

    def test_others_lines_stay(self) -> None:
        """What somebody wrote by hand stays, and octets that are no UTF-8 do."""
        with open(self.path, "wb") as file:
            file.write(b"# \xff note\nrubbish")
        self.file.add("a@b", "x", ALL, 0)
        with open(self.path, "rb") as file:
            self.assertTrue(file.read().startswith(b"# \xff note\nrubbish\na@b:"))
        self.assertEqual(len(self.file.list()), 1)

    def test_replaced_whole(self) -> None:
        """When a change fails nothing of it is there, nor a file left over."""
        path = os.path.join(self.mktemp(), "file")
        os.makedirs(os.path.dirname(path))
        file = EditedFile(path)
        file.change(lambda lines: ["one"])

        def fail(lines: list[str]) -> list[str]:
            raise ValueError

        self.assertRaises(ValueError, file.change, fail)
        self.patch(os, "rename", lambda old, new: 1 // 0)
        self.assertRaises(ZeroDivisionError, file.change, lambda lines: ["two"])
        self.assertEqual(file.lines(), ["one"])
        self.assertEqual(
            sorted(os.listdir(os.path.dirname(path))), ["file", "file.lock"]
        )


class CheckerTests(LoginCase):
    """Who comes in, where to, and until when."""

    def setUp(self) -> None:
        super().setUp()
        self.path = self.mktemp()
        self.file = AppPasswordFile(self.path)
        self.file.make()
        self.directory = Directory(UserEntry("alice@example.org"))
        self.clock.advance(1000)
        self.checker = AppPasswordChecker(
            self.path,
            self.directory,
            "example.org",
            seconds=self.clock.seconds,
            run=self.threads.run,
        )

    def add(self, address: str = "alice@example.org", **settings: Any) -> str:
        """Make a password and let it be noticed."""
        values: dict[str, Any] = {"scope": ALL, "expires": 0, **settings}
        _, secret = self.file.add(address, "x", now=0, **values)
        self.clock.advance(1)
        return secret

    def login(self, name: str, password: str, service: str = "imap") -> Deferred[Any]:
        """Ask for somebody's avatar ID."""
        credentials = UsernamePassword(name.encode(), password.encode())
        asked = MindfulCredentials(credentials, mind(service))
        return self.checker.requestAvatarId(asked)

    def assert_refused(self, found: Deferred[Any], reason: str) -> None:
        """Make sure the log can say why."""
        self.assertEqual(self.failureResultOf(found, RefusedLogin).value.reason, reason)

    def test_login(self) -> None:
        """With it one comes in, however name and secret are written."""
        secret = self.add()
        for name in ("alice", "Alice@EXAMPLE.org"):
            self.assert_in(name, secret, b"alice@example.org")
        for typed in (secret.replace("-", ""), secret.replace("-", " ").upper()):
            self.assert_in("alice", typed, b"alice@example.org")

    def test_wrong(self) -> None:
        """Another secret, or another's, is none; nor is what cannot be one."""
        secret = self.add()
        self.directory.entries["bob@example.org"] = UserEntry("bob@example.org")
        theirs = self.add("bob@example.org")
        self.assert_out("alice", theirs)
        self.assert_out("nobody", secret)
        self.assert_out("a b", secret)
        other = ("b" if secret[0] == "a" else "a") + secret[1:]
        for typed in (other, secret[:-1], secret + "a", "", "-", "x" * 100, "é" * 13):
            self.assert_out("alice", typed)

    def test_digest_is_no_password(self) -> None:
        """Who reads the file cannot log in."""
        self.add()
        [one] = self.file.list()
        self.assert_out("alice", one.digest)
        self.assert_out("alice", one.digest[:26])

    def test_scope(self) -> None:
        """For its services only; and not where the service is not known."""
        secret = self.add(scope=frozenset({"imap", "submission"}))
        for service in ("imap", "submission"):
            self.successResultOf(self.login("alice", secret, service))
        for service in ("pop3", "smtp", ""):
            self.assert_refused(self.login("alice", secret, service), "scope")
        bare = UsernamePassword(b"alice", secret.encode())
        self.assert_refused(self.checker.requestAvatarId(bare), "scope")

    def test_expiry(self) -> None:
        """Until it expires."""
        secret = self.add(expires=self.clock.seconds() + 100)
        self.successResultOf(self.login("alice", secret))
        self.clock.advance(98)
        self.successResultOf(self.login("alice", secret))
        self.clock.advance(1)
        self.assert_refused(self.login("alice", secret), "expired")

    def test_taken_away(self) -> None:
        """What is taken away counts no more after a second."""
        secret = self.add()
        self.successResultOf(self.login("alice", secret))
        [one] = self.file.list()
        self.file.remove("alice@example.org", one.id)
        self.clock.advance(1)
        self.assert_out("alice", secret)

    def test_user_gone(self) -> None:
        """A user who is gone, or whose address is another's now, is kept out."""
        secret = self.add()
        self.directory.entries["alice@example.org"] = UserEntry("bob@example.org")
        self.assert_refused(self.login("alice", secret), "closed")
        del self.directory.entries["alice@example.org"]
        self.assert_refused(self.login("alice", secret), "closed")

    def test_unsure(self) -> None:
        """While the directory or the file cannot be asked, nobody is refused."""
        secret = self.add()
        self.directory.away = True
        self.assert_unsure("alice", secret)
        self.assert_out("alice", secret[:-1])
        os.unlink(self.path)
        self.checker = AppPasswordChecker(
            self.path,
            self.directory,
            "example.org",
            seconds=self.clock.seconds,
            run=self.threads.run,
        )
        self.assert_unsure("alice", secret)

    def test_troubles(self) -> None:
        """Damaged lines are told of once, by number, and keep nobody else out."""
        self.patch(app_passwords, "_log", self)
        secret = self.add()
        with open(self.path, "ab") as file:
            file.write(b"hush:x\n")
        self.clock.advance(1)
        for _ in range(2):
            self.successResultOf(self.login("alice", secret))
        [line] = self.logged
        self.assertTrue(re.search("line 2: has not seven fields", line))
        self.assertNotIn("hush", line)
