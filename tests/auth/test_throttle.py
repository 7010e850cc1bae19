"""Tests of :mod:`mailframe.auth.throttle`."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.throttle import FailureCounts, FailureStore, Throttle, site_of
from mailframe.errors import TemporaryFailure


class CountsTests(SynchronousTestCase):
    """How long who waits."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.counts = self.make()

    def make(self, **settings: Any) -> FailureCounts:
        """Return counts with no failures."""
        return FailureCounts(self.clock.seconds, **{"free": 2, **settings})

    def delay(self, site: str, user: str) -> float:
        """Return how long somebody has to wait."""
        return self.successResultOf(
            Deferred.fromCoroutine(self.counts.delay(site, user))
        )

    def guess(self, site: str, user: str, times: int = 1) -> None:
        """Guess in vain."""
        for _ in range(times):
            self.successResultOf(Deferred.fromCoroutine(self.counts.failed(site, user)))

    def succeed(self, site: str, user: str) -> None:
        """Come in."""
        self.successResultOf(Deferred.fromCoroutine(self.counts.succeeded(site, user)))

    def test_grows(self) -> None:
        """Some are free; then each failure doubles the time, up to a bound."""
        found = []
        for _ in range(9):
            found.append(self.delay("s", "u"))
            self.guess("s", "u")
        self.assertEqual(found, [0, 0, 1, 2, 4, 8, 15, 15, 15])

    def test_address_and_user(self) -> None:
        """An address that guesses waits for all users, a user from all addresses."""
        self.guess("s", "u", 3)
        self.assertEqual(self.delay("s", "other"), 2)
        self.assertEqual(self.delay("t", "u"), 2)
        self.assertEqual(self.delay("t", "other"), 0)

    def test_nowhere(self) -> None:
        """What is not known is not counted."""
        self.guess("", "u", 3)
        self.guess("s", "", 3)
        self.guess("", "", 5)
        self.assertEqual(self.delay("", "u"), 2)
        self.assertEqual(self.delay("s", ""), 2)
        self.assertEqual(self.delay("", ""), 0)

    def test_forgets(self) -> None:
        """With time a count goes down, however high it was."""
        self.guess("s", "u", 100)
        self.assertEqual(self.delay("s", "u"), 15)
        self.clock.advance(60 * 15)
        self.assertEqual(self.delay("s", "u"), 2)
        self.clock.advance(60 * 4)
        self.assertEqual(self.delay("s", "u"), 0)

    def test_known_pair(self) -> None:
        """Who came in from there does not wait for what others guess."""
        self.succeed("home", "u")
        self.guess("attacker", "u", 9)
        self.guess("home", "neighbour", 9)
        self.assertEqual(self.delay("home", "u"), 0)
        self.assertEqual(self.delay("attacker", "u"), 15)
        self.assertEqual(self.delay("home", "neighbour"), 15)

    def test_known_pair_guesses(self) -> None:
        """Who guesses where a user comes from waits, too."""
        self.succeed("home", "u")
        self.guess("home", "u", 3)
        self.assertEqual(self.delay("home", "u"), 2)
        self.succeed("home", "u")
        self.assertEqual(self.delay("home", "u"), 0)

    def test_known_for_a_time(self) -> None:
        """A pair is not known for ever."""
        self.counts = self.make(known=100, forget=1e9)
        self.succeed("home", "u")
        self.guess("attacker", "u", 9)
        self.clock.advance(100)
        self.assertEqual(self.delay("home", "u"), 15)

    def test_own_account(self) -> None:
        """Coming in oneself clears the address of nothing."""
        self.guess("s", "u", 3)
        self.succeed("s", "own")
        self.assertEqual(self.delay("s", "u"), 2)

    def test_bounded(self) -> None:
        """What is touched least lately is forgotten first."""
        self.counts = self.make(size=10)
        self.guess("first", "victim", 5)
        for number in range(200):
            self.guess(f"s{number}", "victim")
            self.succeed(f"s{number}", "victim")
        self.assertEqual(self.delay("first", ""), 0)
        self.assertEqual(self.delay("", "victim"), 15)
        self.assertLessEqual(len(self.counts._counts._items), 30)
        self.assertLessEqual(len(self.counts._known._items), 10)


class ThrottleTests(SynchronousTestCase):
    """Attempts wait through the clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.store = FailureCounts(self.clock.seconds, free=0, forget=1e9)
        self.throttle = self.make()

    def make(self, **settings: Any) -> Throttle:
        """Return a throttle with the same counts."""
        store: FailureStore = self.store
        return Throttle(store, self.clock, **settings)

    def wait(self, address: str | None, user: str = "u") -> Deferred[None]:
        """Wait for a turn."""
        return Deferred.fromCoroutine(self.throttle.wait(address, user))

    def failed(self, address: str | None, user: str) -> None:
        """Guess in vain."""
        self.successResultOf(
            Deferred.fromCoroutine(self.throttle.failed(address, user))
        )

    def test_at_once(self) -> None:
        """Without failures nobody waits."""
        self.throttle = Throttle(FailureCounts(self.clock.seconds), self.clock)
        self.successResultOf(self.wait("192.0.2.1"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_waits(self) -> None:
        """After failures, so many seconds."""
        self.failed("192.0.2.1", "u")
        found = self.wait("192.0.2.1", "v")
        self.clock.advance(1.9)
        self.assertNoResult(found)
        self.clock.advance(0.1)
        self.successResultOf(found)

    def test_shared(self) -> None:
        """Another listener of the process knows of them."""
        self.failed("192.0.2.1", "u")
        self.throttle = self.make()
        self.assertNoResult(self.wait("192.0.2.1", "v"))

    def test_too_many_wait(self) -> None:
        """More than so many of one address are told to come again."""
        self.throttle = self.make(waiting=2)
        self.failed("192.0.2.1", "u")
        waiting = [self.wait("192.0.2.1", f"v{number}") for number in range(2)]
        self.failureResultOf(self.wait("192.0.2.1", "w"), TemporaryFailure)
        self.assertNoResult(self.wait("192.0.2.2", "u"))
        self.clock.advance(15)
        for found in waiting:
            self.successResultOf(found)
        self.assertNoResult(self.wait("192.0.2.1", "w"))
        self.clock.advance(15)
        self.assertEqual(self.throttle._waiting, {})

    def test_exempt(self) -> None:
        """Of a webmail's host the users count, the address does not."""
        self.throttle = Throttle(FailureCounts(self.clock.seconds, free=1), self.clock)
        for address in ("127.0.0.1", "::1", None):
            self.failed(address, f"u{address}")
            self.successResultOf(self.wait(address, "v"))
            self.assertNoResult(self.wait(address, f"u{address}"))
        self.assertRaises(ValueError, self.make, exempt=["here"])

    def test_site_of(self) -> None:
        """What one client can have many of is one."""
        for address, site in (
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("a socket", "a socket"),
            ("x" * 100, "x" * 64),
        ):
            self.assertEqual(site_of(address), site)
