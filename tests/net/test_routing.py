"""Routes: MX records of a real server, tables, loops."""

from typing import Any

from twisted.internet.task import Clock
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.interfaces.delivery import Hop, IRouter
from mailframe.model.address import Address
from mailframe.net.dns import Addresses, Answer, LookupFailed, Resolver
from mailframe.net.mta_sts import Policies, Policy
from mailframe.net.routing import MXHop, MXRouter, Route, TableRouter, parse_hop
from mailframe.net.tls_policy import TLSLevels
from tests.net.bind import shared
from tests.net.relay_world import reactor


class MXTests(TestCase):
    """Hosts of domains in BIND's zones."""

    def router(self, **more: Any) -> MXRouter:
        """Return a router that may send to loopback."""
        resolver = Resolver(reactor, [("127.0.0.1", shared().resolver)])
        options: dict[str, Any] = {
            "our_names": ["mail.example.test"],
            "our_networks": (),
            "shuffle": lambda hosts: hosts.sort(key=str),
            **more,
        }
        return MXRouter(resolver, **options)

    async def hosts(self, domain: str, **more: Any) -> list[str]:
        """Return the hosts of a domain, short."""
        hops = await self.router(**more).route(domain, None)
        return [hop.host.removesuffix(".example.test") for hop in hops]

    async def refused(self, domain: str, **more: Any) -> str | None:
        """Return why a domain takes no mail."""
        with self.assertRaises(NoSuchUser) as raised:
            await self.router(**more).route(domain, None)
        return raised.exception.status

    async def test_order(self) -> None:
        """Better preferences first, equal ones in any order."""
        verifyObject(IRouter, self.router())
        self.assertEqual(await self.hosts("example.test"), ["mx1", "mx2", "mx3"])
        backwards = await self.hosts(
            "example.test", shuffle=lambda hosts: hosts.sort(key=str, reverse=True)
        )
        self.assertEqual(backwards, ["mx1", "mx3", "mx2"])

    async def test_addresses(self) -> None:
        """A hop has all addresses of its host."""
        hops = await self.router().route("example.test", None)
        assert isinstance(hops[0], MXHop)
        self.assertEqual(hops[0].addresses, ("::1", "127.0.0.11"))
        assert isinstance(hops[2], MXHop)
        self.assertEqual(set(hops[2].addresses), {"127.0.0.13", "127.0.0.14"})
        self.assertEqual(hops[0], MXHop("mx1.example.test"))

    async def test_no_mx(self) -> None:
        """Without MX records the domain is its own host (RFC 5321 5.1)."""
        self.assertEqual(await self.hosts("plain.example.test"), ["plain"])
        hops = await self.router().route("twice.example.test", None)
        assert isinstance(hops[0], MXHop)
        self.assertEqual(hops[0].addresses, ("127.0.0.21",))

    async def test_mx_is_an_alias(self) -> None:
        """An MX that is a CNAME is followed."""
        hops = await self.router().route("aliasmx.example.test", None)
        assert isinstance(hops[0], MXHop)
        self.assertEqual(hops[0].addresses, ("127.0.0.21",))
        self.assertEqual(hops[0].name, "plain.example.test")

    async def test_refused(self) -> None:
        """Domains that take no mail, and why."""
        for domain, status in (
            ("null.example.test", "5.1.10"),
            ("missing.example.test", "5.1.2"),
            ("nowhere.example.test", "5.4.4"),
            ("literal.example.test", "5.4.4"),
            ("text.example.test", "5.4.4"),
            ("ours.example.test", "5.4.6"),
            ("mail.example.test", "5.4.6"),
            ("-x y-.test", "5.1.2"),
            ("[127.0.0.1.1]", "5.1.3"),
        ):
            self.assertEqual(await self.refused(domain), status, domain)

    async def test_broken(self) -> None:
        """A zone that cannot be had is a failure for now."""
        with self.assertRaises(LookupFailed):
            await self.router().route("broken.test", None)

    async def test_loop(self) -> None:
        """We, and hosts not better than we, are no way to go (RFC 5321 5.1)."""
        self.assertEqual(await self.hosts("backup.example.test"), ["mx1"])

    async def test_loop_by_address(self) -> None:
        """An MX that leads to our address leads to us."""
        networks = ("127.0.0.12/32",)
        self.assertEqual(
            await self.hosts("example.test", our_networks=networks), ["mx1"]
        )
        del networks
        router = MXRouter(
            Resolver(reactor, [("127.0.0.1", shared().resolver)]),
            our_names=[],
            shuffle=lambda hosts: None,
        )
        with self.assertRaises(NoSuchUser):
            await router.route("plain.example.test", None)
        with self.assertRaises(NoSuchUser):
            await router.route("[127.0.0.1]", None)

    async def test_literal(self) -> None:
        """An address literal is its own host."""
        for domain, host in (
            ("[192.0.2.1]", "192.0.2.1"),
            ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ):
            hops = await self.router().route(domain, None)
            self.assertEqual(hops, [MXHop(host)])

    async def test_idn(self) -> None:
        """A U-label is looked up as its A-label."""
        self.assertEqual(await self.hosts("Köln.example.test"), ["mx1"])

    async def test_secure(self) -> None:
        """A signed way is known as such."""
        for domain, secure in (("signed.test", True), ("example.test", False)):
            hops = await self.router().route(domain, None)
            assert isinstance(hops[0], MXHop)
            self.assertIs(hops[0].secure, secure)

    async def test_levels(self) -> None:
        """The operator says how much TLS a domain needs."""
        levels = TLSLevels({"plain.example.test": "verify", ".signed.test": "none"})
        for domain, level in (
            ("plain.example.test", "verify"),
            ("plain.signed.test", "none"),
            ("signed.test", "may"),
        ):
            hops = await self.router(levels=levels).route(domain, None)
            self.assertEqual(hops[0].tls, level)
        with self.assertRaises(ValueError):
            TLSLevels(default="much")

    async def test_sts(self) -> None:
        """A policy enforced takes hosts away and makes TLS a must."""
        texts = {"plain.example.test": "mx: mx9.example.test"}
        texts["strict.example.test"] = "mx: *.example.test"

        async def fetch(domain: str) -> str:
            return f"version: STSv1\nmode: {mode}\n{texts[domain]}\nmax_age: 9\n"

        def router() -> MXRouter:
            resolver = Resolver(reactor, [("127.0.0.1", shared().resolver)])
            return self.router(policies=Policies(resolver, fetch, now=lambda: 0.0))

        mode = "enforce"
        hops = await router().route("strict.example.test", None)
        self.assertEqual([hop.tls for hop in hops], ["verify", "verify"])
        with self.assertRaises(TemporaryFailure) as raised:
            await router().route("plain.example.test", None)
        self.assertEqual(raised.exception.status, "4.7.5")
        mode = "testing"
        hops = await router().route("plain.example.test", None)
        self.assertEqual(hops[0].tls, "may")
        assert isinstance(hops[0], MXHop)
        assert isinstance(hops[0].sts, Policy)


class FewAnswers:
    """A resolver whose answers hold for a while, and that counts its questions."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.asked = 0
        self.seconds = 10.0

    def now(self) -> float:
        """Return the time."""
        return self.clock.seconds()

    async def lookup(self, name: str, kind: int) -> Answer:
        """Return two hosts of the same preference."""
        self.asked += 1
        records = tuple(dns.Record_MX(5, f"{host}.example") for host in ("a", "b"))
        return Answer(records, True, False, name, self.now() + 3600)

    async def addresses(self, host: str) -> Addresses:
        """Return an address that holds for ``seconds``."""
        return Addresses(("192.0.2.1",), False, host, self.now() + self.seconds)


class KeptTests(SynchronousTestCase):
    """Routes that are used again."""

    def setUp(self) -> None:
        """Make a router that turns the order round each time."""
        self.resolver = FewAnswers()
        resolver: Any = self.resolver
        self.router = MXRouter(
            resolver, our_names=(), shuffle=lambda hosts: hosts.reverse()
        )

    def hosts(self) -> list[str]:
        """Return the hosts of a domain."""
        found = self.successResultOf(_deferred(self.router.route("x.example", None)))
        return [hop.host for hop in found]

    def test_kept(self) -> None:
        """As long as the DNS says, a minute at most; hosts still take turns."""
        first = self.hosts()
        self.assertEqual(self.hosts(), first)
        self.assertEqual(sorted(first), ["a.example", "b.example"])
        self.resolver.clock.advance(9)
        self.hosts()
        self.assertEqual(self.resolver.asked, 1)
        self.resolver.seconds = 3600
        self.resolver.clock.advance(1)
        self.hosts()
        self.assertEqual(self.resolver.asked, 2)
        self.resolver.clock.advance(59)
        self.hosts()
        self.assertEqual(self.resolver.asked, 2)
        self.resolver.clock.advance(1)
        self.hosts()
        self.assertEqual(self.resolver.asked, 3)


class TableTests(SynchronousTestCase):
    """Routes the operator gives."""

    def test_tables(self) -> None:
        """The first route that takes a message counts."""
        late, both = Hop("late"), Hop("both")
        mx, smart = Hop("mx"), Hop("smart")
        inside, ann, example, bounce = Hop("in"), Hop("ann"), Hop("ex"), Hop("bounce")
        router = TableRouter(
            [smart, mx],
            (
                Route((late,), ("in.test",), after=3),
                Route((inside,), ("in.test", ".sub.test")),
                Route((ann,), senders=("ann@example.org",)),
                Route((both,), ("two.test",), ("@example.org",)),
                Route((example,), senders=("@example.org",)),
                Route((bounce,), senders=("<>",)),
            ),
        )
        verifyObject(IRouter, router)
        for domain, sender, attempts, hops in (
            ("in.test", Address("ann", "example.org"), 2, [inside]),
            ("in.test", Address("ann", "example.org"), 3, [late]),
            ("a.sub.test", None, 0, [inside]),
            ("sub.test", Address("x", "y"), 0, [smart, mx]),
            ("other.test", Address("Ann", "example.org"), 0, [ann]),
            ("other.test", Address("bob", "example.org"), 9, [example]),
            ("two.test", Address("bob", "example.org"), 0, [both]),
            ("two.test", Address("bob", "elsewhere.org"), 0, [smart, mx]),
            ("other.test", None, 0, [bounce]),
        ):
            routing = router.route(domain, sender, attempts)
            found = self.successResultOf(_deferred(routing))
            self.assertEqual(list(found), hops)

    def test_otherwise(self) -> None:
        """Another router is asked for the rest."""
        inner = TableRouter([Hop("inner")])
        found = self.successResultOf(_deferred(TableRouter(inner).route("a", None)))
        self.assertEqual(found, [Hop("inner")])

    def test_parse(self) -> None:
        """Hops as the configuration has them."""
        for text, hop in (
            ("mail.example.org", Hop("mail.example.org", 25)),
            ("mail.example.org:587", Hop("mail.example.org", 587)),
            ("[2001:db8::1]:26", Hop("2001:db8::1", 26)),
            ("lmtp:127.0.0.1:24", Hop("127.0.0.1", 24, True)),
            ("lmtp:/run/lmtp", Hop("/run/lmtp", 0, True, "none")),
        ):
            self.assertEqual(parse_hop(text), hop)
        for text in ("", "a:b", "lmtp:host", "[x]:1", "host:0", "host:99999"):
            with self.assertRaises(ValueError):
                parse_hop(text)


def _deferred(coroutine: Any) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(coroutine)
