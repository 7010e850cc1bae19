"""Tests of :mod:`mailframe.queue.schedule`: tables and properties."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.model.envelope import DeliverBy, ReversePath
from mailframe.queue.schedule import DAY, HOUR, MINUTE, Schedule, Schedules

PLAIN = ReversePath(None)
ARRIVED = 1_000_000.0


class ScheduleTests(SynchronousTestCase):
    """The times of attempts."""

    def test_waits(self) -> None:
        """Five minutes, doubled up to four hours, then every four hours."""
        found = [Schedule().wait(attempts, 0.0) for attempts in range(1, 10)]
        minutes = [5, 10, 20, 40, 60, 120, 240, 240, 240]
        self.assertEqual(found, [one * MINUTE for one in minutes])

    def test_jitter(self) -> None:
        """Chance makes a wait shorter, by a tenth at most."""
        self.assertEqual(Schedule().wait(1, 1.0), 4.5 * MINUTE)
        self.assertEqual(Schedule(jitter=0.5).wait(1, 0.5), 3.75 * MINUTE)

    def test_last_attempt(self) -> None:
        """The last attempt is made exactly at the end of the lifetime."""
        schedule = Schedule()
        end = ARRIVED + 5 * DAY
        for now, again in (
            (ARRIVED, ARRIVED + 4 * HOUR),
            (end - HOUR, end),
            (end - 1, end),
            (end, None),
            (end + 1, None),
        ):
            found = schedule.again(ARRIVED, PLAIN, 99, now, 0.0)
            self.assertEqual(found, again)

    def test_hold_until(self) -> None:
        """The lifetime of a message to be sent later begins then."""
        path = ReversePath(None, hold_until=ARRIVED + 9 * DAY)
        self.assertEqual(Schedule().expiry(ARRIVED, path), ARRIVED + 14 * DAY)
        self.assertFalse(Schedule().warns(ARRIVED, path, ARRIVED + 9 * DAY))
        self.assertTrue(Schedule().warns(ARRIVED, path, ARRIVED + 9 * DAY + 4 * HOUR))

    def test_deliver_by(self) -> None:
        """Mode R ends the attempts, mode N warns."""
        at = ARRIVED + HOUR
        back = ReversePath(None, deliver_by=DeliverBy(at, bounce=True))
        told = ReversePath(None, deliver_by=DeliverBy(at, bounce=False))
        schedule = Schedule()
        self.assertEqual(schedule.expiry(ARRIVED, back), at)
        self.assertIsNone(schedule.again(ARRIVED, back, 1, at, 0.0))
        self.assertEqual(schedule.expiry(ARRIVED, told), ARRIVED + 5 * DAY)
        self.assertFalse(schedule.warns(ARRIVED, told, at - 1))
        self.assertTrue(schedule.warns(ARRIVED, told, at))
        self.assertFalse(schedule.warns(ARRIVED, back, at))
        # The sender hears of it then, not when the next attempt would have been.
        self.assertEqual(schedule.again(ARRIVED, told, 5, at - 60, 0.0), at)
        self.assertGreater(schedule.again(ARRIVED, told, 5, at, 0.0) or 0, at)

    def test_no_schedule(self) -> None:
        """Times that make no sense are refused."""
        for wrong in (
            {"waits": ()},
            {"waits": (0.0,)},
            {"lifetime": 0.0},
            {"warn_after": -1.0},
            {"jitter": 1.5},
        ):
            with self.assertRaises(ValueError):
                Schedule(**wrong)

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.floats(1, 10**6), min_size=1, max_size=8),
        st.floats(1, 10**6),
        st.floats(0, 1),
        st.floats(0, 0.999),
    )
    def test_ends(self, waits: Any, lifetime: Any, chance: Any, jitter: Any) -> None:
        """Attempts never go back in time, and end exactly with the lifetime."""
        schedule = Schedule(tuple(waits), lifetime, 1.0, jitter)
        now, attempts = ARRIVED, 1
        while attempts < 1000:
            again = schedule.again(ARRIVED, PLAIN, attempts, now, chance)
            if again is None:
                self.assertEqual(now, ARRIVED + lifetime)
                break
            self.assertGreater(again, now)
            now, attempts = again, attempts + 1


class SchedulesTests(SynchronousTestCase):
    """Which destination has which schedule."""

    def test_closest(self) -> None:
        """The closest name counts; a dot in front means all below."""
        one, two, three = (Schedule(lifetime=n * DAY) for n in (1, 2, 3))
        schedules = Schedules(
            by_destination={"x.example": one, ".example": two, ".y.example": three}
        )
        for destination, found in (
            ("x.example", one),
            ("a.x.example", two),
            ("y.example", two),
            ("a.b.y.example", three),
            ("example", schedules.default),
            ("x.example.org", schedules.default),
            ("[192.0.2.1]", schedules.default),
            ("", schedules.default),
        ):
            self.assertIs(schedules.of(destination), found, destination)
