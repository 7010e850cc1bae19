"""MTA-STS: policies read, fetched over real HTTPS, remembered."""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import crypto
from twisted.internet.ssl import Certificate as TwistedCertificate
from twisted.internet.ssl import trustRootFromCertificates
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from mailframe.net.mta_sts import (
    MAX_AGE,
    REFRESH,
    RETRY,
    BadPolicy,
    Policies,
    Policy,
    PolicyFile,
    parse,
)
from mailframe.net.mta_sts_fetch import PolicyFetcher
from tests.net.authority import Certificate
from tests.net.relay_world import AUTHORITY, reactor

TEXT = """\
version: STSv1\r
mode: enforce\r
mx: mail.example.com\r
mx: *.example.net\r
max_age: 604800\r
"""


class ParseTests(SynchronousTestCase):
    """The text of a policy (RFC 8461 3.2)."""

    def test_example(self) -> None:
        """The example of the RFC."""
        policy = parse(TEXT, "1", 5.0)
        names = ("mail.example.com", "*.example.net")
        self.assertEqual(policy, Policy("1", "enforce", names, 604_800, 5.0))
        self.assertEqual(policy.lines()[2], "mx: mail.example.com")

    def test_allows(self) -> None:
        """A star is one label, no more and no less (RFC 8461 4.1)."""
        policy = parse(TEXT, "1", 0.0)
        for host, allowed in (
            ("mail.example.com", True),
            ("mx.example.net", True),
            ("example.net", False),
            ("a.mx.example.net", False),
            ("other.example.com", False),
        ):
            self.assertIs(policy.allows(host), allowed, host)

    def test_bad(self) -> None:
        """What is no policy is none."""
        for old, new in (
            ("STSv1", "STSv2"),
            ("enforce", "perhaps"),
            ("604800", "-1"),
            ("604800", ""),
            ("mail.example.com", "*"),
            ("mail.example.com", "a b"),
            ("mx: mail.example.com\r\nmx: *.example.net\r\n", ""),
        ):
            with self.assertRaises(BadPolicy) as raised:
                parse(TEXT.replace(old, new), "1", 0.0)
            self.assertEqual(raised.exception.problem, "sts-policy-invalid")

    def test_bounds(self) -> None:
        """No policy holds longer than a year, or has names without end."""
        long = parse(TEXT.replace("604800", "9999999999"), "1", 0.0)
        self.assertEqual(long.max_age, MAX_AGE)
        with self.assertRaises(BadPolicy):
            parse(TEXT + "mx: a.example\n" * 200, "1", 0.0)

    @settings(max_examples=100)
    @given(st.text("version:STSv1mode enforce*.-mx\r\nmax_age0123", max_size=99))
    def test_anything(self, text: str) -> None:
        """Any text is a policy or a BadPolicy."""
        try:
            parse(text, "1", 0.0)
        except BadPolicy:
            pass


class FakeResolver:
    """Has TXT records, and addresses."""

    def __init__(self) -> None:
        """Begin with one record."""
        self.texts = ["v=STSv1; id=1;"]
        self.fails = False

    async def lookup(self, name: str, kind: int) -> Any:
        """Answer."""
        from twisted.names import dns

        from mailframe.net.dns import Answer, LookupFailed

        if self.fails:
            raise LookupFailed(name)
        records: tuple[Any, ...] = tuple(dns.Record_TXT(one) for one in self.encoded())
        return Answer(records, True, False, name, 0.0)

    def encoded(self) -> Iterator[bytes]:
        """Yield the records."""
        return (text.encode() for text in self.texts)

    async def addresses(self, host: str) -> Any:
        """Answer."""
        from mailframe.net.dns import Addresses

        return Addresses(("127.0.0.1",), False, host)


class PoliciesTests(SynchronousTestCase):
    """What is remembered for how long (RFC 8461 5.1)."""

    def setUp(self) -> None:
        """Begin with a policy that can be had."""
        self.clock = Clock()
        self.resolver: Any = FakeResolver()
        self.text = TEXT
        self.fetched = 0
        self.failed: list[tuple[str, str]] = []
        self.policies = self.make()

    def make(self, **more: Any) -> Policies:
        """Return an empty memory."""

        async def fetch(domain: str) -> str:
            self.fetched += 1
            if not self.text:
                raise BadPolicy("sts-policy-fetch-error", "no")
            return self.text

        return Policies(
            self.resolver,
            fetch,
            now=self.clock.seconds,
            failed=lambda *what: self.failed.append(what),
            **more,
        )

    def policy(self) -> Policy | None:
        """Return the policy of example.com."""
        from twisted.internet.defer import Deferred

        asked = Deferred.fromCoroutine(self.policies.policy("example.com"))
        return self.successResultOf(asked)

    def test_kept(self) -> None:
        """It is fetched once, until its record changes."""
        for _ in range(3):
            self.assertIsNotNone(self.policy())
        self.assertEqual(self.fetched, 1)
        self.resolver.texts = ["v=STSv1; id=2;"]
        found = self.policy()
        assert found is not None
        self.assertEqual(found.id, "2")
        self.assertEqual(self.fetched, 2)

    def test_refreshed(self) -> None:
        """It is fetched again once a day."""
        self.policy()
        self.clock.advance(REFRESH + 1)
        self.policy()
        self.assertEqual(self.fetched, 2)

    def test_no_record(self) -> None:
        """Without exactly one record nothing is fetched."""
        for texts in ([], ["v=spf1"], ["v=STSv1; id=1"] * 2, ["v=STSv1; x=1"]):
            self.resolver.texts = texts
            self.assertIsNone(self.policy())
        self.resolver.fails = True
        self.assertIsNone(self.policy())
        self.assertEqual(self.fetched, 0)

    def test_holds(self) -> None:
        """What is kept holds until its end, whatever is heard meanwhile."""
        self.policy()
        self.text = ""
        for trouble in ({"texts": []}, {"fails": True}, {"texts": ["v=STSv1; id=9;"]}):
            vars(self.resolver).update({"fails": False, **trouble})
            self.assertIsNotNone(self.policy())
        self.clock.advance(604_801)
        self.resolver.texts = []
        self.assertIsNone(self.policy())

    def test_retry(self) -> None:
        """A policy that cannot be had is not asked for at each message."""
        self.text = ""
        for _ in range(3):
            self.assertIsNone(self.policy())
        self.assertEqual(self.fetched, 1)
        self.assertEqual(self.failed, [("example.com", "sts-policy-fetch-error")])
        self.clock.advance(RETRY + 1)
        self.text = TEXT
        self.assertIsNotNone(self.policy())

    def test_file(self) -> None:
        """Policies outlive the process; a file that is none is as if empty."""
        self.policy()
        self.assertTrue(self.policies.changed)
        directory = Path(mkdtemp())
        self.addCleanup(rmtree, directory)
        file = PolicyFile(directory / "mta-sts.json")
        self.assertEqual(file.read(), {})
        self.save(file)
        self.assertFalse(self.policies.changed)
        self.assertEqual(file.read(), self.policies.kept)
        self.policies = self.make(kept=file.read())
        self.policy()
        self.assertEqual(self.fetched, 1)
        for text in ("{", "[]", '{"a": 1}', '{"a": {"mx": []}}'):
            (directory / "mta-sts.json").write_text(text)
            self.assertEqual(file.read(), {})
        self.flushLoggedErrors()

    def save(self, file: PolicyFile) -> None:
        """Save, without a thread."""
        from twisted.internet.defer import Deferred

        async def run(call: Any, *arguments: Any) -> None:
            call(*arguments)

        self.successResultOf(Deferred.fromCoroutine(self.policies.save(file, run)))

    def test_not_saved(self) -> None:
        """What could not be saved is tried again."""
        self.policy()
        self.save(PolicyFile(Path("/nonexistent/mta-sts.json")))
        self.assertTrue(self.policies.changed)


class Page(Resource):
    """One answer, whatever is asked."""

    isLeaf = True

    def __init__(self, octets: bytes, code: int, kind: bytes) -> None:
        """Keep it."""
        super().__init__()
        self.octets, self.code, self.kind = octets, code, kind
        self.asked: list[tuple[bytes, bytes]] = []

    def render_GET(self, request: Any) -> bytes:
        """Give it."""
        self.asked.append((request.getHeader(b"host"), request.path))
        request.setResponseCode(self.code)
        request.setHeader(b"content-type", self.kind)
        request.setHeader(b"location", b"https://elsewhere.example/")
        return self.octets


class FetchTests(TestCase):
    """Over HTTPS on loopback."""

    def serve(
        self,
        octets: bytes = TEXT.encode(),
        code: int = 200,
        kind: bytes = b"text/plain; charset=utf-8",
        name: str = "mta-sts.example.com",
        issuer: Certificate | None = AUTHORITY,
    ) -> PolicyFetcher:
        """Serve one answer; return who fetches it."""
        self.page = Page(octets, code, kind)
        tls: Any = TLSMemoryBIOFactory
        site = tls(
            Certificate(name, issuer=issuer).server(),
            False,
            Site(self.page, timeout=None),
        )
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        root: Any = TwistedCertificate
        authority = root(crypto.X509.from_cryptography(AUTHORITY.certificate))
        resolver: Any = FakeResolver()
        return PolicyFetcher(
            reactor,
            resolver,
            trust_root=trustRootFromCertificates([authority]),
            port=port.getHost().port,
        )

    async def test_fetched(self) -> None:
        """The text comes from the place the RFC names (RFC 8461 3.3)."""
        self.assertEqual(await self.serve()("example.com"), TEXT)
        place = b"/.well-known/mta-sts.txt"
        self.assertEqual(self.page.asked, [(b"mta-sts.example.com", place)])

    async def test_not_fetched(self) -> None:
        """Nothing but a 200 with a short text over verified TLS counts."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"code": 404}, "sts-policy-fetch-error"),
            ({"code": 302}, "sts-policy-fetch-error"),
            ({"kind": b"text/html"}, "sts-policy-invalid"),
            ({"octets": b"x" * 70_000}, "sts-policy-invalid"),
            ({"octets": b"\xff"}, "sts-policy-invalid"),
            ({"name": "example.com"}, "sts-webpki-invalid"),
            ({"issuer": None}, "sts-webpki-invalid"),
        ]
        for page, problem in cases:
            fetch = self.serve(**page)
            with self.assertRaises(BadPolicy) as raised:
                await fetch("example.com")
            self.assertEqual(raised.exception.problem, problem, page)
        self.flushLoggedErrors()

    async def test_nobody_there(self) -> None:
        """No connection is no policy."""
        from tests.host import free_ports

        resolver: Any = FakeResolver()
        fetch = PolicyFetcher(reactor, resolver, port=free_ports(1)[0])
        with self.assertRaises(BadPolicy):
            await fetch("example.com")
