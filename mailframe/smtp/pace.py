"""How slow a client may be: a budget of seconds for what it is sending.

Waiting for octets uses the budget up, and content that comes adds to it. So a
client that is silent and one that sends an octet a minute are gone at the same
time, and a large message on a slow line has the time it needs.

Source: RFC 5321 section 4.5.3.2; Postfix's smtpd_per_request_deadline and
smtpd_min_data_rate.
"""


class Pace:
    """The budget for one command, or for the content of one message.

    Attributes:
        left: Seconds that were left when the last octets had come.
    """

    __slots__ = ("_at", "_begun", "_most", "_rate", "left")

    def __init__(self, most: float) -> None:
        """Wait for a command; see :meth:`begin`."""
        self._at = 0.0
        self.begin(most)

    def begin(self, most: float, rate: float = 0.0) -> None:
        """Wait for something new.

        Args:
            most: Seconds there are for it, and never more at once.
            rate: Octets a second that use up no time. Without one no number of
                octets gives more time, which begins with the first of them;
                else it has begun.
        """
        self.left = self._most = most
        self._rate = rate
        self._begun = rate > 0

    def came(self, octets: int, now: float) -> None:
        """Note that octets have come at ``now``."""
        if self._begun:
            self.left -= now - self._at
            if self._rate and self.left > 0:
                self.left = min(self.left + octets / self._rate, self._most)
        self._begun = True
        self._at = now

    def go_on(self, now: float) -> None:
        """The client may send again at ``now``: what we took is not its time."""
        self._at = now
