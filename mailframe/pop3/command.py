"""What a POP3 command is, and what an extension is.

Source: RFC 1939 section 3, RFC 2449 section 5.
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


EARLY = (State.AUTHORIZATION,)
LATE = (State.TRANSACTION,)


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
    states: tuple[State, ...]
    run: Callable[[POP3Server, bytes], Step]

    @property
    def when(self) -> str:
        """Say when it is allowed."""
        return "before login" if State.AUTHORIZATION in self.states else "after login"


@dataclass(frozen=True, slots=True)
class Extension:
    """What one file of ``extensions/`` adds.

    Attributes:
        told: Returns the line that CAPA has of it now, ``None`` for no line.
        commands: Its commands.
    """

    told: Callable[[POP3Server], bytes | None]
    commands: tuple[Command, ...] = ()


def always(line: bytes) -> Callable[[POP3Server], bytes | None]:
    """Return what tells the same line in every state."""
    return lambda session: line
