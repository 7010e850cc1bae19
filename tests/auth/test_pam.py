"""Tests of :mod:`mailframe.auth.pam`; with a PAM of our own by libpam_wrapper."""

import glob
import os
import subprocess
import sys
from pathlib import Path

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.auth import pam
from mailframe.auth.pam import PAMChecker
from mailframe.auth.system_users import SystemUsers
from mailframe.interfaces.auth import IUserDirectory
from tests.auth.at_once import LoginCase
from tests.auth.test_shadow import ACCOUNTS
from tests.host import environment
from tests.peers import missing

MATRIX = "/usr/lib/*/pam_wrapper/pam_matrix.so"
WRAPPER = "/usr/lib/*/libpam_wrapper.so"

PROGRAM = """
import ctypes.util
import sys

# The library looks PAM up by itself, past what is preloaded.
find = ctypes.util.find_library
ctypes.util.find_library = lambda name: sys.argv[1] if name == "pam" else find(name)

from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from mailframe.auth.pam import PAM_THREADS, PAMChecker
from mailframe.auth.system_users import SystemUsers
from mailframe.auth.worker_threads import WorkerThreads


async def main():
    threads = WorkerThreads(reactor, "pam", **PAM_THREADS)
    for service in ("mailframe", "deny", "absent"):
        checker = PAMChecker(SystemUsers(threads), threads, service)
        for name, password in (
            (b"alice", b"open-sesame"), (b"alice", b"wrong"), (b"alice", b""),
            (b"bob", b"open-sesame"), (b"zoe", b"x"),
            (b"alice@example.net", b"open-sesame"),
        ):
            asked = UsernamePassword(name, password)
            try:
                answer = (await checker.requestAvatarId(asked)).decode()
            except Exception as error:
                answer = type(error).__name__
            print(service, answer)
    many = [
        checker.requestAvatarId(UsernamePassword(b"alice", b"open-sesame"))
        for checker in [PAMChecker(SystemUsers(threads), threads)] * 40
    ]
    print("many", {await one for one in many})


Deferred.fromCoroutine(main()).addErrback(print).addBoth(lambda _: reactor.stop())
reactor.run()
"""


class RealTests(SynchronousTestCase):
    """A real PAM, a service file of our own, and real threads."""

    def test_logins(self) -> None:
        """Right and wrong passwords, closed accounts, and a service that is not."""
        found = glob.glob(WRAPPER), glob.glob(MATRIX)
        if not all(found):
            missing("libpam-wrapper")
        [wrapper], [module] = found
        folder = Path(os.path.abspath(self.mktemp()))
        (folder / "services").mkdir(parents=True)
        users = folder / "users"
        users.write_text("alice:open-sesame:mailframe\nbob:open-sesame:other\n")
        for service, account in (("mailframe", module), ("deny", "pam_deny.so")):
            (folder / "services" / service).write_text(
                f"auth required {module} passdb={users}\n"
                f"account required {account} passdb={users}\n"
            )
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, wrapper],
            env={
                **environment(),
                "LD_PRELOAD": wrapper,
                "PAM_WRAPPER": "1",
                "PAM_WRAPPER_SERVICE_DIR": str(folder / "services"),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        no, unsure = "UnauthorizedLogin", "TemporaryFailure"
        self.assertEqual(
            ended.stdout.splitlines(),
            [
                *("mailframe alice@localhost", f"mailframe {no}", f"mailframe {no}"),
                *[f"mailframe {no}"] * 3,
                *[f"deny {no}"] * 6,
                *(f"absent {unsure}", f"absent {unsure}", f"absent {no}"),
                *(f"absent {unsure}", f"absent {unsure}", f"absent {no}"),
                "many {b'alice@localhost'}",
            ],
            ended.stderr,
        )
        self.assertNotIn("open-sesame", ended.stderr)


class CheckerTests(LoginCase):
    """What PAM says becomes an answer."""

    code = 0

    def setUp(self) -> None:
        super().setUp()
        self.patch(pam, "_log", self)
        self.asked: list[tuple[str, str, bytes]] = []
        self.users = SystemUsers(
            self.threads, "example.org", lookup=ACCOUNTS.__getitem__
        )
        self.checker = PAMChecker(self.users, self.threads, ask=self.ask)

    def ask(self, *question: str | bytes) -> int:
        """Answer as PAM does."""
        self.asked.append(question)  # type: ignore[arg-type]
        return self.code

    def test_interfaces(self) -> None:
        """It is a checker and a directory."""
        verifyObject(ICredentialsChecker, self.checker)
        verifyObject(IUserDirectory, self.checker)

    def test_names(self) -> None:
        """PAM gets the local part; the answer is spelled as the account is."""
        self.assert_in("alice@Example.ORG", "a", b"alice@example.org")
        self.assert_in("Alice", "a", b"alice@example.org")
        self.assert_in("zoe", "z", b"zoe@example.org")
        self.assertEqual(
            self.asked,
            [(pam.SERVICE, name, name[:1].lower().encode())
             for name in ("alice", "Alice", "zoe")],
        )  # fmt: skip

    def test_full_names(self) -> None:
        """PAM can have users with a domain."""
        self.checker = PAMChecker(
            self.users, self.threads, "other", full_names=True, ask=self.ask
        )
        self.assert_in("alice@Example.NET", "a", b"alice@example.net")
        self.assert_in("alice", "a", b"alice@example.org")
        self.assertEqual(
            self.asked,
            [
                ("other", "alice@example.net", b"a"),
                ("other", "alice@example.org", b"a"),
            ],
        )

    def test_not_asked(self) -> None:
        """What nobody can have is not asked, above all no empty password."""
        for name, password in (
            ("alice", ""), ("alice", "a\0b"), ("", "a"), ("a b", "a"), ("a\0", "a"),
            ("alice@example.net", "a"), ("alice", "x" * 1025),
        ):  # fmt: skip
            self.assert_out(name, password)
        self.failureResultOf(
            self.checker.requestAvatarId(UsernamePassword(b"\xff", b"a")),
            UnauthorizedLogin,
        )
        self.assertEqual(self.asked, [])

    def test_system_accounts(self) -> None:
        """Though PAM lets root in, mail does not."""
        for name in ("root", "nobody"):
            self.assert_out(name, "a")

    def test_codes(self) -> None:
        """Some codes refuse; the others are trouble, which is logged."""
        for code in range(1, 33):
            self.code = code
            if code in (6, 7, 8, 10, 11, 12, 13, 16, 27):
                self.assert_out("alice", "sesame")
                self.assertEqual(self.logged, [])
            else:
                self.assert_unsure("alice", "sesame")
                self.assertEqual(self.logged, [f"PAM service mailframe: code {code}"])
                self.logged.clear()

    def test_busy(self) -> None:
        """When too many wait, nobody is told that a password is wrong."""
        self.threads.full = True
        self.assert_unsure("alice", "a")

    def test_find(self) -> None:
        """Mail is for people who have an account."""
        self.assertEqual(self.find("bob@example.org").home, "/home/bob")
        self.assertIsNone(self.find("root@example.org"))
        self.checker.default_domain = "example.net"
        self.assertEqual(self.checker.default_domain, "example.net")
        self.assertEqual(self.find("bob@example.net").home, "/home/bob")
