"""Where one copy of a message goes in the end: values, nothing else."""

from dataclasses import dataclass, field
from typing import NamedTuple

from mailframe.errors import MailError
from mailframe.model.address import Address


class Mailbox(NamedTuple):
    """An account of ours.

    Attributes:
        user: Its canonical address.
        detail: What came after the separator of the address, ``""`` without.
    """

    user: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An address whose mail leaves this host.

    Attributes:
        address: Where to; the domain in lower case, U-labels.
        via: The server it is given to, ``lmtp:HOST:PORT``, ``lmtp:/SOCKET`` or
            ``smtp:HOST:PORT``; ``""`` for where the domain is at home.
    """

    address: Address
    via: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A program the message is given to.

    Attributes:
        line: Program and arguments as the table has them; quotes keep what
            has blanks in it together, and that is all they do.
        user: The canonical address of the user whose mail it is; ``""`` when a
            table named the program.
    """

    line: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file the message is appended to.

    Attributes:
        path: Absolute.
        user: As with a program.
    """

    path: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """An address in a table of ours to which nothing can be delivered.

    Attributes:
        address: The address, ``None`` for what is none.
        refusal: Why.
    """

    address: Address | None
    refusal: MailError = field(compare=False)


Place = Mailbox | Elsewhere | Command | File | Broken


class Destination(NamedTuple):
    """A place, and what a table said about how to get there.

    Attributes:
        place: Where.
        sender: The reverse-path an ``owner-`` alias asks for; ``None`` for
            the message's own.
        forwarded: Whether a table made this place out of another address.
    """

    place: Place
    sender: Address | None = None
    forwarded: bool = False


SERVERS = ("lmtp:", "smtp:")
"""What begins the name of a server in a table."""


def via_of(place: Command | File) -> str:
    """Return a program or file as :attr:`ForwardPath.via` has it."""
    return f"|{place.line}" if isinstance(place, Command) else place.path


def agent_place(via: str) -> Command | File | None:
    """Return the program or file that a ``via`` names; ``None`` for neither."""
    if via.startswith("|"):
        return Command(via[1:].strip())
    return File(via) if via.startswith("/") else None
