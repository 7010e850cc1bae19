"""Budgets of seconds, by a clock of their own."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import POP3Limits
from mailframe.pace import LoginPace, Pace


class PaceTests(SynchronousTestCase):
    """The budget itself."""

    def test_silence_before(self) -> None:
        """The time begins with the first octets."""
        pace = Pace(10.0)
        pace.came(1, 100.0)
        self.assertEqual(pace.left, 10.0)
        pace.came(1, 104.0)
        self.assertEqual(pace.left, 6.0)
        pace.begin(20.0)
        pace.came(1, 200.0)
        self.assertEqual(pace.left, 20.0)

    def test_rate(self) -> None:
        """Content gives time, but never more than there was."""
        pace = Pace(10.0)
        pace.came(1, 0.0)
        pace.begin(10.0, 100.0, begun=True)
        pace.came(400, 8.0)
        self.assertEqual(pace.left, 6.0)
        pace.came(1_000_000, 9.0)
        self.assertEqual(pace.left, 10.0)

    def test_spent(self) -> None:
        """What comes too late gives no time."""
        pace = Pace(10.0)
        pace.came(1, 0.0)
        pace.begin(10.0, 100.0, begun=True)
        pace.came(1_000_000, 10.0)
        self.assertEqual(pace.left, 0.0)

    def test_our_time(self) -> None:
        """What we took is not the client's, though it sent something meanwhile."""
        pace = Pace(10.0)
        pace.came(1, 0.0)
        pace.stop()
        pace.came(1, 40.0)
        pace.go_on(50.0)
        pace.came(1, 51.0)
        self.assertEqual(pace.left, 9.0)

    def test_rate_from_the_first_octet(self) -> None:
        """What begins with its first octets can have a rate too."""
        pace = Pace(10.0)
        pace.begin(10.0, 100.0)
        pace.came(1, 50.0)
        pace.came(100, 54.0)
        self.assertEqual(pace.left, 7.0)


class LoginPaceTests(SynchronousTestCase):
    """The budget of a session with a login."""

    def setUp(self) -> None:
        """Begin at 100 seconds."""
        self.time = 100.0
        limits = POP3Limits(login_time=180.0, login_timeout=60.0, timeout=600.0)
        self.pace = LoginPace(limits, self.time)

    def came(self, seconds: float) -> None:
        """Have an octet come some seconds later."""
        self.time += seconds
        self.pace.came(1, self.time)

    def test_before(self) -> None:
        """All commands before the login share one budget."""
        self.assertEqual(self.pace.timeout, 60.0)
        for _ in range(3):
            self.came(50)
            self.pace.ended()
        self.assertEqual(self.pace.timeout, 30.0)
        self.came(30)
        self.assertLessEqual(self.pace.left, 0)

    def test_login(self) -> None:
        """The login ends it; after that each command has its own."""
        self.came(179)
        self.pace.ended()
        self.pace.stop()
        self.time += 1000
        self.pace.answered(True, self.time)
        self.assertEqual(self.pace.timeout, 600.0)
        for _ in range(3):
            self.came(599)
            self.came(599)
            self.assertEqual(self.pace.timeout, 1.0)
            self.pace.ended()
            self.assertEqual(self.pace.timeout, 600.0)

    def test_logged_out(self) -> None:
        """Who is not logged in any more has the time for a login again."""
        self.came(100)
        self.pace.answered(True, self.time)
        self.time += 10_000
        self.pace.answered(False, self.time)
        self.came(50)
        self.pace.ended()
        self.came(50)
        self.assertGreater(self.pace.left, 0)
        self.came(80)
        self.assertLessEqual(self.pace.left, 0)
