"""The checkers of ``mailframe_more_cred.py``, as ``--auth`` makes them."""

import os
from threading import Event
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.strcred import findCheckerFactories, makeChecker
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.auth.pam import PAMChecker
from mailframe.auth.system_users import SystemUsers
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory
from tests.auth.checker_case import CheckerCase, HandTimed

TYPES = ("htpasswd", "static", "shadow", "pam", "dovecot", "http", "oauth")

OAUTH = 'issuer = "i"\naudience = ["a"]\nkeys = "https://id.example.org/keys"\n'


class FactoryTests(CheckerCase):
    """An option string becomes a checker, or one line that says what is wrong."""

    def auth(self, text: str) -> Any:
        """Return what ``--auth text`` makes."""
        checker: Any = makeChecker(text)
        verifyObject(ICredentialsChecker, checker)
        checker.default_domain = "Example.ORG"
        self.assertEqual(checker.default_domain.lower(), "example.org")
        return checker

    def test_all_there(self) -> None:
        """Each type is found and says what its arguments are."""
        factories = {one.authType: one for one in findCheckerFactories()}
        for kind in TYPES:
            self.assertIn(kind, factories)
            self.assertGreater(len(factories[kind].authHelp), 50)
            self.assertTrue(factories[kind].argStringFormat)

    def test_directories(self) -> None:
        """These know who exists."""
        users = self.write('users = "https://example.org/users"')
        for text in (
            "htpasswd:/etc/users", "static:alice:{PLAIN}a", "static:*:{PLAIN}a",
            "shadow", "shadow:/etc/other:uid=500-600", "shadow::uid=500-600",
            "pam", "pam:imap:uid=500-600:names=full",
            "dovecot:/run/a:users=/run/b", f"http:{users}",
        ):  # fmt: skip
            self.assertTrue(IUserDirectory.providedBy(self.auth(text)), text)

    def test_others(self) -> None:
        """These do not."""
        for text in (
            "dovecot:/run/a", "dovecot:/run/a:names=local:service=imap",
            "http:https://example.org/login", f"oauth:{self.write(OAUTH)}",
        ):  # fmt: skip
            self.assertFalse(IUserDirectory.providedBy(self.auth(text)), text)

    def test_wrong(self) -> None:
        """What is wrong is told in one line, without a secret."""
        for text in (
            "htpasswd", "static", "static:alice", "static:alice:sesame",
            "shadow:x:udi=5", "shadow::uid=5", "pam:../x", "pam::names=both",
            "dovecot", "dovecot::users=/x", "dovecot:/x:names=both", "http", "oauth",
            "http:http://example.org/", "http:/nowhere", "oauth:/nowhere",
        ):  # fmt: skip
            error = self.assertRaises(ValueError, makeChecker, text)
            self.assertNotIn("sesame", str(error))
            self.assertNotIn("\n", str(error))


class HangingTests(CheckerCase):
    """A backend that hangs is not waited for."""

    async def test_pam(self) -> None:
        """Whoever asks gets an answer in time, and others are still served."""
        go_on = Event()
        timed = HandTimed()
        threads = WorkerThreads(timed, "pam", threads=2, waiting=9, limit=1)
        self.addCleanup(threads.stop)
        self.addCleanup(go_on.set)

        def ask(service: str, name: str, secret: bytes) -> int:
            if name == "slow":
                go_on.wait(60)
            return 0

        checker = PAMChecker(SystemUsers(threads), threads, ask=ask)
        slow = self.login(checker, "slow", "x")
        await self.assert_in(checker, "quick", "x", "quick@localhost")
        timed.advance(1)
        error = await self.assertFailure(slow, TemporaryFailure)
        self.assertEqual(str(error), "no answer in time")


class HelpTests(SynchronousTestCase):
    """The how-to has a part for each type."""

    def test_howto(self) -> None:
        """``docs/howto/auth.rst`` says how each is used."""
        place = os.path.join(os.path.dirname(__file__), "../../docs/howto/auth.rst")
        with open(place, encoding="utf-8") as page:
            text = page.read()
        for kind in (*TYPES, "passwd", "ldap", "sql", "memory", "file", "unix"):
            self.assertIn(f"``{kind}``\n", text)
