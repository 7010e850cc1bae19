"""Tests of fairness and pace: :mod:`mailframe.queue.destinations` at work."""

from typing import Any

from twisted.internet.defer import Deferred

from mailframe.errors import (
    TemporaryFailure,
)
from mailframe.queue.destinations import Pace
from mailframe.queue.schedule import DAY, MINUTE
from tests.queue.fakes import House, raising
from tests.queue.test_runner import RunnerTestCase, busy


class FairnessTests(RunnerTestCase):
    """Nobody waits for another one's slow destination."""

    def make_house(self) -> Any:
        return House(pace=Pace(memory=200, each=40, total=50, total_least=10))

    def test_slow_domain(self) -> None:
        """One slow domain with very much mail delays no other."""
        waiting = []

        def stall(hop: Any, envelope: Any) -> Any:
            waiting.append(Deferred())
            return waiting[-1]

        self.house.relay.answers["mx.slow.example"] = stall
        for _ in range(5000):
            self.house.add("a@slow.example")
        self.house.go_on(0)
        for number in range(300):
            self.house.add(f"a@quick{number % 30}.example")
        self.house.go_on(0)
        quick = [host for host in self.house.relay.hosts() if "quick" in host]
        self.assertEqual(len(quick), 300)
        self.assertLessEqual(len(waiting), 20)
        self.assertLessEqual(self.house.runner.destinations.held, 200)

    def test_many_slow_domains(self) -> None:
        """Many slow domains leave some room for others, too."""

        def stall(hop: Any, envelope: Any) -> Any:
            return Deferred()

        for number in range(12):
            self.house.relay.answers[f"mx.slow{number}.example"] = stall
            for _ in range(100):
                self.house.add(f"a@slow{number}.example")
        self.house.go_on(0)
        for number in range(20):
            self.house.add(f"a@quick{number}.example")
        self.house.go_on(0)
        quick = [host for host in self.house.relay.hosts() if "quick" in host]
        self.assertEqual(len(quick), 20)

    def test_senders_take_turns(self) -> None:
        """A sender with much mail to a domain does not keep another waiting."""
        waiting = []

        def stall(hop: Any, envelope: Any) -> Any:
            waiting.append(Deferred())
            return waiting[-1]

        self.house.relay.answers["mx.x.example"] = stall
        for _ in range(1000):
            self.house.add("a@x.example", sender="much@example.org")
        self.house.go_on(0)
        self.house.add("a@x.example", sender="few@example.org")
        self.house.go_on(0)
        for _ in range(100):
            waiting.pop(0).callback(None)
            self.house.go_on(0)
        senders = [
            str(envelope.reverse_path.address) for _, envelope in self.house.relay.calls
        ]
        self.assertIn("few@example.org", senders)

    def test_priorities(self) -> None:
        """Mail of a higher priority is tried before other mail."""
        waiting = []

        def stall(hop: Any, envelope: Any) -> Any:
            waiting.append(Deferred())
            return waiting[-1]

        self.house.relay.answers["mx.x.example"] = stall
        for _ in range(100):
            self.house.add("a@x.example")
        self.house.go_on(0)
        self.house.add("urgent@x.example", priority=4)
        self.house.go_on(0)
        for _ in range(10):
            waiting.pop(0).callback(None)
            self.house.go_on(0)
        tried = [
            envelope.forward_paths[0].address.local
            for _, envelope in self.house.relay.calls
        ]
        # Behind those that were in memory already, before all others.
        self.assertIn("urgent", tried)
        self.assertLess(len(tried), 20)


class PaceTests(RunnerTestCase):
    """How much is done at once follows what destinations do."""

    def stalled(self, host: Any = "mx.x.example") -> Any:
        """Let a host keep its attempts waiting; return them."""
        waiting = []

        def stall(hop: Any, envelope: Any) -> Any:
            waiting.append(Deferred())
            return waiting[-1]

        self.house.relay.answers[host] = stall
        return waiting

    def test_begins_low_and_grows(self) -> None:
        """A destination gets few connections first, more with success."""
        waiting = self.stalled()
        for _ in range(600):
            self.house.add("a@x.example")
        self.house.go_on(0)
        self.assertEqual(len(waiting), 5)
        for _ in range(400):
            waiting.pop(0).callback(None)
            self.house.go_on(0)
        self.assertEqual(len(waiting), 20)
        self.assertEqual(self.house.relay.most["mx.x.example"], 20)

    def test_total(self) -> None:
        """All destinations together get no more than the total."""
        for number in range(400):
            self.stalled(f"mx.d{number}.example")
            self.house.add(f"a@d{number}.example")
        self.house.go_on(0)
        self.assertEqual(len(self.house.relay.calls), 50)

    def test_dead_destination(self) -> None:
        """One that is not there is left alone, and its mail ages all the same."""
        self.house.relay.answers["mx.x.example"] = raising(TemporaryFailure("down"))
        for _ in range(100):
            self.house.add("a@x.example")
        self.house.go_on(0)
        self.assertLess(len(self.house.relay.calls), 12)
        found = self.house.messages()
        self.assertEqual(len(found), 100)
        for (parcel,) in found:
            self.assertEqual(parcel.attempts, 1)
            self.assertEqual(parcel.recipients[0].last.reply, "down")
        self.house.go_on(5 * DAY)
        self.assertEqual(self.house.messages(), [])
        self.assertLess(len(self.house.relay.calls), 300)

    def test_refusals_are_no_death(self) -> None:
        """A destination that answers is there, whatever it says."""
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: busy()
        for _ in range(100):
            self.house.add("a@x.example")
        self.house.go_on(0)
        self.assertEqual(len(self.house.relay.calls), 100)

    def test_back_from_the_dead(self) -> None:
        """When it is there again, its mail is delivered at the next attempts."""
        self.house.relay.answers["mx.x.example"] = raising(TemporaryFailure("down"))
        for _ in range(100):
            self.house.add("a@x.example")
        self.house.go_on(0)
        del self.house.relay.answers["mx.x.example"]
        self.house.go_on(5 * MINUTE)
        self.assertEqual(self.house.messages(), [])

    def test_flush(self) -> None:
        """A dead destination is tried at once when the operator wants it."""
        self.house.relay.answers["mx.x.example"] = raising(TemporaryFailure("down"))
        for _ in range(20):
            self.house.add("a@x.example")
        self.house.go_on(0)
        del self.house.relay.answers["mx.x.example"]
        self.house.runner.destinations.revive("x.example")
        now = self.house.clock.seconds()
        self.successResultOf(
            Deferred.fromCoroutine(self.house.spool.hasten(None, "x.example", now))
        )
        self.house.go_on(0)
        self.assertEqual(self.house.messages(), [])

    def test_away_between_transactions(self) -> None:
        """When a host goes away between transactions the rest is not tried."""
        answers = [None, TemporaryFailure("gone")]

        def answer(hop: Any, envelope: Any) -> None:
            found = answers.pop(0)
            if found is not None:
                raise found

        self.house.relay.answers["mx.x.example"] = answer
        self.house.add(*(f"u{number}@x.example" for number in range(350)))
        self.house.go_on(0)
        ((parcel,),) = self.house.messages()
        self.assertEqual(len(parcel.recipients), 250)
        self.assertEqual(len(self.house.relay.calls), 2)
