"""What a command is, and what an extension may add.

Commands are declared in tables; the server alone turns what they declare into
"may it be given now" and "may an EXPUNGE be told now".

Source: RFC 9051 section 6.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Flag, auto
from typing import TYPE_CHECKING, Any, Protocol

from mailframe.imap.cursor import Cursor

if TYPE_CHECKING:
    from mailframe.imap.appending import Appending
    from mailframe.imap.session import Session


class State(Flag):
    """Where a session is.  Source: RFC 9051 section 3."""

    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()


NOT_AUTHENTICATED = State.NOT_AUTHENTICATED
SELECTED = State.SELECTED
LOGGED_IN = State.AUTHENTICATED | State.SELECTED
ANY = State.NOT_AUTHENTICATED | LOGGED_IN


class Dialogue(Protocol):
    """A command that goes on reading lines: AUTHENTICATE, IDLE.

    Each method returns the text of the tagged OK when the command is complete,
    ``None`` when it goes on, or a coroutine that returns one of these. What it
    raises ends the command as for any other.
    """

    max_line: int

    def begin(self) -> "Answer":
        """Begin, with the command itself."""

    def line(self, octets: bytes) -> "Answer":
        """Take a line, its CRLF cut off."""

    def woken(self) -> "Coroutine[Any, Any, Completed] | None":
        """Say what has to be said unasked; called whenever no line is there."""


Completed = bytes | None
Answer = Completed | Coroutine[Any, Any, Completed]
Result = bytes | Dialogue | Coroutine[Any, Any, bytes]
"""What a command gives: the text of its tagged OK with the response code, at
once or from a coroutine; or a dialogue that ends in one."""


def no_arguments(cursor: Cursor) -> None:
    """Read the arguments of a command that has none.

    Raises:
        BadSyntax: There is something.
    """
    cursor.end()


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: In capitals; ``UID FETCH`` and its like are names of their own.
        states: When it may be given.
        run: Carries it out; gets the session and what ``parse`` returned.
        parse: Reads the arguments, from the octet after the name on.
        uses_sequence_numbers: Whether its arguments or responses have message
            sequence numbers, so that no EXPUNGE may be sent while it is in
            progress (RFC 9051 section 7.5.1).
        by_uid: Whether FETCH responses made by it have the UID.
        appending: Makes what takes the messages that the command brings; then
            ``run`` is never called.
    """

    name: bytes
    states: State
    run: "Callable[[Session, Any], Result]"
    parse: Callable[[Cursor], Any] = no_arguments
    uses_sequence_numbers: bool = False
    by_uid: bool = False
    appending: "Callable[[Session], Appending] | None" = None


def once_logged_in(session: "Session") -> bool:
    """Announce a capability after login."""
    return session.account is not None


def always(session: "Session") -> bool:
    """Announce a capability in every state."""
    return True


@dataclass(frozen=True, slots=True)
class Extension:
    """What one file of ``extensions/`` adds.

    Attributes:
        capability: As CAPABILITY says it.
        commands: New commands, and new UID forms.
        announced: Whether a session's CAPABILITY has it now.
        told: Returns what CAPABILITY says when that is more than the name.
        can_be_enabled: Whether ENABLE takes it (RFC 5161 section 3.1).
        implies: Names, in capitals, of what is switched on with it.
        switched_on: Called once, when it is switched on in a session.
        check: Called with each command and its arguments while it is switched
            on, or since the login if it is no matter of ENABLE; raises what
            refuses the command. Before a message that a command brings the
            arguments are ``None``.
        reset: Undoes what a session has because of it (RFC 8437 section 4.1);
            what was switched on, and the selected mailbox, are undone without.
    """

    capability: bytes
    commands: tuple[Command, ...] = ()
    announced: "Callable[[Session], bool]" = once_logged_in
    told: "Callable[[Session], bytes] | None" = None
    can_be_enabled: bool = False
    implies: tuple[str, ...] = ()
    switched_on: "Callable[[Session], None] | None" = None
    check: "Callable[[Session, Command, Any], None] | None" = None
    reset: "Callable[[Session], None] | None" = None

    @property
    def name(self) -> str:
        """The capability in capitals, as ``Session.enabled`` has it."""
        return self.capability.decode("ascii").upper()
