"""Tests of :mod:`mailframe.auth.passwd_checker`."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred, execute
from zope.interface.verify import verifyObject

from mailframe.auth import passwd_checker
from mailframe.auth.passwd_checker import PasswdFileChecker
from mailframe.auth.password_hash import verify
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory
from tests.auth.at_once import LoginCase


def sha(password: str) -> str:
    """Return a hash that is quick to make, and not the password itself."""
    digest = hashlib.sha256(password.encode()).digest()
    return "{SHA256}" + b64encode(digest).decode()


class Threads:
    """Runs what is to run in a thread, at once or when told to."""

    def __init__(self) -> None:
        self.later = False
        self.held: list[Callable[[], None]] = []
        self.verified: list[tuple[bytes, str]] = []

    def run(self, call: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Do as ``deferToThread`` does."""
        if call is verify:
            self.verified.append(args)  # type: ignore[arg-type]
            if self.later:
                done: Deferred[Any] = Deferred()
                self.held.append(lambda: done.callback(call(*args)))
                return done
        return execute(call, *args)


class CheckerCase(LoginCase):
    """A checker with a file, a clock and threads of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.threads = Threads()
        self.path = self.mktemp()
        self.checker = PasswdFileChecker(
            self.path,
            "example.org",
            seconds=self.clock.seconds,
            run=self.threads.run,
            verifiers=2,
        )

    def write(self, *lines: str) -> None:
        """Make the file have these lines, and let it be noticed."""
        super().write(self.path, *lines)


class LoginTests(CheckerCase):
    """Who has the password gets in, as the canonical address."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(passwd_checker, "_log", self)

    def test_interfaces(self) -> None:
        """It is a checker and a directory."""
        verifyObject(ICredentialsChecker, self.checker)
        verifyObject(IUserDirectory, self.checker)

    def test_login(self) -> None:
        """Right and wrong passwords, with and without the domain."""
        self.write(f"alice:{sha('pä ss')}", f"Bob@Example.NET:{sha('b')}")
        self.assert_in("alice", "pä ss", b"alice@example.org")
        self.assert_in("ALICE@Example.ORG", "pä ss", b"alice@example.org")
        self.assert_in("bob@example.net", "b", b"Bob@example.net")
        for name, password in (
            ("alice", "wrong"), ("alice", "b"), ("bob", "b"), ("nobody", "b"),
            ("alice@example.net", "pä ss"), ("alice@", "pä ss"),
        ):  # fmt: skip
            self.assert_out(name, password)

    def test_unusable(self) -> None:
        """No password, no hash, no such octets: nobody gets in, nothing is spent."""
        self.write("alice:{PLAIN}", "bob:", f"carl:{sha('')}")
        for name in ("alice", "bob", "carl"):
            self.assert_out(name, "")
            self.assert_out(name, "x" * 1025)
            self.assert_out(name, "\0")
        self.failureResultOf(
            self.checker.requestAvatarId(UsernamePassword(b"\xff", b"x")),
            UnauthorizedLogin,
        )
        self.assertEqual(self.threads.verified, [])

    def test_changed_password(self) -> None:
        """A changed password counts a second later, though the old one was cached."""
        self.write(f"alice:{sha('old')}")
        self.assert_in("alice", "old", b"alice@example.org")
        self.write(f"alice:{sha('newer')}")
        self.assert_out("alice", "old")
        self.assert_in("alice", "newer", b"alice@example.org")

    def test_cached(self) -> None:
        """The right password is verified once in five minutes, a wrong one always."""
        self.write(f"alice:{sha('a')}")
        for _ in range(3):
            self.assert_in("alice", "a", b"alice@example.org")
            self.assert_out("alice", "b")
        self.assertEqual([one[0] for one in self.threads.verified].count(b"a"), 1)
        self.assertEqual([one[0] for one in self.threads.verified].count(b"b"), 3)
        self.clock.advance(300)
        self.assert_in("alice", "a", b"alice@example.org")
        self.assertEqual([one[0] for one in self.threads.verified].count(b"a"), 2)

    def test_unknown_user_costs_the_same(self) -> None:
        """For somebody unknown or without a hash a known hash is checked too."""
        self.write(f"alice:{sha('a')}", "bob:", f"carl:{sha('c')}")
        for name in ("nobody", "bob"):
            self.threads.verified.clear()
            for password in ("a", "c"):
                self.assert_out(name, password)
            hashes = {stored for _, stored in self.threads.verified}
            self.assertEqual(len(self.threads.verified), 2)
            # The same one for a name each time, as a real user has one hash.
            self.assertEqual(len(hashes), 1)
            self.assertIn(hashes.pop(), (sha("a"), sha("c")))

    def test_never_read(self) -> None:
        """Without a file it is not known who may come in: that is no wrong password."""
        self.failureResultOf(self.login("alice", "a"), TemporaryFailure)

    def test_damaged_hash(self) -> None:
        """A damaged hash is told with its line; the others get in."""
        self.write("alice:{SHA256}AAAA", f"bob:{sha('b')}")
        self.assert_out("alice", "a")
        [event] = self.flush_log()
        self.assertIn("line 1", event)
        self.assertNotIn("AAAA", event)
        self.assert_in("bob", "b", b"bob@example.org")

    def test_damaged_decoy(self) -> None:
        """For somebody unknown a damaged hash is a refusal too, and is not told."""
        self.write("alice:{SHA256}AAAA")
        self.assert_out("nobody", "a")
        self.assertEqual(self.flush_log(), [])

    def test_no_hashes(self) -> None:
        """Where nobody can log in nothing is spent."""
        self.write("alice:")
        self.assert_out("nobody", "a")
        self.assertEqual(self.threads.verified, [])

    def test_bad_lines_are_told(self) -> None:
        """Bad lines are told once for each version of the file, and not endlessly."""
        self.write(*["rubbish"] * 30, f"bob:{sha('b')}")
        self.assert_in("bob", "b", b"bob@example.org")
        self.assert_in("bob", "b", b"bob@example.org")
        events = self.flush_log()
        self.assertEqual(len(events), 21)
        self.assertIn("line 1: does not begin", events[0])
        self.assertIn("10 lines more", events[-1])

    def test_default_domain(self) -> None:
        """The default domain can be set, and counts at once."""
        self.write(f"alice:{sha('a')}")
        self.assert_in("alice", "a", b"alice@example.org")
        self.checker.default_domain = "Example.NET"
        self.assertEqual(self.checker.default_domain, "example.net")
        self.assert_in("alice", "a", b"alice@example.net")

    def flush_log(self) -> list[str]:
        """Return what was logged since the last time."""
        logged, self.logged = self.logged, []
        return logged


class VerifierTests(CheckerCase):
    """Verifying is dear: so many at a time, so many waiting, and no more."""

    def setUp(self) -> None:
        super().setUp()
        self.write(f"alice:{sha('a')}")
        self.threads.later = True

    def test_at_a_time(self) -> None:
        """Two run, the third begins when one of them has ended."""
        logins = [self.login("alice", "a") for _ in range(3)]
        self.assertEqual(len(self.threads.held), 2)
        self.threads.held.pop(0)()
        self.assertEqual(len(self.threads.held), 2)
        for call in self.threads.held:
            call()
        for login in logins:
            self.assertEqual(self.successResultOf(login), b"alice@example.org")

    def test_client_gone_while_running(self) -> None:
        """A thread that runs keeps its place, though nobody waits for it."""
        gone = [self.login("alice", "a") for _ in range(2)]
        for login in gone:
            login.cancel()
            self.failureResultOf(login, CancelledError)
        third = self.login("alice", "a")
        self.assertEqual(len(self.threads.held), 2)
        for call in self.threads.held[:]:
            call()
        self.threads.held[2]()
        self.assertEqual(self.successResultOf(third), b"alice@example.org")

    def test_client_gone_while_waiting(self) -> None:
        """Who waits and leaves costs nothing."""
        logins = [self.login("alice", "a") for _ in range(3)]
        logins[2].cancel()
        self.failureResultOf(logins[2], CancelledError)
        for call in self.threads.held[:]:
            call()
        self.assertEqual(len(self.threads.held), 2)

    def test_too_many(self) -> None:
        """When too many wait, the next is told to come again later."""
        self.patch(passwd_checker, "_WAITING", 3)
        for _ in range(2 + 3):
            self.login("alice", "a")
        self.failureResultOf(self.login("alice", "a"), TemporaryFailure)


class FindTests(CheckerCase):
    """Addresses are found without a password."""

    def test_entry(self) -> None:
        """Home, quota, aliases and the rest come with the canonical address."""
        self.write(
            "alice:{ROT13}x:1:2::/home/a::aliases=sales,x@Example.NET quota=1M x=y"
        )
        entry = self.find("ALICE@example.org")
        self.assertEqual(entry.address, "alice@example.org")
        self.assertEqual(entry.aliases, ("sales@example.org", "x@example.net"))
        self.assertEqual((entry.quota, entry.home), (1 << 20, "/home/a"))
        self.assertEqual(entry.extra, {"uid": "1", "gid": "2", "x": "y"})
        self.assertEqual(self.find("sales@example.org"), entry)

    def test_unknown(self) -> None:
        """Somebody who is not there is not there."""
        self.write("alice:")
        self.assertIsNone(self.find("bob@example.org"))
        self.assertIsNone(self.find("alice@example.net"))

    def test_never_read(self) -> None:
        """Without a file nobody is unknown."""
        self.assert_find_fails("a@example.org")
