"""Tests of :mod:`mailframe.auth.shadow`, ``shadow_hash`` and ``system_users``."""

import os
import pwd
import threading
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.auth import shadow_hash, table_checker
from mailframe.auth.passwd_line import PasswdUser
from mailframe.auth.shadow import ShadowChecker, parse_shadow
from mailframe.auth.shadow_hash import verify_system
from mailframe.auth.system_users import SystemUsers, uid_range
from mailframe.interfaces.auth import IUserDirectory
from tests.auth.at_once import LoginCase, ThreadsAtOnce

YESCRYPT = "$y$j9T$abcdefgh$9WNEpu8Mx2S4KNGvbVWKM6clOSoY6.YEl7AYF4DGV04"
"""Of the password "x", by libxcrypt's crypt(3)."""

SHA512 = (
    "$6$rounds=1000$Cs7XBGflbiKLpR7u$rvcvSSCdoLcEbJ1BShTo4OorteZSVKPlY8h2frmx"
    "letlVd6uFfyP9j5DqzPp6exdLCJTEB2oq5/oo3Wg/hRqN0"
)
"""Of "open-sesame"."""


def account(name: str, uid: int) -> pwd.struct_passwd:
    """Return an account as the system does."""
    return pwd.struct_passwd((name, "x", uid, 100, name, f"/home/{name}", "/bin/sh"))


ACCOUNTS = {
    one.pw_name: one
    for one in (
        account("root", 0),
        account("alice", 1000),
        account("bob", 1001),
        account("nobody", 65534),
    )
}


class VerifySystemTests(SynchronousTestCase):
    """The system's library compares."""

    def test_schemes(self) -> None:
        """Old and new schemes, one password right and others wrong."""
        for secret, stored in (
            (b"x", YESCRYPT),
            (b"open-sesame", SHA512),
            (b"open-sesame", "Hp/WwlNYlS2Eo"),
        ):
            self.assertTrue(verify_system(secret, stored))
            for wrong in (b"y", b"", secret + b"\0", b"x" * 1025, b"\xff"):
                self.assertFalse(verify_system(wrong, stored))

    def test_locked(self) -> None:
        """What is locked or empty is nobody's password."""
        for stored in ("", "*", "!", "!*", f"!{SHA512}", "*0"):
            for secret in (b"", b"x", b"open-sesame"):
                self.assertFalse(verify_system(secret, stored))

    def test_unknown(self) -> None:
        """What the system does not know is told, without the hash."""
        for stored in ("$99$abcdefgh$sesame", "x", "$y$!!$sesame"):
            error = self.assertRaises(ValueError, verify_system, b"x", stored)
            self.assertNotIn("sesame", str(error))

    def test_without_library(self) -> None:
        """Without libxcrypt our own schemes do."""
        self.patch(shadow_hash, "_crypt_rn", lambda: None)
        self.assertTrue(verify_system(b"open-sesame", SHA512))
        self.assertRaises(ValueError, verify_system, b"x", YESCRYPT)

    def test_in_threads(self) -> None:
        """Several threads do not disturb each other."""
        found: list[bool] = []

        def work(number: int) -> None:
            secret = b"open-sesame" if number % 2 else b"wrong"
            found.extend(
                verify_system(secret, SHA512) is bool(number % 2) for _ in range(20)
            )

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [True] * 80)


class ParseTests(SynchronousTestCase):
    """Lines of shadow(5) become users."""

    def one(self, line: str) -> PasswdUser:
        """Return the user of a line."""
        [user] = parse_shadow(line.encode())
        assert isinstance(user, PasswdUser)
        return user

    def test_stored(self) -> None:
        """Who is locked has no hash, and is no decoy either."""
        self.assertEqual(self.one("alice:$y$x:19000:0:99999:7:::").stored, "$y$x")
        for field in ("!$y$x", "*", "!", ""):
            self.assertEqual(self.one(f"alice:{field}:1:0:99999:7:::").stored, "")

    def test_closes(self) -> None:
        """The first of the days on which something ends counts."""
        for dates, closes in (
            (":::::", None),
            ("19000:0:99999:7::", "1181000"),
            ("19000:0:90:7::", "19091"),
            ("19000:0:90:7:10:", "19101"),
            ("19000:0:90:7:10:19050", "19050"),
            ("0:0:99999:7::", "0"),
            (":0:90:7::20000", "20000"),
            ("19000:0:-1:7:-1:-1", None),
        ):
            user = self.one(f"alice:$y$x:{dates}:")
            expected = str(19000 + 99999 + 1) if closes == "1181000" else closes
            self.assertEqual(user.extra.get("closes"), expected, dates)

    def test_bad_lines(self) -> None:
        """What cannot be read lets nobody in."""
        self.assertEqual(self.one("alice:$y$x:soon:0:1:7:::").stored, "")
        self.assertEqual(
            list(parse_shadow(b"\nalice:x\nalice\n")),
            [
                (2, "not the nine fields of a user"),
                (3, "not the nine fields of a user"),
            ],
        )


class SystemUsersTests(SynchronousTestCase):
    """People have an address, the system's own accounts have none."""

    def setUp(self) -> None:
        self.users = SystemUsers(
            ThreadsAtOnce(),  # type: ignore[arg-type]
            "Example.ORG",
            lookup=ACCOUNTS.__getitem__,
        )

    def find(self, address: str) -> Any:
        """Return what the directory says."""
        return self.successResultOf(Deferred.fromCoroutine(self.users.find(address)))

    def test_people(self) -> None:
        """With home and IDs, whatever the case."""
        entry = self.find("alice@example.org")
        self.assertEqual(entry.address, "alice@example.org")
        self.assertEqual(entry.home, "/home/alice")
        self.assertEqual(entry.extra["uid"], "1000")
        self.assertEqual(self.find("Alice@example.org"), entry)

    def test_others(self) -> None:
        """No other domain, no system account, no strange name."""
        for address in (
            "alice@example.net", "root@example.org", "nobody@example.org",
            "zoe@example.org", "a b@example.org", "\0@example.org", "@example.org",
        ):  # fmt: skip
            self.assertIsNone(self.find(address), address)

    def test_default_domain(self) -> None:
        """Another default domain counts at once."""
        self.find("alice@example.net")
        self.users.default_domain = "Example.NET"
        self.assertEqual(self.find("alice@example.net").address, "alice@example.net")
        self.assertIsNone(self.find("alice@example.org"))

    def test_range(self) -> None:
        """A range is two numbers in order, both included."""
        self.assertEqual(uid_range("5-7"), range(5, 8))
        for text in ("", "5", "7-5", "a-b", "-1-5", "1-99999999999"):
            self.assertRaises(ValueError, uid_range, text)

    def test_real(self) -> None:
        """The system itself is asked."""
        me = pwd.getpwuid(os.getuid())
        users = SystemUsers(
            ThreadsAtOnce(),  # type: ignore[arg-type]
            uids=range(me.pw_uid, me.pw_uid + 1),
        )
        found: Any = self.successResultOf(
            Deferred.fromCoroutine(users.find(f"{me.pw_name}@localhost"))
        )
        self.assertEqual(found.home, me.pw_dir)


class CheckerTests(LoginCase):
    """The file and the accounts together are a checker and a directory."""

    today = 20_000

    def setUp(self) -> None:
        super().setUp()
        self.patch(table_checker, "_log", self)
        self.path = self.mktemp()
        users = SystemUsers(
            self.threads, seconds=self.clock.seconds, lookup=ACCOUNTS.__getitem__
        )
        self.checker = ShadowChecker(
            users,
            self.threads,
            self.path,
            seconds=self.clock.seconds,
            now=lambda: self.today * 86_400.0,
        )
        self.checker.default_domain = "example.org"
        self.write(
            self.path,
            f"root:{SHA512}:19000:0:99999:7:::",
            f"alice:{SHA512}:19000:0:99999:7:::",
            f"bob:!{SHA512}:19000:0:99999:7:::",
            f"gone:{SHA512}:19000:0:99999:7:::",
        )

    def test_interfaces(self) -> None:
        """It is a checker and a directory."""
        verifyObject(ICredentialsChecker, self.checker)
        verifyObject(IUserDirectory, self.checker)

    def test_login(self) -> None:
        """People get in; the system's accounts and absent ones do not."""
        self.assert_in("alice", "open-sesame", b"alice@example.org")
        self.assert_in("ALICE@example.org", "open-sesame", b"alice@example.org")
        for name in ("root", "bob", "gone", "zoe", "alice@example.net"):
            self.assert_out(name, "open-sesame")
        self.assert_out("alice", "")
        self.assert_out("alice", "wrong")

    def test_expires(self) -> None:
        """On the day it says an account closes, though the password was cached."""
        self.write(self.path, f"alice:{SHA512}:19000:0:99999:7::20001:")
        self.assert_in("alice", "open-sesame", b"alice@example.org")
        self.today = 20_001
        self.assert_out("alice", "open-sesame")

    def test_unreadable(self) -> None:
        """Without the file nobody's password is wrong, and everybody exists."""
        os.unlink(self.path)
        self.assert_unsure("alice", "open-sesame")
        self.assertEqual(self.find("bob@example.org").home, "/home/bob")
