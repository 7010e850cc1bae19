"""How slow a client may be: a budget of seconds for what it is sending.

Waiting for octets uses the budget up, and content that comes adds to it. So a
client that is silent and one that sends an octet a minute are gone at the same
time, and a large message on a slow line has the time it needs.

Source: RFC 5321 section 4.5.3.2; Postfix's smtpd_per_request_deadline and
smtpd_min_data_rate.
"""

from mailframe.limits import IMAPLimits, POP3Limits


class Pace:
    """The budget for one command, for the content of one message, or for more.

    Attributes:
        left: Seconds that were left when the last octets had come.
    """

    __slots__ = ("_at", "_begun", "_most", "_rate", "_stopped", "left")

    def __init__(self, most: float) -> None:
        """Wait for a command; see :meth:`begin`."""
        self._at = 0.0
        self._stopped = False
        self.begin(most)

    def begin(self, most: float, rate: float = 0.0, *, begun: bool = False) -> None:
        """Wait for something new.

        Args:
            most: Seconds there are for it, and never more at once.
            rate: Octets a second that use up no time. Without one no number of
                octets gives more time.
            begun: Whether the time has begun when something came last; else it
                begins with the next octets.
        """
        self.left = self._most = most
        self._rate = rate
        self._begun = begun

    def came(self, octets: int, now: float) -> None:
        """Note that octets have come at ``now``."""
        if self._begun:
            if not self._stopped:
                self.left -= now - self._at
            if self._rate and self.left > 0:
                self.left = min(self.left + octets / self._rate, self._most)
        self._begun = True
        self._at = now

    def stop(self) -> None:
        """What is done from now on takes our time, not the client's."""
        self._stopped = True

    def go_on(self, now: float) -> None:
        """The client may send again at ``now``."""
        self._stopped = False
        self._at = now


class LoginPace(Pace):
    """The time of a session in which a login comes first.

    All that comes before the login has one budget, which begins with the session;
    after it each command has one of its own, with all its literals.
    """

    __slots__ = ("_each", "_limits", "_logged_in")

    def __init__(
        self, limits: IMAPLimits | POP3Limits, now: float, rate: float = 0.0
    ) -> None:
        """Begin before the login.

        Args:
            limits: Whose ``login_time``, ``login_timeout`` and ``timeout`` count.
            now: When the session begins.
            rate: Octets of a command after the login that give a second back; 0
                if none do.
        """
        super().__init__(limits.login_time)
        self._limits = limits
        self._each = rate
        self._logged_in = False
        self._begin_login(now)

    @property
    def timeout(self) -> float:
        """Seconds of silence allowed now."""
        left = self.left
        return left if self._logged_in else min(left, self._limits.login_timeout)

    def ended(self) -> None:
        """A command has come to its end: after the login, the next has its time."""
        if self._logged_in:
            self.begin(self._limits.timeout, self._each)

    def answered(self, logged_in: bool, now: float) -> None:
        """What we did is done, and the client may send again.

        Args:
            logged_in: Whether it is logged in now.
            now: When that is.
        """
        self.go_on(now)
        if logged_in is self._logged_in:
            return
        self._logged_in = logged_in
        if logged_in:
            self.ended()
        else:
            self._begin_login(now)

    def _begin_login(self, now: float) -> None:
        self.begin(self._limits.login_time, begun=True)
        self.go_on(now)
