"""Policy that looks at mail on its way in: one small class a check.

Checks are asked in their configured order; the first verdict that is not
``None`` ends the stage. One that fails or takes too long is answered for by
its configured default.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum

from zope.interface import Interface

from mailframe.model.envelope import ForwardPath, Origin, ReversePath


class Decision(Enum):
    """What a check wants."""

    ACCEPT = "accept"
    DEFER = "defer"
    REFUSE = "refuse"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A check's answer.

    Attributes:
        decision: ACCEPT skips the remaining checks of this stage.
        text: For the reply and the log; printable ASCII, one line.
        header: Fields to put before the message, whole lines with CRLF.
    """

    decision: Decision
    text: str = ""
    header: bytes = b""


class IMessageCheck(Interface):
    """Looks at a session, its envelopes and contents; ``None`` is no opinion.

    The checker keeps no state between calls but in the ``memory`` dict, which
    is one per transaction and its own.
    """

    def connect(origin: Origin) -> Awaitable[Verdict | None]:
        """Look at a client before its first command."""

    def mail(
        memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Awaitable[Verdict | None]:
        """Look at MAIL."""

    def rcpt(
        memory: dict[str, object], forward_path: ForwardPath
    ) -> Awaitable[Verdict | None]:
        """Look at one RCPT; the verdict is on this recipient."""

    def content(memory: dict[str, object], octets: bytes) -> Awaitable[None] | None:
        """Look at the next piece of the content."""

    def end(memory: dict[str, object]) -> Awaitable[Verdict | None]:
        """Give the verdict on the whole message."""
