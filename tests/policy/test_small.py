"""Networks, relay control, buckets, limits, tarpit, sanity."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.check import Decision, IMessageCheck
from mailframe.model.address import Address
from mailframe.model.envelope import ReversePath
from mailframe.policy.check import Indifferent
from mailframe.policy.networks import Networks, neighbourhood
from mailframe.policy.priority_control import PriorityControl
from mailframe.policy.rate_limit import RateLimit, Rates
from mailframe.policy.relay_control import RelayControl
from mailframe.policy.sanity import HeloSanity, RecipientSanity, SenderSanity
from mailframe.policy.tarpit import Tarpit
from mailframe.policy.token_buckets import Rate, TokenBuckets
from tests.policy.world import DictResolver, PolicyTestCase, origin, rcpt

DEFER, REFUSE = Decision.DEFER, Decision.REFUSE


class IndifferentTests(PolicyTestCase):
    """The check to begin with."""

    def test_contract(self) -> None:
        """It is one, and never has an opinion."""
        check = Indifferent()
        verifyObject(IMessageCheck, check)
        for asked in (
            check.connect(origin()),
            check.helo(origin()),
            check.mail({}, origin(), ReversePath(None)),
            check.rcpt({}, rcpt()),
            check.end({}),
        ):
            self.says(asked, None)
        self.assertIsNone(check.content({}, b""))
        check.over({})


class NetworksTests(PolicyTestCase):
    """Addresses in networks."""

    def test_has(self) -> None:
        """IPv4, IPv6, mapped, scoped, none."""
        networks = Networks(["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"])
        for text, expected in (
            ("192.0.2.200", True),
            ("192.0.3.1", False),
            ("::ffff:192.0.2.1", True),
            ("2001:db8::1%eth0", True),
            ("2001:db9::1", False),
            ("198.51.100.7", True),
            (None, False),
            ("nonsense", False),
        ):
            self.assertIs(networks.has(text), expected, text)

    def test_bad(self) -> None:
        """What is no network is refused, host bits too."""
        for text in ("192.0.2.1/24", "example.org", "", "300.0.0.1"):
            self.assertRaises(ValueError, Networks, [text])

    def test_neighbourhood(self) -> None:
        """A /64 is one client."""
        self.assertEqual(neighbourhood("2001:db8::1"), neighbourhood("2001:db8::ff:2"))
        self.assertNotEqual(
            neighbourhood("2001:db8::1"), neighbourhood("2001:db8:0:1::1")
        )
        self.assertEqual(neighbourhood("::ffff:192.0.2.1"), "192.0.2.1")
        self.assertEqual(neighbourhood(None), "local")


class RelayControlTests(PolicyTestCase):
    """Who may send to other hosts through us."""

    def test_permits(self) -> None:
        """Users and named networks; nobody by default, not even loopback."""
        control = RelayControl(["192.0.2.0/24"])
        self.assertTrue(control.permits(origin()))
        self.assertFalse(control.permits(origin(client_address="198.51.100.1")))
        self.assertTrue(
            control.permits(origin(client_address=None, user="a@b.example"))
        )
        for address in ("127.0.0.1", "::1", None, "192.0.2.1"):
            self.assertFalse(RelayControl().permits(origin(client_address=address)))


class PriorityControlTests(PolicyTestCase):
    """Who may have mail go before that of others (RFC 6710 section 4.1)."""

    ALICE, BOB, HERE = "alice@example.org", "bob@bücher.example", "192.0.2.1"

    def permitted(self, *words: str) -> list[bool]:
        """Tell it of alice, bob, a stranger from here, and one from elsewhere."""
        control = PriorityControl(words) if words else PriorityControl()
        return [
            control.permits(self.ALICE, None),
            control.permits(self.BOB, "198.51.100.1"),
            control.permits(None, self.HERE),
            control.permits(None, "198.51.100.1"),
        ]

    def test_permits(self) -> None:
        """Users, one user, a network, nobody; together what each lets."""
        for words, expected in (
            ((), [True, True, False, False]),
            (("users",), [True, True, False, False]),
            (("alice@Example.ORG",), [True, False, False, False]),
            (("bob@xn--bcher-kva.example",), [False, True, False, False]),
            (("192.0.2.0/24",), [False, False, True, False]),
            (("nobody",), [False, False, False, False]),
            (("users", "192.0.2.1"), [True, True, True, False]),
        ):
            self.assertEqual(self.permitted(*words), expected, words)

    def test_wrong(self) -> None:
        """What is none of these is refused."""
        with self.assertRaises(ValueError):
            PriorityControl(["everybody"])


class TokenBucketsTests(PolicyTestCase):
    """So much at once, then so much a second."""

    def test_flow(self) -> None:
        """A burst, then the rate, never more than a burst again."""
        clock = Clock()
        buckets = TokenBuckets(Rate(3, 30.0), clock.seconds)
        self.assertEqual([buckets.take("a") for _ in range(4)], [True] * 3 + [False])
        self.assertTrue(buckets.take("b", 3))
        clock.advance(10)
        self.assertEqual([buckets.take("a") for _ in range(2)], [True, False])
        clock.advance(1000)
        self.assertEqual([buckets.take("a") for _ in range(4)], [True] * 3 + [False])
        self.assertFalse(buckets.take("c", 4))

    def test_bound(self) -> None:
        """Memory has an end; the one asked for last stays."""
        buckets = TokenBuckets(Rate(1, 60.0), Clock().seconds, most=100)
        for number in range(1000):
            buckets.take(str(number))
        self.assertEqual(len(buckets), 100)
        self.assertFalse(buckets.take("999"))

    def test_bad_rate(self) -> None:
        """A rate allows something, in some time."""
        for burst, seconds in ((0, 1.0), (1, 0.0)):
            self.assertRaises(ValueError, Rate, burst, seconds)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.floats(0, 20), max_size=60))
    def test_never_more(self, steps: list[float]) -> None:
        """In no time is more given than a burst and the rate."""
        clock = Clock()
        buckets = TokenBuckets(Rate(5, 10.0), clock.seconds)
        given_ = 0
        for step in steps:
            clock.advance(step)
            given_ += buckets.take("a")
        self.assertLessEqual(given_, 5 + clock.seconds() * 0.5 + 1e-6)


class RateLimitTests(PolicyTestCase):
    """Clients and users."""

    def setUp(self) -> None:
        """Two of each in a minute."""
        self.clock = Clock()
        rates = Rates(
            connections=Rate(2, 60.0), messages=Rate(2, 60.0), recipients=Rate(2, 60.0)
        )
        self.check = RateLimit(self.clock.seconds, clients=rates, users=rates)

    def test_connections(self) -> None:
        """Of a client; others are not concerned."""
        for _ in range(2):
            self.says(self.check.connect(origin()), None)
        self.says(self.check.connect(origin()), DEFER, "connections")
        self.says(self.check.connect(origin(client_address="192.0.2.2")), None)
        self.clock.advance(31)
        self.says(self.check.connect(origin()), None)

    def test_messages(self) -> None:
        """Of a client, and of a user from wherever."""
        path = ReversePath(None)
        for changes in ({}, {"user": "a@example.org"}):
            for number in range(3):
                address = f"192.0.2.{number}" if changes else "192.0.2.1"
                asked = self.check.mail(
                    {}, origin(client_address=address, **changes), path
                )
                self.says(asked, None if number < 2 else DEFER, "")

    def test_recipients(self) -> None:
        """Over all messages."""
        memory: Any = {}
        for number in range(3):
            if number < 2:
                memory = self.message(self.check)
            asked = self.check.rcpt(memory, rcpt())
            self.says(asked, None if number < 2 else DEFER, "")

    def test_no_bound(self) -> None:
        """What has no rate is not counted."""
        check = RateLimit(self.clock.seconds, clients=Rates(), users=Rates())
        for _ in range(1000):
            self.says(check.connect(origin()), None)


class TarpitTests(PolicyTestCase):
    """Waiting."""

    def setUp(self) -> None:
        """Two seconds to greet; three free recipients."""
        self.clock = Clock()
        self.check = Tarpit(self.clock, free_recipients=3, longest=2.0, held=2)

    def _waits(self, asked: Any, seconds: float) -> None:
        waiting = Deferred.fromCoroutine(asked)
        if seconds:
            self.clock.advance(seconds - 0.1)
            self.assertNoResult(waiting)
            self.clock.advance(0.2)
        self.assertIsNone(self.successResultOf(waiting))

    def test_greeting(self) -> None:
        """The greeting waits."""
        self._waits(self.check.connect(origin()), 2.0)
        self._waits(Tarpit(self.clock, greeting=0).connect(origin()), 0)

    def test_recipients(self) -> None:
        """Slower with each, up to a bound."""
        memory = self.message(self.check)
        for seconds in (0, 0, 0, 1.0, 2.0, 2.0):
            self._waits(self.check.rcpt(memory, rcpt()), seconds)

    def test_bound(self) -> None:
        """Only so many are held; who goes away makes room."""
        waiting = [
            Deferred.fromCoroutine(self.check.connect(origin())) for _ in range(2)
        ]
        self._waits(self.check.connect(origin()), 0)
        for one in waiting:
            one.addErrback(lambda failure: None)
            one.cancel()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self._waits(self.check.connect(origin()), 2.0)


class HeloTests(PolicyTestCase):
    """What a client calls itself."""

    def test_form(self) -> None:
        """A full name or a literal."""
        check = HeloSanity(ours=["mx.example.org", "192.0.2.9"])
        for helo, decision in (
            ("client.example", None),
            ("[198.51.100.1]", None),
            ("xn--bcher-kva.example", None),
            ("under_score.example.", None),
            ("localhost", REFUSE),
            ("198.51.100.1", REFUSE),
            ("MX.example.org", REFUSE),
            ("[192.0.2.9]", REFUSE),
            ("192.0.2.9", REFUSE),
            ("a..b", REFUSE),
        ):
            self.says(check.helo(origin(helo=helo)), decision)
        lenient = HeloSanity(need_full_name=False)
        self.says(lenient.helo(origin(helo="localhost")), None)

    def test_exists(self) -> None:
        """Where it is asked, the name has an address or takes mail."""
        resolver = DictResolver(
            {
                ("four.example", "A"): ["192.0.2.1"],
                ("six.example", "AAAA"): ["2001:db8::1"],
                ("mail.example", "MX"): ["mx.mail.example"],
                ("text.example", "TXT"): ["x"],
                ("slow.example", "A"): None,
            }
        )
        check = HeloSanity(resolver=resolver)
        for name in ("four", "six", "mail"):
            self.says(check.helo(origin(helo=f"{name}.example")), None)
        for name in ("text", "none"):
            self.says(check.helo(origin(helo=f"{name}.example")), REFUSE, "exist")
        self.fails(check.helo(origin(helo="slow.example")), TemporaryFailure)


class DomainTests(PolicyTestCase):
    """Senders and recipients: does their domain take mail?"""

    RESOLVER = DictResolver(
        {
            ("mail.example", "MX"): ["mx.mail.example"],
            ("four.example", "A"): ["192.0.2.1"],
            ("six.example", "AAAA"): ["2001:db8::1"],
            ("null.example", "MX"): [""],
            ("text.example", "TXT"): ["x"],
            ("slow.example", "MX"): None,
        }
    )

    def test_sender(self) -> None:
        """A sender that no report could reach is refused."""
        check = SenderSanity(self.RESOLVER)
        for domain, decision, enhanced in (
            ("mail.example", None, ""),
            ("four.example", None, ""),
            ("six.example", None, ""),
            ("[192.0.2.1]", None, ""),
            ("null.example", REFUSE, "5.7.27"),
            ("text.example", REFUSE, "5.1.8"),
            ("none.example", REFUSE, "5.1.8"),
            ("localhost", REFUSE, "5.1.8"),
        ):
            path = ReversePath(Address("x", domain))
            found = self.says(check.mail({}, origin(), path), decision)
            self.assertEqual(found.enhanced if found else "", enhanced)
        self.says(check.mail({}, origin(), ReversePath(None)), None)
        slow = ReversePath(Address("x", "slow.example"))
        self.fails(check.mail({}, origin(), slow), TemporaryFailure)
        self.says(SenderSanity().mail({}, origin(), slow), None)

    def test_recipient(self) -> None:
        """Ours are not asked about; a null MX takes nothing (RFC 7505)."""
        check = RecipientSanity(["xn--bcher-kva.example"], self.RESOLVER)
        for domain, decision, enhanced in (
            ("bücher.example", None, ""),
            ("four.example", None, ""),
            ("null.example", REFUSE, "5.1.10"),
            ("none.example", REFUSE, "5.1.2"),
            ("localhost", REFUSE, "5.1.2"),
        ):
            found = self.says(check.rcpt({}, rcpt(f"x@{domain}")), decision)
            self.assertEqual(found.enhanced if found else "", enhanced)
        self.says(RecipientSanity([]).rcpt({}, rcpt("x@none.example")), None)
