"""Tests of :mod:`mailframe.auth.http`, its client and its options."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.auth import http, http_client
from mailframe.auth.http import HTTPChecker
from mailframe.auth.http_client import HTTPClient, HTTPLimits, check_url, tls_policy
from mailframe.auth.http_options import HTTPOptions, read_options
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, Mind, UserEntry
from tests.auth.checker_case import REACTOR, CheckerCase
from tests.auth.web_service import WebService
from tests.host import free_ports

FILE = """\
login = "{url}/login"
users = "{url}/users"
ca = "{ca}"
[api]
user = "mailframe"
password = "api-secret"
[limits]
timeout = 5
body = 2000
[cache]
positive = 0
negative = 0
"""


class ServiceCase(CheckerCase):
    """A service with TLS, and a checker that asks it."""

    async def setUp(self) -> None:  # type: ignore[override]
        super().setUp()
        self.patch(http_client, "_log", self)
        self.patch(http, "_log", self)
        self.service = await WebService().listen(self.mktemp())
        self.addCleanup(self.service.close)
        self.checker = self.made(
            read_options(
                self.write(FILE.format(url=self.service.url, ca=self.service.ca))
            )
        )

    def made(self, options: HTTPOptions) -> HTTPChecker:
        """Return a checker that is closed after the test."""
        checker = HTTPChecker(options, REACTOR, "example.org")
        self.addCleanup(self.close, checker)
        return checker

    async def close(self, checker: HTTPChecker) -> None:
        """Close it, when every connection is idle."""
        await deferLater(REACTOR, 0)
        await checker.close()


class LoginTests(ServiceCase):
    """What the service says becomes an answer."""

    async def test_question(self) -> None:
        """It gets everything, as JSON, from somebody it knows."""
        verifyObject(ICredentialsChecker, self.checker)
        credentials: Any = UsernamePassword(b"alice", "pä ss".encode())
        credentials.mind = Mind("imap", "192.0.2.1", True)
        self.assertEqual(
            await self.checker.requestAvatarId(credentials), b"alice@example.org"
        )
        [asked] = self.service.asked
        self.assertEqual((asked.method, asked.path), ("POST", "/login"))
        self.assertEqual(asked.headers["content-type"], "application/json")
        self.assertEqual(
            asked.headers["authorization"], "Basic bWFpbGZyYW1lOmFwaS1zZWNyZXQ="
        )
        self.assertEqual(
            asked.json,
            {
                "username": "alice@example.org",
                "password": "pä ss",
                "service": "imap",
                "client_address": "192.0.2.1",
            },
        )

    async def test_statuses(self) -> None:
        """200 and 204 let in, 401, 403 and 404 refuse, the others are trouble."""
        for status in (200, 204):
            self.service.status = status
            await self.assert_in(self.checker, "alice", "a", "alice@example.org")
        for status in (401, 403, 404):
            self.service.status = status
            await self.assertFailure(
                self.login(self.checker, "alice", "a"), UnauthorizedLogin
            )
        self.assertEqual(self.logged, [])
        for status in (201, 202, 302, 400, 407, 429, 500, 503):
            self.service.status = status
            await self.assert_unsure(self.checker, "alice", "sesame")
        self.assertEqual(len(self.logged), 8)
        self.assertNotIn("sesame", " ".join(self.logged))

    async def test_who(self) -> None:
        """It may say who that is; what it says must be an address."""
        self.service.body = {"address": "A.Smith@Example.NET"}
        await self.assert_in(self.checker, "alice", "a", "A.Smith@example.net")
        for body in ({"address": 5}, {"address": "a b"}, {"address": None}, [], "x", 7):
            self.service.body = body
            await self.assert_unsure(self.checker, "alice", "a")

    async def test_not_asked(self) -> None:
        """What nobody can have is not asked, above all no empty password."""
        for name, password in (
            (b"alice", b""), (b"a b", b"a"), (b"\xff", b"a"), (b"alice", b"\xff"),
            (b"alice", b"x" * 1025), (b"", b"a"),
        ):  # fmt: skip
            await self.assertFailure(
                self.checker.requestAvatarId(UsernamePassword(name, password)),
                UnauthorizedLogin,
            )
        self.assertEqual(self.service.asked, [])

    async def test_bad_answers(self) -> None:
        """Rubbish, and more than was agreed, is trouble."""
        for body in (
            b"<html>",
            b"{",
            b"\xff",
            b"[" * 1990,
            b'"' + b"x" * 2000 + b'"',
            b"x" * 2**20,
        ):
            self.service.body = body
            await self.assert_unsure(self.checker, "alice", "a")

    async def test_redirection(self) -> None:
        """A password is not carried to where a redirection points."""
        self.service.status = 307
        self.service.headers = {"Location": f"{self.service.url}/elsewhere"}
        await self.assert_unsure(self.checker, "alice", "a")
        self.assertEqual([one.path for one in self.service.asked], ["/login"])

    async def test_many(self) -> None:
        """Many at once use few connections."""
        answers = await gatherResults(
            [self.login(self.checker, "alice", "a") for _ in range(60)]
        )
        self.assertEqual(set(answers), {b"alice@example.org"})
        self.assertLessEqual(self.service.connections, 20)

    async def test_closed_meanwhile(self) -> None:
        """A kept connection that the server has closed is no trouble."""
        await self.assert_in(self.checker, "alice", "a", "alice@example.org")
        self.service.disconnect()
        await self.assert_in(self.checker, "alice", "a", "alice@example.org")
        await deferLater(REACTOR, 0.01)
        await self.assert_in(self.checker, "alice", "a", "alice@example.org")

    async def test_not_verified(self) -> None:
        """A server that nobody vouches for, or of another name, gets nothing."""
        by_address = self.service.url.replace("localhost", "127.0.0.2")
        for options in (
            HTTPOptions(f"{self.service.url}/login"),
            HTTPOptions(f"{by_address}/login", policy=tls_policy(self.service.ca)),
        ):
            await self.assert_unsure(self.made(options), "alice", "a")
        self.assertEqual(self.service.asked, [])

    async def test_nobody_there(self) -> None:
        """A closed port is trouble."""
        (port,) = free_ports(1)
        checker = self.made(HTTPOptions(f"http://127.0.0.1:{port}/"))
        await self.assert_unsure(checker, "alice", "sesame")
        self.assertIn("ConnectionRefusedError", self.logged[0])

    async def test_hangs(self) -> None:
        """A service that does not answer is given up."""
        self.service.hangs = True
        options = HTTPOptions(
            f"{self.service.url}/login",
            policy=tls_policy(self.service.ca),
            limits=HTTPLimits(timeout=1),
        )
        await self.assert_unsure(self.made(options), "alice", "a")
        self.assertEqual(len(self.service.asked), 1)


class FindTests(ServiceCase):
    """Users are looked up without a password."""

    async def test_entry(self) -> None:
        """What it says of a user."""
        verifyObject(IUserDirectory, self.checker)
        self.service.body = {
            "address": "alice@Example.ORG",
            "aliases": ["sales", "x@Example.NET", "a b"],
            "quota": "1M",
            "home": "/home/alice",
            "office": "3.14",
            "number": 5,
        }
        self.assertEqual(
            await self.checker.find("ALICE@example.org"),
            UserEntry(
                "alice@example.org",
                ("sales@example.org", "x@example.net"),
                1 << 20,
                "/home/alice",
                {"office": "3.14"},
            ),
        )
        [asked] = self.service.asked
        self.assertEqual(asked.path, "/users")
        self.assertEqual(asked.json, {"address": "ALICE@example.org"})

    async def test_nobody(self) -> None:
        """404 is nobody, and so is what can be no address."""
        self.service.status = 404
        self.assertIsNone(await self.checker.find("zoe@example.org"))
        self.assertIsNone(await self.checker.find("a b@example.org"))
        self.assertEqual(len(self.service.asked), 1)

    async def test_trouble(self) -> None:
        """What is no clear answer is nobody's absence."""
        for status, body in (
            (200, b""), (204, b""), (401, b""), (500, b""), (200, []),
            (200, {"aliases": "x"}), (200, {"quota": "much"}), (200, {"address": 5}),
        ):  # fmt: skip
            self.service.status, self.service.body = status, body
            await self.assert_not_found(self.checker, "alice@example.org")

    async def test_remembered(self) -> None:
        """An answer serves for a while."""
        checker = self.made(
            HTTPOptions(
                "", f"{self.service.url}/users", policy=tls_policy(self.service.ca)
            )
        )
        self.service.body = {"quota": 99}
        for _ in range(3):
            entry = await checker.find("alice@example.org")
            self.assertEqual(entry, UserEntry("alice@example.org", quota=99))
        self.assertEqual(len(self.service.asked), 1)
        checker.default_domain = "example.net"
        self.assertEqual(checker.default_domain, "example.net")
        await checker.find("alice@example.org")
        self.assertEqual(len(self.service.asked), 2)
        self.assertEqual(checker.credentialInterfaces, ())


class ClientTests(SynchronousTestCase):
    """So many questions at a time, and none for ever."""

    def error(self, text: str, **values: object) -> None:
        """Take what is logged."""

    def test_bounds(self) -> None:
        """Two are asked, one waits, the next is refused; in time all end."""
        self.patch(http_client, "_log", self)
        memory: Any = MemoryReactorClock()
        client = HTTPClient(
            memory, limits=HTTPLimits(timeout=9, connections=2, waiting=1)
        )
        asking = [
            Deferred.fromCoroutine(client.get("http://127.0.0.1/")) for _ in range(4)
        ]
        self.assertEqual(len(memory.tcpClients), 2)
        self.failureResultOf(asking.pop(), TemporaryFailure)
        memory.advance(9)
        for one in asking:
            self.failureResultOf(one, TemporaryFailure)
        self.assertEqual(memory.getDelayedCalls(), [])


class URLTests(SynchronousTestCase):
    """Where secrets may be sent."""

    def test_good(self) -> None:
        """Everywhere with TLS, on this machine without."""
        for url in (
            "https://example.org/x?y=z", "http://localhost:8080/", "http://127.0.0.9/",
            "http://[::1]:80/",
        ):  # fmt: skip
            self.assertEqual(check_url(url), url)

    def test_bad(self) -> None:
        """Nowhere else."""
        for url in (
            "http://example.org/", "ftp://localhost/", "https://", "x", "",
            "https://u:sesame@example.org/", "https://exa mple.org/", "http://[::1/",
            "https://example.org:port/", "https://ex\u00e4mple.org/",
            "https://example.org/\r\nX: y",
        ):  # fmt: skip
            error = self.assertRaises(ValueError, check_url, url)
            self.assertNotIn("sesame", str(error))

    @settings(max_examples=100, deadline=None)
    @given(st.text())
    def test_any(self, text: str) -> None:
        """Any text is a good URL or is refused."""
        try:
            check_url(text)
        except ValueError:
            pass


class OptionsTests(CheckerCase):
    """The file says where and how."""

    def test_url(self) -> None:
        """A URL is for logins."""
        options = read_options("https://example.org/login")
        self.assertEqual(options.login, "https://example.org/login")
        checker = HTTPChecker(options, MemoryReactorClock())
        self.assertEqual(checker.credentialInterfaces, (IUsernamePassword,))
        self.assertFalse(IUserDirectory.providedBy(checker))

    def test_token(self) -> None:
        """Without a user the secret is a bearer token; it is never shown."""
        options = read_options(
            self.write('login = "https://x/"\n[api]\npassword = "sesame"\n')
        )
        self.assertEqual(options.headers["Authorization"].reveal(), b"Bearer sesame")
        self.assertNotIn("sesame", repr(options))

    def test_wrong(self) -> None:
        """What is wrong is told in one line, without a secret."""
        empty = self.write("")
        for text, why in (
            ("", "login or users is missing"),
            ('login = "http://example.org/"', "login must be https"),
            ('logn = "https://x/"', "nearest is 'login'"),
            (f'login = "https://x/"\nca = "{empty}"', "no certificates in it"),
            ('login = "https://x/"\nca = "/nowhere"', "ca /nowhere: No such"),
            ('login = "https://x/"\n[limits]\ntimeout = 0', "limits.timeout must be"),
            ('login = "https://x/"\n[limits]\nbody = 1', "limits.body must be"),
        ):
            error = self.assertRaises(ValueError, read_options, self.write(text))
            self.assertIn(why, str(error))
            self.assertNotIn("\n", str(error))
        for text in ("", "http://example.org/"):
            self.assertRaises(ValueError, read_options, text)
