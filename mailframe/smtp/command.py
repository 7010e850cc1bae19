"""What a command is, and what a service extension may add.

Source: RFC 5321 sections 2.2 and 4.1.1.
"""

import dataclasses
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from mailframe.smtp.session import Session

Step = Coroutine[Any, Any, None]

ANY_SERVICE = frozenset({"smtp", "submission", "lmtp"})


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        verb: Its name, upper case.
        run: Answers it, given the session and the argument without white
            space around it: at once, or by returning a coroutine. What it
            raises is answered by the server.
        services: Where it exists.
        moves_mail: Whether it brings a message nearer; the others may come
            only so often in a row.
    """

    verb: bytes
    run: Callable[[Session, str], Step | None]
    services: frozenset[str] = ANY_SERVICE
    moves_mail: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of MAIL or RCPT.

    Attributes:
        field: Which attribute of ``ReversePath`` or ``ForwardPath`` it gives.
        parse: Returns that attribute, given the session and the value;
            ``None`` when there was no ``=``. Raises BadSyntax or MailError.
        also: What else follows from a value that could be parsed, by attribute.
    """

    field: str
    parse: Callable[[Session, str | None], object]
    also: Mapping[str, Callable[[str], object]] = dataclasses.field(
        default_factory=dict
    )


def _announced(session: Session) -> str | None:
    return ""


@dataclass(frozen=True, slots=True)
class Extension:
    """A service extension (RFC 5321 section 2.2.1).

    Attributes:
        keyword: As EHLO shows it.
        offer: Returns what follows the keyword, ``""`` for nothing, or
            ``None`` when it is not offered to this session now.
        commands: What it adds.
        mail_parameters: Parameters of MAIL it adds, by keyword.
        rcpt_parameters: Parameters of RCPT it adds, by keyword.
    """

    keyword: str
    offer: Callable[[Session], str | None] = _announced
    commands: tuple[Command, ...] = ()
    mail_parameters: Mapping[str, Parameter] = dataclasses.field(default_factory=dict)
    rcpt_parameters: Mapping[str, Parameter] = dataclasses.field(default_factory=dict)
