"""What an operator may decide about the POP3 service itself.

The defaults are the safe ones.
"""

from dataclasses import dataclass

from mailframe.pop3.login_delays import LoginDelays


@dataclass(frozen=True, slots=True, kw_only=True)
class POP3Options:
    """How POP3 shall behave, on all its ports."""

    apop: bool = False
    """Whether APOP is offered, where a checker keeps passwords as they are."""
    expire: int | None = None
    """Days for which messages stay at least, as CAPA says it; ``None`` for ever.
    With 0, what was read with RETR is removed by QUIT."""
    login_delays: LoginDelays | None = None
    """How often a user may come; shared by all ports. ``None``: at any time."""
