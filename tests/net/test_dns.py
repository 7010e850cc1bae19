"""The resolver, against BIND and against servers that are slow or broken."""

from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mailframe.net.dns import LookupFailed, Resolver, host_name, strings, system_servers
from tests.net.bind import shared
from tests.net.relay_world import reactor


class Watched:
    """The reactor with a clock that a test moves, and ports it counts."""

    def __init__(self) -> None:
        """Begin at nought."""
        self.clock = Clock()
        self.questions = 0

    def seconds(self) -> float:
        """Return the time."""
        return self.clock.seconds()

    def listenUDP(self, *args: Any, **more: Any) -> Any:
        """Count a question."""
        self.questions += 1
        return reactor.listenUDP(*args, **more)

    def __getattr__(self, name: str) -> Any:
        """Be the reactor."""
        return getattr(reactor, name)


class ResolverTests(TestCase):
    """Answers of a real server."""

    def setUp(self) -> None:
        """Make a resolver."""
        self.watched = Watched()
        self.resolver = Resolver(self.watched, [("127.0.0.1", shared().resolver)])

    async def test_mx(self) -> None:
        """Records of a type, and the time they hold."""
        answer = await self.resolver.lookup("example.test", dns.MX)
        found = sorted((one.preference, host_name(one)) for one in answer.records)
        self.assertEqual(found[0], (10, "mx1.example.test"))
        self.assertEqual(len(found), 3)
        self.assertFalse(answer.secure)
        self.assertLessEqual(answer.expires, 300)

    async def test_absence(self) -> None:
        """No records of a type are not no name."""
        none = await self.resolver.lookup("plain.example.test", dns.MX)
        self.assertEqual((none.records, none.exists), ((), True))
        nothing = await self.resolver.lookup("missing.example.test", dns.MX)
        self.assertEqual((nothing.records, nothing.exists), ((), False))
        self.assertLessEqual(nothing.expires, 60)

    async def test_aliases(self) -> None:
        """CNAMEs are followed, loops of them are a failure."""
        found = await self.resolver.addresses("twice.example.test")
        self.assertEqual(found.addresses, ("127.0.0.21",))
        self.assertEqual(found.name, "plain.example.test")
        with self.assertRaises(LookupFailed):
            await self.resolver.addresses("looped.example.test")

    async def test_addresses(self) -> None:
        """IPv6 and IPv4 in turns."""
        found = await self.resolver.addresses("mx1.example.test")
        self.assertEqual(found.addresses, ("::1", "127.0.0.11"))
        itself = await self.resolver.addresses("192.0.2.1")
        self.assertEqual(itself.addresses, ("192.0.2.1",))

    async def test_secure(self) -> None:
        """What the resolver validated is secure, if the resolver is trusted."""
        for name, secure in (("signed.test", True), ("example.test", False)):
            answer = await self.resolver.lookup(name, dns.MX)
            self.assertIs(answer.secure, secure)
        absent = await self.resolver.lookup("missing.signed.test", dns.A)
        self.assertTrue(absent.secure)
        stranger = Resolver(reactor, [("127.0.0.1", shared().resolver)], trusted=False)
        self.assertFalse((await stranger.lookup("signed.test", dns.MX)).secure)
        self.assertFalse(Resolver(reactor, [("192.0.2.53", 53)]).trusted)

    async def test_large(self) -> None:
        """An answer that was cut is asked for over TCP."""
        answer = await self.resolver.lookup("many.example.test", dns.TXT)
        self.assertEqual(len(strings(answer.records[0])), 2000)

    async def test_broken_zone(self) -> None:
        """SERVFAIL is a failure for now, and not remembered."""
        for _ in range(2):
            with self.assertRaises(LookupFailed) as raised:
                await self.resolver.lookup("broken.test", dns.MX)
            self.assertEqual(raised.exception.status, "4.4.3")
        self.assertEqual(self.watched.questions, 2)

    async def test_cache(self) -> None:
        """An answer is used until its time is over, and no longer."""
        for _ in range(3):
            await self.resolver.lookup("Brief.Example.Test", dns.A)
        self.assertEqual(self.watched.questions, 1)
        self.watched.clock.advance(2.1)
        await self.resolver.lookup("brief.example.test", dns.A)
        self.assertEqual(self.watched.questions, 2)

    async def test_asked_once(self) -> None:
        """The same question at the same time is asked once."""
        answers = await gatherResults(
            [
                Deferred.fromCoroutine(self.resolver.lookup("example.test", dns.MX))
                for _ in range(5)
            ]
        )
        self.assertEqual(len(set(map(id, answers))), 1)
        self.assertEqual(self.watched.questions, 1)

    async def test_cache_is_bounded(self) -> None:
        """The answer used longest ago goes first."""
        small = Resolver(self.watched, [("127.0.0.1", shared().resolver)], cache_size=2)
        for name in ("mx1", "mx2", "mx1", "mx3", "mx1", "mx2"):
            await small.lookup(f"{name}.example.test", dns.A)
        self.assertEqual(self.watched.questions, 4)


class SystemTests(SynchronousTestCase):
    """The servers of this host."""

    def test_servers(self) -> None:
        """Those of the file, or the one on loopback."""
        directory = Path(mkdtemp())
        self.addCleanup(rmtree, directory)
        path = directory / "resolv.conf"
        self.assertEqual(system_servers(path), [("127.0.0.1", 53)])
        path.write_text(
            "# nameserver 192.0.2.9\nnameserver 192.0.2.1\nsearch x\n"
            "nameserver fe80::1%eth0\nnameserver\nnameserver name\n"
        )
        servers = [("192.0.2.1", 53), ("fe80::1%eth0", 53)]
        self.assertEqual(system_servers(path), servers)


class Silent(DatagramProtocol):
    """Answers as it is told: not at all, or with octets of its own."""

    def __init__(self, answer: bytes = b"") -> None:
        """Keep the answer."""
        self.answer = answer
        self.asked = 0

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Count."""
        self.asked += 1
        if self.answer:
            self.transport.write(self.answer, addr)


class TroubleTests(TestCase):
    """Servers that do not answer."""

    def serve(self, protocol: Silent) -> tuple[str, int]:
        """Listen; return address and port."""
        port = reactor.listenUDP(0, protocol, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return ("127.0.0.1", port.getHost().port)

    async def test_timeouts(self) -> None:
        """Each server is asked in each round; then it is a failure for now."""
        first, second = Silent(), Silent(b"\0\1nonsense")
        servers = [self.serve(first), self.serve(second)]
        resolver = Resolver(reactor, servers, timeouts=(0.02, 0.03))
        with self.assertRaises(LookupFailed):
            await resolver.lookup("example.test", dns.MX)
        self.assertEqual((first.asked, second.asked), (2, 2))

    async def test_second_server(self) -> None:
        """What one server does not tell another does."""
        servers = [self.serve(Silent()), ("127.0.0.1", shared().resolver)]
        resolver = Resolver(reactor, servers, timeouts=(2.0,))
        answer = await resolver.lookup("example.test", dns.MX)
        self.assertEqual(len(answer.records), 3)
