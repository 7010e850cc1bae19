"""Tests of :mod:`mailframe.storage.put_off`: many calls, one run, and in time."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.storage import put_off
from mailframe.storage.put_off import PutOff


class PutOffTests(SynchronousTestCase):
    """What is put off runs once for many, in time, and is never forgotten."""

    def setUp(self) -> None:
        """Make an empty collection, and a clock."""
        self.now = 0.0
        self.ran: list[str] = []
        self.put_off = PutOff(lambda: self.now)

    def call(self, name: str) -> None:
        """Note that a call ran."""
        self.ran.append(name)

    def add(self, name: str, size: int = 1) -> None:
        """Put a call off."""
        self.put_off.add(name, lambda: self.call(name), size)

    def test_due(self) -> None:
        """A call runs when its time has come, however often it was put off."""
        self.add("a")
        self.now = 0.4
        self.add("a")
        self.add("b")
        self.put_off.run_due()
        self.assertEqual(self.ran, [])
        self.now = put_off.LATER_SECONDS
        self.put_off.run_due()
        self.assertEqual(self.ran, ["a"])
        self.assertEqual(self.put_off.size, 1)
        self.now = 1.0
        self.put_off.run_due()
        self.assertEqual(self.ran, ["a", "b"])
        self.assertFalse(self.put_off)

    def test_share(self) -> None:
        """Between two batches there is a moment for it, and no more."""

        def slow() -> None:
            self.ran.append("slow")
            self.now += 0.004

        for name in range(5):
            self.put_off.add(name, slow, 1)
        self.now = 10.0
        self.put_off.run_due()
        self.assertEqual(len(self.ran), 2)

    def test_too_much(self) -> None:
        """What keeps too much in memory runs at once, oldest first."""
        self.add("a", put_off.LATER_OCTETS)
        self.add("b", 1)
        self.put_off.run_due()
        self.assertEqual(self.ran, ["a"])

    def test_failure(self) -> None:
        """What failed runs again after a while, and keeps a checkpoint waiting."""
        failures = [ZeroDivisionError()]

        def call() -> None:
            if failures:
                raise failures.pop()
            self.ran.append("a")

        self.put_off.add("a", call, 1)
        self.assertFalse(self.put_off.run_all())
        self.assertEqual(self.put_off.size, 1)
        self.put_off.run_idle(lambda: False)
        self.assertEqual(self.ran, [])
        self.now = put_off.RETRY_SECONDS
        self.put_off.run_due()
        self.assertEqual(self.ran, ["a"])
        self.assertTrue(self.put_off.run_all())
        self.flushLoggedErrors(ZeroDivisionError)

    def test_idle(self) -> None:
        """With nothing else to do all runs, then what nobody needs."""
        more = [True, True, False]

        def idle() -> bool:
            self.ran.append("idle")
            return more.pop(0)

        self.put_off.add("a", lambda: idle, 1)
        self.add("b")
        self.put_off.run_idle(lambda: True)
        self.assertEqual(self.ran, [])
        self.put_off.run_idle(lambda: False)
        self.assertEqual(self.ran, ["b", "idle", "idle", "idle"])
        self.assertFalse(self.put_off)

    def test_idle_failure(self) -> None:
        """What nobody needs is not tried again."""
        self.put_off.add("a", lambda: lambda: bool(1 // 0), 1)
        self.put_off.run_idle(lambda: False)
        self.assertFalse(self.put_off)
        self.flushLoggedErrors(ZeroDivisionError)
