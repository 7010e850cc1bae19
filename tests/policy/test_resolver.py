"""DNS through twisted.names, against BIND of Debian on loopback."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.names.client import Resolver
from twisted.trial.unittest import TestCase

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.interfaces.check import Decision
from mailframe.model.address import Address
from mailframe.model.envelope import ReversePath
from mailframe.policy.dns_list import DNSList, DNSLists
from mailframe.policy.resolver import KEPT, NamesResolver
from mailframe.policy.sanity import SenderSanity
from tests.net.bind import Bind
from tests.policy.world import origin, rcpt


class BindTests(TestCase):
    """One BIND for all questions."""

    timeout = 110

    def setUp(self) -> None:
        """Start it, with a list of bad clients."""
        bind = Bind(signed="1.2.0.192.bl A 127.0.0.2\n")
        self.addCleanup(bind.close)
        from twisted.internet import reactor  # noqa: TID251

        names = Resolver(servers=[("127.0.0.1", bind.authority)], reactor=reactor)
        self.now = 0.0
        self.resolver = NamesResolver(names, lambda: self.now)

    def test_questions(self) -> "Deferred[None]":
        """Answers, no records, no name, trouble, a long one over TCP."""
        return Deferred.fromCoroutine(self._questions())

    async def _questions(self) -> None:
        ask = self.resolver.lookup
        for name, kind, expected in (
            ("mx1.example.test", "A", ["127.0.0.11"]),
            ("mx1.example.test", "AAAA", ["::1"]),
            ("null.example.test", "MX", [""]),
            ("ours.example.test", "MX", ["mail.example.test"]),
            ("text.example.test", "TXT", ["only a text"]),
            ("text.example.test", "A", []),
            ("klüg.example.test", "A", None),
            ("many.example.test", "TXT", ["x" * 2000]),
        ):
            if expected is None:
                with self.assertRaises(NoSuchUser):
                    await ask(name, kind)
            else:
                self.assertEqual(list(await ask(name, kind)), expected, name)
        hosts = list(await ask("example.test", "MX"))
        self.assertEqual(hosts[0], "mx1.example.test")
        self.assertEqual(len(hosts), 3)
        for name in ("nothing.example.test", "example.invalid"):
            with self.assertRaises(NoSuchUser):
                await ask(name, "A")
        with self.assertRaises(TemporaryFailure):
            await ask("x.broken.test", "A")
        await self._checks()

    async def _checks(self) -> None:
        lists = DNSLists([DNSList("bl.signed.test")], self.resolver)
        for client, listed in (("192.0.2.1", True), ("192.0.2.2", False)):
            memory: dict[str, object] = {}
            path = ReversePath(None)
            await lists.mail(memory, origin(client_address=client), path)
            found = await lists.rcpt(memory, rcpt())
            self.assertEqual(found is not None, listed)
            if found is not None:
                self.assertIs(found.decision, Decision.REFUSE)
        sanity = SenderSanity(self.resolver)
        for domain, code in (
            ("null.example.test", "5.7.27"),
            ("no.example.test", "5.1.8"),
        ):
            sender = ReversePath(Address("x", domain))
            found = await sanity.mail({}, origin(), sender)
            assert found is not None
            self.assertEqual(found.enhanced, code)
        sender = ReversePath(Address("x", "example.test"))
        self.assertIsNone(await sanity.mail({}, origin(), sender))


class KeptTests(TestCase):
    """Answers are kept for a time, and only so many."""

    def test_kept(self) -> "Deferred[None]":
        """Nothing is asked twice before its time."""
        return Deferred.fromCoroutine(self._kept())

    async def _kept(self) -> None:
        asked: list[Any] = []

        class Names:
            def query(self, query: Any, timeouts: Any) -> Any:
                asked.append(query)
                done: Deferred[Any] = Deferred()
                done.callback(([], [], []))
                return done

        now = 0.0
        resolver = NamesResolver(Names(), lambda: now)
        for _ in range(3):
            self.assertEqual(list(await resolver.lookup("A.example", "A")), [])
        self.assertEqual(len(asked), 1)
        now = 301.0
        await resolver.lookup("a.example", "A")
        self.assertEqual(len(asked), 2)
        for number in range(KEPT + 10):
            await resolver.lookup(f"n{number}.example", "A")
        self.assertEqual(len(resolver._kept), KEPT)
