"""Tests of :mod:`mailframe.storage.put_off`: many calls, one run, and in time."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.storage import put_off
from mailframe.storage.put_off import Outcome, PutOff, UnderWay


class _Elsewhere(UnderWay):
    """Work that is over when the test says so."""

    def __init__(self) -> None:
        self.over: Outcome | ZeroDivisionError = self
        self.waited = False

    def outcome(self, wait: bool) -> Outcome:
        self.waited = self.waited or wait
        if isinstance(self.over, ZeroDivisionError):
            raise self.over
        return None if wait and self.over is self else self.over


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
        self.put_off.add(name, lambda here: self.call(name), size)

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

        def slow(here: bool) -> None:
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

        def call(here: bool) -> None:
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

        self.put_off.add("a", lambda here: idle, 1)
        self.add("b")
        self.put_off.run_idle(lambda: True)
        self.assertEqual(self.ran, [])
        self.put_off.run_idle(lambda: False)
        self.assertEqual(self.ran, ["b", "idle", "idle", "idle"])
        self.assertFalse(self.put_off)

    def test_idle_failure(self) -> None:
        """What nobody needs is not tried again."""
        self.put_off.add("a", lambda here: lambda: bool(1 // 0), 1)
        self.put_off.run_idle(lambda: False)
        self.assertFalse(self.put_off)
        self.flushLoggedErrors(ZeroDivisionError)

    def begin(self, name: str, size: int = 1) -> _Elsewhere:
        """Put off what begins elsewhere, unless it must be done here."""
        work = _Elsewhere()

        def call(here: bool) -> Outcome:
            self.call(f"{name} here" if here else name)
            return None if here else work

        self.put_off.add(name, call, size)
        return work

    def test_under_way(self) -> None:
        """What goes on elsewhere counts until it is over."""
        work = self.begin("a", 5)
        self.now = 1.0
        self.put_off.run_due()
        self.put_off.run_idle(lambda: False)
        self.assertEqual(self.ran, ["a"])
        self.assertEqual(self.put_off.size, 5)
        self.assertTrue(self.put_off)
        work.over = None
        self.put_off.run_due()
        self.assertEqual(self.put_off.size, 0)
        self.assertFalse(self.put_off)

    def test_no_more_under_way(self) -> None:
        """No more than some goes on elsewhere, and of each key one piece."""
        works = [self.begin(str(n)) for n in range(put_off.UNDER_WAY_MAX + 2)]
        self.now = 1.0
        self.put_off.run_due()
        self.assertEqual(len(self.ran), put_off.UNDER_WAY_MAX)
        works[0].over = None
        self.put_off.run_idle(lambda: False)
        self.assertEqual(len(self.ran), put_off.UNDER_WAY_MAX + 1)
        works[1].over = None
        self.begin("2")
        self.now = 2.0
        self.put_off.run_due()
        self.assertEqual(self.ran[-1], str(put_off.UNDER_WAY_MAX + 1))
        self.assertEqual(self.ran.count("2"), 1)

    def test_too_much_under_way(self) -> None:
        """What is too much is done here, after what is under way for its key."""
        work = self.begin("a")
        self.now = 1.0
        self.put_off.run_due()
        self.begin("a", put_off.LATER_OCTETS)
        self.put_off.run_due()
        self.assertTrue(work.waited)
        self.assertEqual(self.ran, ["a", "a here"])
        self.assertEqual(self.put_off.size, 0)

    def test_failed_elsewhere(self) -> None:
        """What failed elsewhere is done again, with what came meanwhile."""
        work = self.begin("a", 2)
        self.now = 1.0
        self.put_off.run_due()
        self.begin("a", 3)
        work.over = ZeroDivisionError()
        self.put_off.run_due()
        self.assertEqual(self.put_off.size, 5)
        self.now += put_off.RETRY_SECONDS
        work.over = work
        self.put_off.run_due()
        self.assertTrue(self.put_off.run_all())
        self.assertEqual(self.ran, ["a", "a"])
        self.assertEqual(self.put_off.size, 0)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_goes_on_elsewhere(self) -> None:
        """A second part may follow the first; in the end all is over."""
        work, second = self.begin("a"), _Elsewhere()
        self.now = 1.0
        self.put_off.run_due()
        work.over = second
        self.put_off.run_due()
        self.assertTrue(self.put_off.run_all())
        self.assertTrue(second.waited)
        self.assertFalse(self.put_off)

    def test_done_before(self) -> None:
        """What was here once is told from what came later, until it is done."""
        failures = [ZeroDivisionError()]

        def failing(here: bool) -> None:
            if failures:
                raise failures.pop()

        work = self.begin("a")
        self.put_off.add("b", failing, 1)
        since = self.put_off.turn_over()
        self.add("c")
        self.now = 1.0
        self.put_off.run_due()
        self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual(self.ran, ["a", "c"])
        self.assertFalse(self.put_off.done_before(since))
        work.over = None
        self.put_off.run_due()
        self.assertFalse(self.put_off.done_before(since), "one failed")
        self.begin("a")
        self.now += put_off.RETRY_SECONDS
        self.put_off.run_due()
        self.assertTrue(self.put_off.done_before(since))
        self.assertFalse(self.put_off.done_before(self.put_off.turn_over()))

    def test_idle_under_way(self) -> None:
        """What nobody needs waits until nothing is under way."""
        work = self.begin("a")

        def idle() -> bool:
            self.call("idle")
            return False

        self.put_off.add("b", lambda here: idle, 1)
        self.now = 1.0
        self.put_off.run_due()
        self.assertEqual(self.put_off.patience(1.0), put_off.LOOK_SECONDS)
        self.put_off.run_idle(lambda: False)
        self.assertEqual(self.ran, ["a"])
        work.over = None
        self.put_off.run_due()
        self.assertEqual(self.put_off.patience(1.0), 1.0)
        self.put_off.run_idle(lambda: False)
        self.assertEqual(self.ran, ["a", "idle"])
        self.assertIsNone(self.put_off.patience(1.0))

    def test_all(self) -> None:
        """A checkpoint has some done here while others go on elsewhere."""
        for name in range(put_off.UNDER_WAY_MAX + 1):
            self.begin(str(name))
        self.assertTrue(self.put_off.run_all())
        self.assertEqual(self.ran[-1], f"{put_off.UNDER_WAY_MAX} here")
        self.assertEqual(self.put_off.size, 0)
