"""Tests of :mod:`mailframe.queue.window` and :mod:`mailframe.queue.ready`."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.queue.contract import Parcel
from mailframe.queue.ready import Ready
from mailframe.queue.window import Window
from mailframe.testing.spool_contract import START, envelope


class WindowTests(SynchronousTestCase):
    """A window grows with success and shrinks with failure, within bounds."""

    def test_a_round_of_success_adds_one(self) -> None:
        """As many successes as the window is wide make it wider by about one."""
        window = Window(1, 20, 5)
        for _ in range(5):
            window.succeeded()
        self.assertAlmostEqual(window.size, 5.9, 1)

    def test_a_round_of_failure_takes_one(self) -> None:
        """As many failures make it narrower by about one."""
        window = Window(1, 20, 5)
        for _ in range(5):
            window.failed()
        self.assertAlmostEqual(window.size, 3.9, 1)
        self.assertEqual(window.failures, 5)
        window.succeeded()
        self.assertEqual(window.failures, 0)

    def test_bounds(self) -> None:
        """It stays between least and most."""
        window = Window(1, 20, 5)
        for _ in range(1000):
            window.succeeded()
        self.assertEqual(window.size, 20)
        for _ in range(1000):
            window.failed()
        self.assertEqual(window.size, 1)
        self.assertTrue(window.room(0))
        self.assertFalse(window.room(1))

    def test_steep(self) -> None:
        """A steep one takes the same step at each size."""
        window = Window(1, 20, 5, steep=True)
        window.succeeded()
        self.assertEqual(window.size, 6)
        window.failed()
        window.failed()
        self.assertEqual(window.size, 4)


def parcel(name: str, sender: str = "a@x.example", priority: int = 0) -> Parcel:
    """Return a parcel."""
    message = envelope("b@y.example", sender=sender, priority=priority)
    return Parcel(name, "y.example", message, (), START, 0, START, 1)


class ReadyTests(SynchronousTestCase):
    """Whose turn it is."""

    def taken(self, *parcels: Any) -> Any:
        """Return the queue IDs in the order they are taken."""
        ready = Ready()
        for one in parcels:
            ready.put(one)
        self.assertEqual(len(ready), len(parcels))
        found = [one.queue_id for one in ready.drain()]
        self.assertEqual(len(ready), 0)
        return found

    def test_in_order(self) -> None:
        """One sender's parcels keep their order."""
        self.assertEqual(self.taken(*map(parcel, "abc")), ["a", "b", "c"])

    def test_senders_take_turns(self) -> None:
        """Each sender has a parcel before any has a second one."""
        found = self.taken(
            *(parcel(name, "much@x.example") for name in "abc"),
            parcel("d", "few@x.example"),
        )
        self.assertEqual(found, ["a", "d", "b", "c"])

    def test_priorities(self) -> None:
        """A higher priority comes before all others."""
        found = self.taken(
            parcel("a"), parcel("b", priority=-3), parcel("c", priority=4)
        )
        self.assertEqual(found, ["c", "a", "b"])
