"""The code in ``docs/howto`` is whole and does what the text says."""

import os
import re
import sqlite3
import sys
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

from argon2 import PasswordHasher
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.model.mailbox import INBOX
from tests.test_plugins import TWISTD, python

HOWTO = Path(__file__).resolve().parent.parent / "docs" / "howto"

_BLOCK = re.compile(
    r"^``(\S+\.py)``:\n\n\.\. code-block:: python\n\n((?:(?: {3}.*)?\n)+)",
    re.MULTILINE,
)


class HowtoTests(TestCase):
    """Each how-to's blocks are written to files, and used as it says."""

    def page(self, name: str) -> str:
        """Write the files of a page; return where they are, now importable."""
        folder = os.path.abspath(str(self.mktemp()))
        for file, code in _BLOCK.findall((HOWTO / name).read_text("utf-8")):
            path = Path(folder, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(code), "utf-8")
        self.patch(sys, "path", [folder, *sys.path])
        self.addCleanup(
            lambda: [
                sys.modules.pop(path.stem, None) for path in Path(folder).glob("*.py")
            ]
        )
        return folder

    def staff(self, folder: str) -> str:
        """Make a database with one user; return its path."""
        path = os.path.join(folder, "staff.db")
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE staff (address TEXT, secret TEXT)")
            secret = PasswordHasher(time_cost=1, memory_cost=64).hash("open sesame")
            database.execute(
                "INSERT INTO staff VALUES ('ann@example.org', ?)", [secret]
            )
        database.close()
        return path

    async def test_checker(self) -> None:
        """The checker lets the right one in and knows who there is."""
        folder = self.page("checker.rst")
        checker = import_module("staff_checker").StaffChecker(self.staff(folder))
        verifyObject(ICredentialsChecker, checker)
        verifyObject(IUserDirectory, checker)
        found = await checker.requestAvatarId(
            UsernamePassword(b"ann@example.org", b"open sesame")
        )
        self.assertEqual(found, b"ann@example.org")
        self.assertEqual(
            await checker.find("ann@example.org"), UserEntry("ann@example.org")
        )
        self.assertIsNone(await checker.find("bob@example.org"))
        for name in (b"ann@example.org", b"bob@example.org"):
            with self.assertRaises(UnauthorizedLogin):
                await checker.requestAvatarId(UsernamePassword(name, b"guess"))

    async def test_checker_in_trouble(self) -> None:
        """A database that cannot be read is nobody's wrong password."""
        folder = self.page("checker.rst")
        checker = import_module("staff_checker").StaffChecker(
            os.path.join(folder, "nothing.db")
        )
        with self.assertRaises(TemporaryFailure):
            await checker.requestAvatarId(UsernamePassword(b"ann", b"open sesame"))

    def test_checker_factory(self) -> None:
        """``--help-auth`` shows the checker."""
        folder = self.page("checker.rst")
        shown = python(TWISTD, "mailframe", "--help-auth", path=(folder,))
        self.assertIn("staff", shown)
        self.assertIn("PATH of the SQLite file", shown)

    async def test_realm(self) -> None:
        """The realm gives an account with one letter, the same each time."""
        self.page("realm.rst")
        host = SimpleNamespace(reactor=Clock())
        letter = "Subject: hello\n\nhello\n"
        realm = import_module("welcome_realm").WelcomeRealm(letter, host)
        for _ in range(2):
            interface, account, log_out = await realm.requestAvatar(
                b"ann@example.org", None, IMailAccount
            )
            self.assertIs(interface, IMailAccount)
            verifyObject(IMailAccount, account)
            self.assertEqual((await account.status(INBOX)).messages, 1)
            log_out()

    def test_realm_factory(self) -> None:
        """``--help-realm`` shows the realm."""
        folder = self.page("realm.rst")
        shown = python(TWISTD, "mailframe", "--help-realm", path=(folder,))
        self.assertIn("welcome:ARGS", shown)
        self.assertIn("FILE with the letter", shown)

    def test_realm_contract(self) -> None:
        """The test module of the page loads, and its tests pass."""
        folder = self.page("realm.rst")
        shown = python(
            "import sys; from twisted.scripts.trial import run; run()",
            *("--temp-directory", os.path.join(folder, "trial"), "test_my_store"),
            path=(folder,),
        )
        self.assertRegex(shown, r"PASSED \(successes=[1-9]")
