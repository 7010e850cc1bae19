"""How much an account may hold, and how much it holds.

Source: RFC 9208 sections 3 and 5.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """The bounds of a quota root.

    Attributes:
        octets: Sum of the sizes of all messages, or ``None`` for no bound.
        messages: Number of messages, or ``None`` for no bound.
    """

    octets: int | None = None
    messages: int | None = None

    def or_octets(self, octets: int | None) -> "QuotaLimits":
        """Return these, with another bound on octets where there is none."""
        if octets is None or self.octets is not None:
            return self
        return replace(self, octets=octets)

    def allow(self, octets: int, messages: int) -> bool:
        """Tell whether so much may be held."""
        return (self.octets is None or octets <= self.octets) and (
            self.messages is None or messages <= self.messages
        )


NO_LIMITS = QuotaLimits()


@dataclass(frozen=True, slots=True)
class QuotaRoot:
    """Some mailboxes that share bounds.

    Attributes:
        name: What clients call it; may be empty.
        limits: The bounds.
        octets: Sum of the sizes of the messages.
        messages: Their number.
    """

    name: str
    limits: QuotaLimits
    octets: int
    messages: int
