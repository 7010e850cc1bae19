"""How long ago each user came in.

Source: RFC 2449 section 6.5.
"""

from collections import OrderedDict
from collections.abc import Callable

SIZE = 100_000
"""Users remembered; of more, those who came longest ago may come again."""


class LoginDelays:
    """Users wait between two logins; one for all ports of a host.

    Attributes:
        delay: Seconds between two logins of a user.
    """

    def __init__(self, delay: int, seconds: Callable[[], float]) -> None:
        """Begin with nobody.

        Args:
            delay: An attribute above, 1 or more.
            seconds: A clock.
        """
        self.delay = delay
        self._seconds = seconds
        # In the order of their logins.
        self._came: OrderedDict[str, float] = OrderedDict()

    def may_come(self, user: str) -> bool:
        """Tell whether a user may log in now."""
        self._forget(self._seconds() - self.delay)
        return user not in self._came

    def came(self, user: str) -> None:
        """Note that a user has logged in now."""
        self._came[user] = self._seconds()
        self._came.move_to_end(user)
        if len(self._came) > SIZE:
            self._came.popitem(last=False)

    def _forget(self, before: float) -> None:
        while self._came:
            user, when = next(iter(self._came.items()))
            if when > before:
                return
            del self._came[user]
