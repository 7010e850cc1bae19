"""How many attempts to make at the same time: grows with success. Pure.

Additive increase with success, decrease with failure, as TCP paces a
connection (RFC 5681 section 3.1) and Postfix its destinations.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Window:
    """The number of simultaneous attempts at something.

    Attributes:
        least: Never fewer.
        most: Never more.
        size: How many now, a fraction counts as none.
        step: What a success adds and a failure takes, divided by the size;
            or, with ``steep``, as it is.
        steep: Whether steps are the same at each size.
        failures: Failures since the last success.
    """

    least: float
    most: float
    size: float
    step: float = 1.0
    steep: bool = False
    failures: int = 0

    def room(self, active: int) -> bool:
        """Tell whether one more attempt fits beside those that are active."""
        return active < int(self.size)

    def succeeded(self) -> None:
        """Note that the other side was there and answered."""
        self.failures = 0
        self.size = min(self.most, self.size + self._step())

    def failed(self) -> None:
        """Note that it was not."""
        self.failures += 1
        self.size = max(self.least, self.size - self._step())

    def _step(self) -> float:
        return self.step if self.steep else self.step / self.size
