"""What a look at a host's surroundings finds, and how it is mended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        state: ``ok``, ``warn`` (works, but) or ``bad``.
        subject: Where: ``tls``, ``port``, ``mx`` and the like.
        text: What is so.
        mend: What to do about it; ``""`` when all is well.
    """

    state: str
    subject: str
    text: str
    mend: str = ""
