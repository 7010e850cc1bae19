"""Remember for a while who exists, and who does not.

A directory far away is asked once for an address, not for every RCPT TO; many who
ask for the same address at the same time share one question.
"""

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

_T = TypeVar("_T")


class DirectoryCache(Generic[_T]):
    """Answers of one directory, each for its time.

    That the directory could not be asked is never remembered, and never
    answered with what was known before: the next one asks again.
    """

    def __init__(
        self,
        ask: Callable[[str], Coroutine[Deferred[Any], Any, _T | None]],
        seconds: Callable[[], float],
        positive: float = 60.0,
        negative: float = 10.0,
        size: int = 10_000,
    ) -> None:
        """Begin empty.

        Args:
            ask: Asks the directory itself, as ``IUserDirectory.find`` does.
            seconds: A clock.
            positive: Seconds a user is remembered for; 0 for not at all.
            negative: The same for an address nobody has.
            size: Addresses remembered; the oldest goes first.
        """
        self._ask = ask
        self._seconds = seconds
        self._positive = positive
        self._negative = negative
        self._size = size
        self._known: OrderedDict[str, tuple[float, _T | None]] = OrderedDict()
        self._asking: dict[str, list[Deferred[_T | None]]] = {}

    def find(self, address: str) -> "Deferred[_T | None]":
        """Return what is known of an address, or ask.

        Raises:
            TemporaryFailure: The directory cannot be asked now.
        """
        outcome: Deferred[_T | None] = Deferred()
        known = self._known.get(address)
        if known is not None and self._seconds() < known[0]:
            outcome.callback(known[1])
            return outcome
        waiting = self._asking.get(address)
        if waiting is not None:
            waiting.append(outcome)
            return outcome
        self._asking[address] = [outcome]
        # The question is nobody's own: who goes away takes no answer from others.
        Deferred.fromCoroutine(self._ask(address)).addBoth(self._tell, address)
        return outcome

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()

    def _tell(self, answer: _T | Failure | None, address: str) -> None:
        if not isinstance(answer, Failure):
            self._remember(address, answer)
        for outcome in self._asking.pop(address):
            if not outcome.called:
                outcome.callback(answer)

    def _remember(self, address: str, entry: _T | None) -> None:
        ttl = self._negative if entry is None else self._positive
        if ttl <= 0:
            self._known.pop(address, None)
            return
        self._known[address] = (self._seconds() + ttl, entry)
        self._known.move_to_end(address)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
