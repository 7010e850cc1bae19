"""Greylisting: first contacts wait."""

import os
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.check import Decision
from mailframe.model.address import Address
from mailframe.policy.greylist import Greylist, greylist_network
from mailframe.policy.greylist_store import GreylistTimes
from tests.policy.world import PolicyTestCase, rcpt

DAY = 86_400.0
DEFER = Decision.DEFER


class GreylistTests(PolicyTestCase):
    """Who comes again."""

    def setUp(self) -> None:
        """A list in memory, with the default times."""
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.check = self._make()

    def _make(self, path: str = ":memory:", **more: Any) -> Greylist:
        check = Greylist(path, now=self.clock.seconds, run=maybeDeferred, **more)
        self.addCleanup(check.close)
        return check

    def _ask(self, to: str = "alice@example.org", **more: Any) -> Any:
        check = more.pop("check", self.check)
        return check.rcpt(self.message(check, **more), rcpt(to))

    def test_again(self) -> None:
        """Deferred at first and too early, let in after the delay, and later."""
        found = self.says(self._ask(), DEFER, "300 seconds")
        self.assertEqual((found.code, found.enhanced), (450, "4.7.1"))
        self.clock.advance(299)
        self.says(self._ask(), DEFER, "again in 1 seconds")
        self.clock.advance(1)
        self.says(self._ask(), None)
        self.clock.advance(34 * DAY)
        self.says(self._ask(), None)
        self.clock.advance(34 * DAY)
        self.says(self._ask(), None)
        self.clock.advance(36 * DAY)
        self.says(self._ask(), DEFER)

    def test_too_late(self) -> None:
        """Who comes again after days is new."""
        self.says(self._ask(), DEFER)
        self.clock.advance(3 * DAY)
        self.says(self._ask(), DEFER, "300")

    def test_triplet(self) -> None:
        """Client network, sender and recipient count, in any case."""
        self.says(self._ask(), DEFER)
        self.clock.advance(300)
        self.says(self._ask("other@example.org"), DEFER, "300")
        self.says(self._ask(sender=Address("other", "b.example")), DEFER, "300")
        self.says(self._ask(client_address="198.51.100.1"), DEFER, "300")
        self.says(self._ask(sender=None), DEFER, "300")
        self.says(
            self._ask(
                "ALICE@example.org",
                sender=Address("Sender", "b.example"),
                client_address="192.0.2.254",
            ),
            None,
        )

    def test_known_client(self) -> None:
        """After some good ones a client is let in with any sender."""
        check = self._make(times=GreylistTimes(known=2))
        for number in range(2):
            to = f"u{number}@example.org"
            self.says(self._ask(to, check=check), DEFER)
            self.clock.advance(300)
            self.says(self._ask(to, check=check), None)
        self.says(self._ask("new@example.org", check=check), None)
        self.clock.advance(36 * DAY)
        self.says(self._ask("newer@example.org", check=check), DEFER)

    def test_bound(self) -> None:
        """Rows have a bound; what expires goes."""
        check = self._make(most=50)
        for number in range(500):
            self.clock.advance(1)
            self.says(self._ask(f"u{number}@example.org", check=check), DEFER)
        database = check._store._open()
        (rows,) = database.execute("SELECT count(*) FROM triplets").fetchone()
        self.assertLessEqual(rows, 100)
        self.says(self._ask("u499@example.org", check=check), DEFER, "again in 300")
        self.clock.advance(3 * DAY)
        for number in range(50):
            self.says(self._ask(f"v{number}@example.org", check=check), DEFER)
        (rows,) = database.execute("SELECT count(*) FROM triplets").fetchone()
        self.assertLessEqual(rows, 50)

    def test_file(self) -> None:
        """A file is remembered over a restart."""
        path = os.path.join(self.mktemp(), "greylist")
        os.mkdir(os.path.dirname(path))
        check = self._make(path)
        self.says(self._ask(check=check), DEFER)
        check.close()
        self.clock.advance(300)
        self.says(self._ask(check=self._make(path)), None)

    def test_broken(self) -> None:
        """A database that is none is no opinion, but trouble."""
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(b"no database at all" * 100)
        self.fails(self._ask(check=self._make(path)), TemporaryFailure)

    def test_one_at_a_time(self) -> None:
        """Threads ask one after another."""
        running: list[Deferred[Any]] = []

        def run(call: Any, *args: Any) -> Any:
            running.append(Deferred())
            return running[-1]

        check = Greylist(now=self.clock.seconds, run=run)
        memory = self.message(check)
        both = [Deferred.fromCoroutine(check.rcpt(memory, rcpt())) for _ in range(2)]
        self.assertEqual(len(running), 1)
        running[0].callback(0.0)
        self.assertEqual(len(running), 2)
        running[1].callback(0.0)
        for one in both:
            self.assertIsNone(self.successResultOf(one))

    def test_networks(self) -> None:
        """A /24, a /64, or this host."""
        self.assertEqual(greylist_network("192.0.2.77"), "192.0.2.0/24")
        self.assertEqual(greylist_network("2001:db8::77"), "2001:db8::/64")
        self.assertEqual(greylist_network(None), "local")
