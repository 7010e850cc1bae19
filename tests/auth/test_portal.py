"""Tests of :mod:`mailframe.auth.portal`, and of the filter for Fail2Ban."""

import io
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from twisted.cred.credentials import (
    CramMD5Credentials,
    IUsernameHashedPassword,
    IUsernamePassword,
    UsernamePassword,
)
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher, textFileLogObserver
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailframe.auth.login_mind import mind_of
from mailframe.auth.networks import NetworkGuard, NetworkRule, Networks
from mailframe.auth.portal import LoginPortal, MindfulCredentials
from mailframe.auth.throttle import FailureCounts, Throttle
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import ILoginPortal, UserEntry
from mailframe.interfaces.credentials import BearerToken, IBearerToken
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.model.secret import Secret
from tests import peers
from tests.auth.doubles import Backend, Directory, Realm, mind

FILTER = Path(__file__).parents[2] / "docs" / "fail2ban" / "mailframe.conf"


@implementer(IRealm)
class RealmWithout:
    """Has no avatars of the kind asked for."""

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:
        raise NotImplementedError


class PortalCase(SynchronousTestCase):
    """A portal, and what it writes into the log."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.backend = Backend({"alice": "secret"}, domain="@example.org")
        self.log = io.StringIO()
        observer = textFileLogObserver(self.log)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.portal = self.make()

    def make(self, realm: Any = None, **settings: Any) -> LoginPortal:
        """Return a portal."""
        return LoginPortal(
            Portal(realm or Realm(), [self.backend]),
            default_domain="example.org",
            **settings,
        )

    def login(
        self, name: str = "alice", password: str = "secret", where: Any = None
    ) -> Deferred[Any]:
        """Log in."""
        credentials = UsernamePassword(name.encode(), password.encode())
        return Deferred.fromCoroutine(
            self.portal.login(credentials, where or mind(), IMailAccount)
        )

    def lines(self) -> list[str]:
        """Return what was written, without the times."""
        found = self.log.getvalue().splitlines()
        return [line.split(" ", 2)[2] for line in found if "auth.portal" in line]


class LoginPortalTests(PortalCase):
    """Who comes in, what checkers learn, and what is written down."""

    def test_interface(self) -> None:
        """It is what protocols ask for, checkers included."""
        verifyObject(ILoginPortal, self.portal)
        self.assertEqual(self.portal.listCredentialsInterfaces(), [IUsernamePassword])
        self.assertEqual(self.portal.checkers, {IUsernamePassword: self.backend})

    def test_accepted(self) -> None:
        """A right password opens the account, and is one line."""
        interface, account, logout = self.successResultOf(self.login())
        self.assertIs(interface, IMailAccount)
        self.assertEqual(account, b"alice@example.org")
        logout()
        self.assertEqual(
            self.lines(),
            [
                'login accepted service=imap client=192.0.2.1 user="alice"'
                ' as="alice@example.org"'
            ],
        )

    def test_refused(self) -> None:
        """A wrong password is one line, the same as for nobody."""
        self.failureResultOf(self.login("alice", "guess"), UnauthorizedLogin)
        self.failureResultOf(self.login("nobody", "guess"), UnauthorizedLogin)
        self.assertEqual(
            self.lines(),
            [
                'login refused service=imap client=192.0.2.1 user="alice"'
                " reason=credentials",
                'login refused service=imap client=192.0.2.1 user="nobody"'
                " reason=credentials",
            ],
        )

    def test_deferred(self) -> None:
        """A backend that is away is nobody's wrong password."""
        self.backend.away = True
        self.failureResultOf(self.login(), TemporaryFailure)
        self.assertIn("login deferred", self.lines()[0])
        self.assertIn("reason=temporary", self.lines()[0])

    def test_broken(self) -> None:
        """An error of ours comes through, and is no refusal."""
        self.patch(self.backend, "requestAvatarId", lambda credentials: 1 // 0)
        self.failureResultOf(self.login(), ZeroDivisionError)
        self.assertIn("login deferred", self.lines()[0])

    def test_no_avatar(self) -> None:
        """A realm without such accounts comes through, and is told apart."""
        self.portal = self.make(RealmWithout())
        self.failureResultOf(self.login(), NotImplementedError)
        self.assertIn("reason=realm", self.lines()[0])

    def test_no_checker(self) -> None:
        """Credentials nobody checks are refused as twisted.cred does."""
        token = BearerToken(Secret(b"hush"))
        found = Deferred.fromCoroutine(self.portal.login(token, mind(), IMailAccount))
        self.failureResultOf(found, LoginFailed)
        self.assertIn('user="" reason=credentials', self.lines()[0])

    def test_unix_socket(self) -> None:
        """Where there is no address it says so; without a mind, too."""
        self.successResultOf(self.login(where=mind("pop3", None)))
        self.successResultOf(self.login(where=object()))
        self.assertIn("service=pop3 client=local", self.lines()[0])
        self.assertIn("service=unknown client=local", self.lines()[1])

    def test_secrecy(self) -> None:
        """Nothing of a password is written, whatever a checker says of it."""
        self.failureResultOf(self.login("alice", "hush-hush"), UnauthorizedLogin)
        self.assertNotIn("hush", self.log.getvalue())

    def test_strange_names(self) -> None:
        """A name is one line of ASCII in quotes, whatever is in it."""
        for name in ('a"b', "a\nb", "a\\b", "ä", "a\x1b[0m", "x" * 500):
            self.failureResultOf(self.login(name, "x"), UnauthorizedLogin)
        for line in self.lines():
            self.assertRegex(line, r'user="[ !#-\[\]-~]{1,128}" reason=')
        self.assertEqual(len(self.lines()), 6)

    def test_mind(self) -> None:
        """A checker learns where a login comes from; what it was given is whole."""
        self.successResultOf(self.login())
        [shown] = self.backend.asked
        self.assertEqual(mind_of(shown), mind())
        self.assertTrue(IUsernamePassword.providedBy(shown))
        self.assertEqual((shown.username, shown.password), (b"alice", b"secret"))
        self.assertTrue(shown.checkPassword(b"secret"))

    def test_mind_of_any_credentials(self) -> None:
        """Credentials that cannot be changed carry it, too."""
        token = BearerToken(Secret(b"t"), b"alice")
        shown = MindfulCredentials(token, mind())
        self.assertTrue(IBearerToken.providedBy(shown))
        self.assertEqual((shown.token, shown.mind), (Secret(b"t"), mind()))
        cram = MindfulCredentials(CramMD5Credentials(b"host"), None)
        self.assertTrue(IUsernameHashedPassword.providedBy(cram))
        self.assertIsNone(mind_of(cram))
        self.assertRaises(AttributeError, getattr, cram, "nothing")

    def test_networks(self) -> None:
        """From a network that is denied nobody comes in, and no password is asked."""
        rule = NetworkRule(deny=Networks(["192.0.2.0/24"]))
        self.portal = self.make(networks=NetworkGuard({"pop3": rule}, {}))
        self.failureResultOf(self.login(where=mind("pop3")), UnauthorizedLogin)
        self.assertEqual(self.backend.asked, [])
        self.assertIn("reason=network", self.lines()[0])
        self.successResultOf(self.login())

    def test_networks_of_a_user(self) -> None:
        """A user's own are looked at when the password was right."""
        entry = UserEntry("alice@example.org", extra={"allow_nets": "198.51.100.0/24"})
        guard = NetworkGuard({}, {}, Directory(entry))
        self.portal = self.make(networks=guard)
        self.failureResultOf(self.login("alice", "guess"), UnauthorizedLogin)
        self.failureResultOf(self.login(), UnauthorizedLogin)
        self.assertIn("reason=credentials", self.lines()[0])
        self.assertIn("reason=network", self.lines()[1])
        self.successResultOf(self.login(where=mind("imap", "198.51.100.7")))


class ThrottledTests(PortalCase):
    """Guessers wait."""

    def setUp(self) -> None:
        super().setUp()
        counts = FailureCounts(self.clock.seconds, free=2, forget=1000)
        self.throttle = Throttle(counts, self.clock)
        self.portal = self.make(throttle=self.throttle, separator="*")

    def guess(self, times: int, name: str = "alice") -> None:
        """Guess in vain, however long it takes."""
        for _ in range(times):
            found = self.login(name, "guess")
            self.clock.advance(20)
            self.failureResultOf(found, UnauthorizedLogin)

    def test_waits(self) -> None:
        """After some failures an attempt waits, and a right password does, too."""
        self.guess(2)
        asked = len(self.backend.asked)
        found = self.login()
        self.assertNoResult(found)
        self.clock.advance(0.5)
        self.assertEqual(len(self.backend.asked), asked)
        self.clock.advance(0.5)
        self.successResultOf(found)

    def test_spellings(self) -> None:
        """One user has one count, however the name is written."""
        for name in ("Alice", "alice@EXAMPLE.org"):
            self.guess(1, name)
        self.assertNoResult(self.login("alice", where=mind("pop3", "198.51.100.1")))

    def test_master(self) -> None:
        """A master's password is one, whoever the master wants to be."""
        for name in ("alice*root", "bob*root"):
            self.guess(1, name)
        found = self.login("carol*root", where=mind("imap", "198.51.100.1"))
        self.assertNoResult(found)

    def test_not_counted(self) -> None:
        """What is nobody's guess makes nobody wait."""
        self.backend.away = True
        for _ in range(5):
            self.failureResultOf(self.login(), TemporaryFailure)
        self.backend.away = False
        self.successResultOf(self.login())

    def test_gone(self) -> None:
        """A client that goes while it waits leaves nothing behind."""
        self.guess(2)
        found = self.login()
        found.cancel()
        self.failureResultOf(found, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIn("login deferred", self.lines()[2])
        self.assertIn("reason=gone", self.lines()[2])


class Fail2BanTests(PortalCase):
    """The filter we ship finds the addresses of those who guess, and only those."""

    def found(self, text: str) -> list[str]:
        """Return the addresses that ``fail2ban-regex`` takes out of a log."""
        path = os.path.abspath(self.mktemp())
        Path(path).write_text(text, "utf-8")
        program = peers.require("fail2ban-regex")
        done = subprocess.run(
            [program, "-o", "ip", path, str(FILTER)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def guess(self) -> None:
        """Log in rightly and wrongly, and try to look like somebody else."""
        self.successResultOf(self.login(where=mind("imap", "192.0.2.9")))
        for address, name in (
            ("192.0.2.1", "alice"),
            ("2001:db8::1", 'x" reason=credentials'),
            ("192.0.2.3", "x\n2026-01-01T00:00:00+0000 [mailframe.auth.portal#warn]"
             ' login refused service=imap client=203.0.113.5 user="x"'
             " reason=credentials"),
        ):  # fmt: skip
            where = mind("submission", address)
            self.failureResultOf(self.login(name, "x", where), UnauthorizedLogin)
        self.failureResultOf(self.login("a", "x", mind("pop3", None)))
        self.backend.away = True
        self.failureResultOf(self.login(where=mind("imap", "192.0.2.8")))

    def test_own_log(self) -> None:
        """In a log of twistd's own."""
        self.guess()
        self.assertEqual(
            self.found(self.log.getvalue()), ["192.0.2.1", "2001:db8::1", "192.0.2.3"]
        )

    def test_syslog(self) -> None:
        """In syslog, and in the journal."""
        self.guess()
        lines = [line.split(" ", 1)[1] for line in self.log.getvalue().splitlines()]
        for prefix in ("Nov 21 08:00:00 mail mailframe[77]: ", "mail twistd[7]: "):
            text = "".join(f"{prefix}{line}\n" for line in lines)
            if prefix.startswith("mail"):
                text = re.sub("^", "2026-11-21T08:00:00+00:00 ", text, flags=re.M)
                text = text.strip().removesuffix("2026-11-21T08:00:00+00:00")
            self.assertEqual(
                self.found(text), ["192.0.2.1", "2001:db8::1", "192.0.2.3"]
            )
