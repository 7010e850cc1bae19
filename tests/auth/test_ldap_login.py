"""Who gets in and who is found, by a real slapd."""

import ssl
import time
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import gatherResults
from zope.interface.verify import verifyObject

from mailframe.auth.ldap import servers
from mailframe.auth.ldap.connection import LDAPConnection
from mailframe.auth.ldap.options import read_options
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from tests.auth.checker_case import REACTOR
from tests.auth.ldap_world import SERVICE, SlapdCase
from tests.auth.slapd import BASE, SERVICE_DN, SERVICE_PASSWORD


class LoginTests(SlapdCase):
    """Who has the password gets in, whatever the method."""

    async def test_search(self) -> None:
        """The entry found binds; the address is the entry's."""
        checker = self.checker()
        verifyObject(ICredentialsChecker, checker)
        verifyObject(IUserDirectory, checker)
        await self.assert_in(checker, "alice@example.org", "pä ss", "Sales@example.org")
        await self.assert_in(checker, "ALICE", "pä ss", "Sales@example.org")
        await self.assert_in(
            checker, "mueller@Bücher.example", "m", "mueller@bücher.example"
        )
        for name, password in (
            ("alice", "pass"), ("alice", "bob"), ("nobody", "bob"),
            ("bob@example.net", "bob"), ("bob", "BOB"), ("bob", "bob "),
        ):  # fmt: skip
            await self.assert_out(checker, name, password)
        self.assertEqual(self.logged, [])

    async def test_template(self) -> None:
        """The DN made of the name binds; the entry is read as that user."""
        checker = self.checker(
            f'[login]\nmethod = "template"\ndn = "uid={{local}},ou=people,{BASE}"\n'
        )
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        await self.assert_in(checker, "BOB", "bob", "bob@example.org")
        await self.assert_in(checker, "st*ar*", "star", "st*ar@example.org")
        await self.assert_out(checker, "bob", "alice")
        await self.assert_out(checker, "nobody", "bob")

    async def test_template_without_address(self) -> None:
        """The name is the address then, in one spelling, of the default domain only."""
        checker = self.checker(
            '[login]\nmethod = "template"\n'
            f'dn = "uid={{local}},ou=people,{BASE}"\n[attributes]\naddress = ""\n'
        )
        await self.assert_in(checker, "Bob@EXAMPLE.org", "bob", "bob@example.org")
        await self.assert_in(checker, "\uff42ob", "bob", "bob@example.org")
        await self.assert_out(checker, "bob@example.net", "bob")
        spelt = self.checker(
            SERVICE + '[find]\nfilter = "(uid={local})"\n[attributes]\naddress = ""\n'
        )
        self.assertIsNone(await spelt.find("bob@example.net"))
        entry = await spelt.find("BOB@example.org")
        self.assertEqual(entry, UserEntry("bob@example.org"))

    async def test_compare(self) -> None:
        """The server compares; nobody binds."""
        checker = self.checker(
            SERVICE + '[login]\nmethod = "compare"\nattribute = "title"\n'
        )
        await self.assert_in(checker, "alice", "director", "Sales@example.org")
        await self.assert_out(checker, "alice", "clerk")
        await self.assert_out(checker, "bob", "director")
        await self.assert_out(checker, "nobody", "director")

    async def test_injection(self) -> None:
        """What looks like a filter or a DN is a name, and nobody's."""
        for method in (
            '[login]\nfilter = "(uid={local})"',
            f'[login]\nmethod = "template"\ndn = "uid={{local}},ou=people,{BASE}"',
            '[login]\nmethod = "compare"\nfilter = "(&(uid={local})(sn=*))"',
        ):
            checker = self.checker(SERVICE + method)
            for name in (
                "*", "*)(uid=*", "bob)(uid=bob", "bob*", "b?b", "\\62ob",
                f"bob,ou=people,{BASE}#", "bob+uid=bob", "bob\\", 'bob"', "bob;",
                "#626f62", "uid=bob", "{user}", "{local}", "' OR 1=1", "bob\0",
                "*)(objectClass=*))(|(uid=*", "<bob>", "bob\\2c", "(uid=bob)",
            ):  # fmt: skip
                await self.assert_out(checker, name, "bob")
        self.assertEqual(self.logged, [])

    async def test_empty_password(self) -> None:
        """An empty password is refused before any server hears of it."""
        checker = self.checker(servers=["ldap://127.0.0.1:1"])
        await self.assert_out(checker, "bob", "")
        await self.assert_out(checker, "bob", "\0")
        await self.assert_out(checker, "bob", "x" * 1025)
        await self.assert_out(checker, "", "bob")
        await self.assertFailure(
            checker.requestAvatarId(UsernamePassword(b"\xff", b"x")), UnauthorizedLogin
        )
        self.assertEqual(self.logged, [])

    async def test_no_address(self) -> None:
        """An entry without an address lets nobody in, and the log says so."""
        checker = self.checker(SERVICE + '[login]\nfilter = "(uid={local})"')
        await self.assert_out(checker, "nomail", "n")
        self.assertIn("has no mail", self.logged[0])

    async def test_ambiguous(self) -> None:
        """Two entries are trouble of the directory, not a wrong password."""
        await self.assert_unsure(self.checker(), "twin", "t")
        self.assertIn("more than one", self.logged[0])

    async def test_connections_are_kept(self) -> None:
        """Many logins in a row share one connection for each purpose."""
        opened = []

        def connect(*args: Any) -> Any:
            opened.append(args)
            return LDAPConnection(*args)

        self.patch(servers, "LDAPConnection", connect)
        checker = self.checker()
        for _ in range(5):
            await self.assert_in(checker, "bob", "bob", "bob@example.org")
            await self.assert_out(checker, "alice", "bob")
        self.assertEqual(len(opened), 2)

    async def test_many_at_once(self) -> None:
        """Logins at the same time never get one another's answer."""
        checker = self.checker()
        people = [
            ("alice", "pä ss", b"Sales@example.org"),
            ("bob", "bob", b"bob@example.org"),
            ("st*ar", "star", b"st*ar@example.org"),
        ] * 10
        found = await gatherResults(
            [self.login(checker, name, password) for name, password, _ in people]
        )
        self.assertEqual(found, [avatar for _, _, avatar in people])


class FindTests(SlapdCase):
    """Addresses are found without a password."""

    MAPPED = SERVICE + (
        '[attributes]\nquota = "employeeNumber"\nhome = "homeDirectory"\n'
        'extra = {forward = "title"}\n'
        f'[groups]\nbase = "ou=groups,{BASE}"\n'
        'filter = "(&(objectClass=groupOfNames)(member={dn}))"\n'
    )

    async def test_entry(self) -> None:
        """Aliases, quota, home, the rest and the groups come with the address."""
        checker = self.checker(self.MAPPED + "[limits]\npage = 10\n")
        entry = await checker.find("alice@example.org")
        shared = "\n".join(f"team{number:02}" for number in range(25))
        self.assertEqual(
            entry,
            UserEntry(
                address="Sales@example.org",
                aliases=("alice@example.org",),
                quota=10 << 20,
                home="/home/alice",
                extra={"forward": "director", "shared": shared},
            ),
        )
        self.assertEqual(await checker.find("sales@example.org"), entry)

    async def test_groups_bounded(self) -> None:
        """More groups than the limit are left out, and the log says so."""
        checker = self.checker(self.MAPPED + "[limits]\npage = 7\ngroups = 8\n")
        entry = await checker.find("alice@example.org")
        self.assertEqual(len(entry.extra["shared"].split()), 8)
        self.assertIn("more than 8 groups", self.logged[0])

    async def test_plain(self) -> None:
        """Who has nothing but an address has nothing but an address."""
        checker = self.checker(self.MAPPED)
        self.assertEqual(
            await checker.find("bob@example.org"), UserEntry("bob@example.org")
        )

    async def test_unknown(self) -> None:
        """Nobody is found by a wildcard, a control, or another domain."""
        checker = self.checker()
        for address in (
            "nobody@example.org", "*@example.org", "bob@example.net", "b*",
            "bob\0@example.org", "bob @example.org", "", "@", "*)(uid=*@example.org",
        ):  # fmt: skip
            self.assertIsNone(await checker.find(address), address)

    async def test_cached(self) -> None:
        """A user is known for a while, though the server is gone."""
        checker = self.checker()
        await checker.find("bob@example.org")
        self.slapd.stop()
        self.assertIsNotNone(await checker.find("bob@example.org"))
        await self.assert_not_found(checker, "alice@example.org")


class SecrecyTests(SlapdCase):
    """No secret is ever shown."""

    async def test_refusals_look_alike(self) -> None:
        """Unknown user and wrong password: one error, one text, about one time."""
        checker = self.checker()
        texts = set()
        for name in ("bob", "nobody"):
            error = await self.assertFailure(
                self.login(checker, name, "guess"), UnauthorizedLogin
            )
            texts.add(str(error))
        self.assertEqual(len(texts), 1)

    async def test_unknown_user_takes_as_long(self) -> None:
        """For somebody unknown the answer waits as long as a password takes."""
        checker = self.checker()
        checker._spent.extend([0.2] * 32)
        for name in ("nobody", "bob"):
            begun = REACTOR.seconds()
            await self.assert_out(checker, name, "guess")
            self.assertGreater(REACTOR.seconds() - begun, 0.19)

    async def test_reprs(self) -> None:
        """Neither options nor checker show the service password."""
        checker = self.checker()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        path = self.write(f'servers = ["ldap://x"]\n{SERVICE}')
        for thing in (checker, read_options(path), vars(checker)):
            self.assertNotIn(SERVICE_PASSWORD, repr(thing))

    def test_never_without_a_password(self) -> None:
        """Whoever asks, a bind or compare without a name or password is refused."""
        options = read_options(self.slapd.socket_url())
        connection = LDAPConnection(options.servers[0], options, time.monotonic() + 9)
        self.addCleanup(connection.close)
        for dn, password in (("", b"x"), (SERVICE_DN, b""), ("", b"")):
            self.assertFalse(connection.bind(dn, password))
            self.assertFalse(connection.compare(dn, "userPassword", password))
        self.assertTrue(connection.bind(SERVICE_DN, SERVICE_PASSWORD.encode()))

    def test_tls_context(self) -> None:
        """TLS 1.2 at least, and certificates are required."""
        path = self.write('servers = ["ldaps://x"]\n')
        context = read_options(path).tls
        self.assertEqual(context.verify_mode, ssl.CERT_REQUIRED)
        self.assertGreaterEqual(context.minimum_version, ssl.TLSVersion.TLSv1_2)
