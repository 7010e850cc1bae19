"""What a POP3 command is: its name, where it is allowed, what it does.

Source: RFC 1939 section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server

Step = Coroutine[Any, Any, None] | None


class State(Enum):
    """Where a session is (RFC 1939 section 3); UPDATE is over as it begins."""

    AUTHORIZATION = 1
    TRANSACTION = 2


EARLY = frozenset({State.AUTHORIZATION})
LATE = frozenset({State.TRANSACTION})


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: In capitals.
        states: Where it is allowed.
        run: Takes the session and the argument octets. What has to wait
            returns a coroutine; what need not returns ``None``, having replied.
    """

    name: str
    states: frozenset[State]
    run: Callable[[POP3Server, bytes], Step]

    @property
    def when(self) -> str:
        """Say when it is allowed."""
        return "before login" if State.AUTHORIZATION in self.states else "after login"
