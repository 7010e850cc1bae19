"""Tests of :mod:`mailframe.auth.compose` and :mod:`mailframe.auth.auth_settings`."""

import hashlib
import hmac
import os
import re
import tomllib
from base64 import b64decode
from operator import xor
from pathlib import Path
from textwrap import dedent
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth import migrate
from mailframe.auth.app_passwords import SCOPES, AppPasswordFile
from mailframe.auth.compose import Composition, compose
from mailframe.auth.passwd_checker import PasswdFileChecker
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.credentials import (
    IVouchedName,
    ScramSHA256Proof,
    VouchedName,
)
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.sasl.mechanisms import can_check, served
from tests.auth.at_once import ThreadsAtOnce, sha
from tests.auth.doubles import Backend, KnowingBackend, Realm, mind

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "logins.rst"

VECTOR = (
    "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)
"""The password ``pencil``, of RFC 7677 section 3."""

SALT = b64decode(b"W22ZaJ0SNY7soEsUEjb6gQ==")


class ComposeCase(SynchronousTestCase):
    """Compositions of backends with names."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.state_dir = os.path.abspath(self.mktemp())
        os.mkdir(self.state_dir)
        self.asked: list[tuple[str, str]] = []
        self.backends: dict[str, Any] = {
            "one": KnowingBackend({"alice@example.org": "1", "bob@b.example": "1"}),
            "two": KnowingBackend({"bob@b.example": "2", "carol@example.org": "2"}),
            "blind": Backend({"dave@example.org": "3"}),
            "masters": Backend({"root": "m"}),
        }

    def make_checker(self, text: str, domain: str) -> Any:
        """Return a backend, as ``--auth`` would."""
        self.asked.append((text, domain))
        kind, _, path = text.partition(":")
        if kind == "passwd":
            return PasswdFileChecker(
                path, domain, seconds=self.clock.seconds, run=execute
            )
        return self.backends[kind]

    def compose(self, settings: Any) -> Composition:
        """Put them together; a text is TOML."""
        if isinstance(settings, str):
            settings = tomllib.loads(settings)["auth"]
        self.made = compose(
            settings,
            self.make_checker,
            default_domain="example.org",
            state_dir=self.state_dir,
            clock=self.clock,
            run=ThreadsAtOnce().run,
        )
        self.portal = self.made.portal(Realm())
        return self.made

    def login(self, name: str, password: str, where: Any = None) -> Deferred[Any]:
        """Log in."""
        credentials = UsernamePassword(name.encode(), password.encode())
        return Deferred.fromCoroutine(
            self.portal.login(credentials, where or mind(), IMailAccount)
        )

    def assert_in(
        self, name: str, password: str, avatar: str, where: Any = None
    ) -> None:
        """Make sure somebody comes in, and as whom."""
        found = self.successResultOf(self.login(name, password, where))
        self.assertEqual(found[1], avatar.encode())

    def assert_out(self, name: str, password: str, where: Any = None) -> None:
        """Make sure somebody does not."""
        self.failureResultOf(self.login(name, password, where), UnauthorizedLogin)

    def find(self, address: str) -> Any:
        """Return what the directory says."""
        return self.successResultOf(
            Deferred.fromCoroutine(self.made.directory.find(address))
        )


class ComposeTests(ComposeCase):
    """What is composed does what the settings say."""

    def test_list(self) -> None:
        """What ``--auth`` gives: in order, with a throttle."""
        self.compose(["one", "two"])
        self.assertEqual(self.asked, [("one", "example.org"), ("two", "example.org")])
        self.assert_in("alice@example.org", "1", "alice@example.org")
        self.assert_in("bob@b.example", "2", "bob@b.example")
        self.assert_out("alice@example.org", "2")
        self.assertIsNotNone(self.made.throttle)
        self.assertEqual(self.find("carol@example.org").address, "carol@example.org")
        self.assertIsNone(self.find("nobody@example.org"))

    def test_one_text(self) -> None:
        """One text is a list of one."""
        self.compose("[auth]\ncheckers = 'one'")
        self.assert_in("alice@example.org", "1", "alice@example.org")

    def test_blind(self) -> None:
        """When nobody knows who exists, there is no directory."""
        self.assertIsNone(self.compose(["blind"]).directory)
        self.assert_in("dave@example.org", "3", "dave@example.org")
        made = self.compose("[auth.domains.'b.example']\ncheckers = ['blind']")
        self.assertIsNone(made.directory)

    def test_domains(self) -> None:
        """A domain's own checkers, and who exists there."""
        self.compose(
            """
            [auth]
            checkers = ["one"]
            [auth.domains."B.example"]
            checkers = ["two"]
            """
        )
        self.assertEqual(self.asked, [("one", "example.org"), ("two", "b.example")])
        self.assert_in("alice@example.org", "1", "alice@example.org")
        self.assert_in("bob@b.example", "2", "bob@b.example")
        self.assert_out("bob@b.example", "1")
        self.assert_out("carol@example.org", "2")
        self.assertIsNone(self.find("carol@example.org"))

    def test_cache(self) -> None:
        """A checker with a cache is not asked again, and still knows its users."""
        self.compose("[auth]\ncheckers = [{use = 'one', cache = 60}]")
        for _ in range(2):
            self.assert_in("alice@example.org", "1", "alice@example.org")
        self.assertEqual(len(self.backends["one"].asked), 1)
        self.assertEqual(self.find("alice@example.org").address, "alice@example.org")

    def test_migrate(self) -> None:
        """A checker's users move into a file, which is made."""
        self.patch(migrate, "hash_argon2id", lambda secret: sha(secret.decode()))
        path = os.path.join(self.state_dir, "moved")
        self.compose({"checkers": [{"use": "one", "migrate-to": path, "cache": 60}]})
        self.assertTrue(os.path.exists(path))
        self.assert_in("alice@example.org", "1", "alice@example.org")
        self.clock.advance(61)
        self.backends["one"].away = True
        self.assert_in("alice@example.org", "1", "alice@example.org")
        self.failureResultOf(self.login("bob@b.example", "1"), TemporaryFailure)

    def test_masters(self) -> None:
        """A master comes in as a user, and is no user."""
        self.compose("[auth]\ncheckers = ['one']\nmasters.checkers = ['masters']")
        self.assert_in("alice@example.org*root", "m", "alice@example.org")
        self.assert_out("root", "m")
        self.assert_out("alice@example.org", "m")
        self.assertEqual(self.made.separator, "*")

    def test_app_passwords(self) -> None:
        """They come in beside the others, in the file of the state directory."""
        self.compose("[auth]\ncheckers = ['one']\n[auth.app-passwords]")
        path = os.path.join(self.state_dir, "app-passwords")
        _, secret = AppPasswordFile(path).add(
            "alice@example.org", "x", frozenset({"imap"}), 0
        )
        self.clock.advance(1)
        self.assert_in("alice@example.org", secret, "alice@example.org")
        self.assert_in("alice@example.org", "1", "alice@example.org")
        self.assert_out("alice@example.org", secret, mind("pop3"))
        self.assertEqual(SCOPES, ("imap", "pop3", "submission"))

    def test_networks(self) -> None:
        """Of services and of users."""
        self.compose(
            """
            [auth]
            checkers = ["one"]
            networks.submission.allow = ["198.51.100.0/24"]
            [auth.users."alice@example.org"]
            deny = ["203.0.113.0/24"]
            services = ["imap"]
            """
        )
        self.assert_in("alice@example.org", "1", "alice@example.org")
        self.assert_in("bob@b.example", "1", "bob@b.example", mind("pop3"))
        for name, where in (
            ("alice@example.org", mind("pop3")),
            ("alice@example.org", mind("imap", "203.0.113.1")),
            ("bob@b.example", mind("submission")),
        ):
            self.assert_out(name, "1", where)

    def test_throttle(self) -> None:
        """One for all listeners, with its settings, or none."""
        self.compose(
            "[auth]\ncheckers = ['one']\nthrottle = {free = 1, first = 3, most = 4}"
        )
        self.assert_out("alice@example.org", "x")
        self.portal = self.made.portal(Realm())
        found = self.login("alice@example.org", "1", mind("pop3"))
        self.clock.advance(2.9)
        self.assertNoResult(found)
        self.clock.advance(0.1)
        self.successResultOf(found)
        self.compose("[auth]\ncheckers = ['one']\nthrottle.on = false")
        for _ in range(20):
            self.assert_out("alice@example.org", "x")


class HowtoTests(ComposeCase):
    """What ``docs/howto/logins.rst`` shows works."""

    def test_page(self) -> None:
        """Its file is one that can be read, and mechanisms are offered for it."""
        [block] = re.findall(
            r"code-block:: toml\n\n((?: {3}.*\n|\n)+)", HOWTO.read_text("utf-8")
        )
        text = dedent(block).replace("/var/lib/mailframe", self.state_dir)
        text = text.replace("/etc/mailframe/moved", f"{self.state_dir}/moved")
        for kind in ("ldap", "sql", "htpasswd"):
            self.backends[kind] = KnowingBackend({"u@example.net": "p"})
        self.compose(text)
        self.assertEqual(
            self.asked[-1], ("passwd:/etc/mailframe/masters", "example.org")
        )
        self.assertEqual(served(self.portal), ("PLAIN", "LOGIN"))
        self.assert_in("u@example.net", "p", "u@example.net", mind("pop3"))
        self.assert_out("u@example.net", "p", mind("submission", "203.0.113.1"))

    def test_challenges(self) -> None:
        """What passwords are served by is offered through it all."""
        path = os.path.join(self.state_dir, "users")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"alice:{VECTOR}\n")
        self.compose(
            {
                "checkers": [f"passwd:{path}"],
                "domains": {"b.example": {"checkers": [f"passwd:{path}"]}},
                "masters": {"checkers": ["masters"]},
            }
        )
        self.assertEqual(self.find("alice@b.example").address, "alice@b.example")
        served(self.portal)
        self.assertIn("SCRAM-SHA-256", served(self.portal))
        self.assertNotIn("SCRAM-SHA-1", served(self.portal))
        for password, error in ((b"pencil", None), (b"guess", UnauthorizedLogin)):
            # RFC 5802 section 3
            salted = hashlib.pbkdf2_hmac("sha256", password, SALT, 4096)
            key = hmac.digest(salted, b"Client Key", "sha256")
            stored = hashlib.sha256(key).digest()
            signature = hmac.digest(stored, b"message", "sha256")
            proof = bytes(map(xor, key, signature))
            credentials = ScramSHA256Proof(b"alice@b.example", b"message", proof)
            found = Deferred.fromCoroutine(
                self.portal.login(credentials, mind(), IMailAccount)
            )
            if error is None:
                self.assertEqual(self.successResultOf(found)[1], b"alice@b.example")
            else:
                self.failureResultOf(found, error)


class VouchedTests(ComposeCase):
    """Whom a trusted proxy has let in."""

    def vouched(self, name: bytes, where: Any = None) -> Deferred[Any]:
        """Log somebody in on a proxy's word."""
        return Deferred.fromCoroutine(
            self.portal.login(VouchedName(name), where or mind(), IMailAccount)
        )

    def test_who_exists(self) -> None:
        """Who exists comes in; a name without a domain has the default one."""
        self.compose(["one"])
        for name in (b"alice@Example.ORG", b"alice"):
            found = self.successResultOf(self.vouched(name))
            self.assertEqual(found[1], b"alice@example.org")
        for name in (b"mallory", b"a b", b"\xff", b"@", b"alice@b.example"):
            self.failureResultOf(self.vouched(name), UnauthorizedLogin)

    def test_rules(self) -> None:
        """Networks and closed accounts count."""
        self.compose(
            "[auth]\ncheckers = ['one']\n"
            "users.'alice@example.org'.allow = ['192.0.2.0/24']\n"
        )
        self.successResultOf(self.vouched(b"alice"))
        elsewhere = mind(address="198.51.100.1")
        self.failureResultOf(self.vouched(b"alice", elsewhere), UnauthorizedLogin)

    def test_nobody_knows(self) -> None:
        """Without a directory nobody can be vouched for."""
        self.compose(["blind"])
        self.assertNotIn(IVouchedName, self.portal.listCredentialsInterfaces())

    def test_no_mechanism(self) -> None:
        """No client can make such credentials."""
        self.compose(["one"])
        self.assertTrue(can_check(self.portal, IVouchedName))
        self.assertEqual(served(self.portal), ("PLAIN", "LOGIN"))


class SettingsTests(ComposeCase):
    """What is wrong is told in one line that names the key."""

    def test_wrong(self) -> None:
        """Each of these, and no value of a checker."""
        for text, words in (
            ("x = 1", "auth.x; nearest is"),
            ("checkers = []", "auth.checkers is missing"),
            ("checkers = 1", "auth.checkers must be a list"),
            ("checkers = [1]", "auth.checkers must be a table"),
            ("checkers = [{cache = 1}]", 'auth.checkers: a table needs use = "TYPE'),
            ("checkers = [{use='one', cash=1}]", "auth.checkers.cash; nearest is c"),
            ("checkers = [{use = 'one', cache = -1}]", "checkers.cache: must be 0"),
            ("checkers = [{use = 1}]", "auth.checkers.use: must be a text"),
            ("domains.'b.example' = {}", "auth.domains.b.example.checkers is missing"),
            ("domains = 1", "auth.domains must be a table"),
            ("masters = {}", "auth.masters.checkers is missing"),
            ("masters = {checkers = 'one', separator = '@'}", "auth.masters.separator"),
            ("masters = {checkers = 'one', x = 1}", "auth.masters.x"),
            ("app-passwords = {fil = 'x'}", "auth.app-passwords.fil; nearest is file"),
            ("throttle = {free = true}", "auth.throttle.free: must be a number"),
            ("throttle = {on = 1}", "auth.throttle.on: must be true or false"),
            ("throttle = {exempt = ['here']}", "auth.throttle.exempt: 'here' is not a"),
            ("throttle = {exempt = 'x'}", "auth.throttle.exempt: must be a list"),
            ("throttle = {fre = 1}", "auth.throttle.fre; nearest is free"),
            ("networks.imap.allow = [1]", "auth.networks.imap.allow: must be a list"),
            ("networks.imap.allow = ['x']", "auth.networks.imap.allow: 'x' is not a"),
            ("networks.imap.services = ['x']", "auth.networks.imap.services; nearest"),
            ("users.'a@b'.services = ['web']", "auth.users.a@b.services: one of imap"),
            ("users.'a@b'.alow = []", "auth.users.a@b.alow; nearest is allow"),
        ):  # fmt: skip
            checkers = "" if text.startswith("checkers") else "checkers = ['one']\n"
            with self.assertRaises(ValueError) as caught:
                self.compose(f"[auth]\n{checkers}{text}")
            self.assertIn(words, str(caught.exception), text)
            self.assertNotIn("\n", str(caught.exception))

    def test_nobody(self) -> None:
        """Without checkers nobody could log in."""
        self.assertRaises(ValueError, self.compose, [])

    def test_no_directory(self) -> None:
        """Masters and app passwords need to know who exists."""
        for text in ("masters.checkers = 'masters'", "app-passwords = {}"):
            with self.assertRaises(ValueError) as caught:
                self.compose(f"[auth]\ncheckers = ['blind']\n{text}")
            self.assertIn("who exists", str(caught.exception))
