"""Policy that looks at mail on its way in: one small class a check.

Checks are asked in their configured order. A verdict of REFUSE, DEFER,
DISCARD or ACCEPT ends the stage; after NEUTRAL, QUARANTINE and ``None`` the
next check is asked. One that fails or takes too long is answered for by its
configured default.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from zope.interface import Attribute, Interface

from mailframe.errors import MailError
from mailframe.interfaces.content import IContent, IIntake
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath


class Decision(Enum):
    """What a check wants.

    NEUTRAL has no opinion but perhaps a header field to add; ACCEPT skips the
    remaining checks of this stage; DISCARD says yes to the peer and drops the
    message; QUARANTINE puts it into the mailbox Junk, and holds it in the
    spool where it would leave this host.
    """

    NEUTRAL = "neutral"
    ACCEPT = "accept"
    DEFER = "defer"
    REFUSE = "refuse"
    DISCARD = "discard"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class AddField:
    """A field to be put into the header.

    Attributes:
        name: Its name.
        value: Its value, folded as it shall be, without the last CRLF.
        place: How many fields of the message stay before it; ``None`` for the
            end of the header.
    """

    name: bytes
    value: bytes
    place: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeField:
    """A field to be given another value, or taken out.

    Attributes:
        name: Its name.
        number: Which of those with this name, from 1.
        value: The new value; ``None`` takes the field out. A field that is not
            there is added at the end of the header.
    """

    name: bytes
    number: int
    value: bytes | None


Edit = AddField | ChangeField


@dataclass(frozen=True, slots=True)
class AddRecipient:
    """Somebody to get the message besides, here or elsewhere.

    Attributes:
        address: Who.
    """

    address: Address


@dataclass(frozen=True, slots=True)
class DropRecipient:
    """A recipient not to get it; the peer hears that all is well.

    Attributes:
        address: Who.
    """

    address: Address


@dataclass(frozen=True, slots=True)
class Redirect:
    """The one to get it, and nobody else.

    Attributes:
        address: Who.
    """

    address: Address


@dataclass(frozen=True, slots=True)
class ChangeSender:
    """Another sender.

    Attributes:
        address: Who; ``None`` for nobody.
    """

    address: Address | None


EnvelopeEdit = AddRecipient | DropRecipient | Redirect | ChangeSender


@dataclass(frozen=True, slots=True)
class Verdict:
    """A check's answer.

    Attributes:
        decision: What shall happen.
        text: For the reply and the log; printable ASCII, one line.
        header: Fields to put before the message, whole lines with CRLF. Not
            looked at from ``connect`` and ``helo``.
        code: The reply code wished for, 0 for the usual one.
        enhanced: The enhanced code wished for, ``""`` for the usual one.
        edits: At the end: changes of the message's own header, in order.
        body: At the end: what replaces the body, or ``None``. The host closes
            it.
        envelope: Changes of the envelope, in order. Not looked at from ``connect``
            and ``helo``.
        recipients: At the end: other verdicts for some recipients, by the
            address RCPT had; only decision, text and codes of those count.
    """

    decision: Decision
    text: str = ""
    header: bytes = b""
    code: int = 0
    enhanced: str = ""
    edits: Sequence[Edit] = ()
    body: IContent | None = None
    envelope: Sequence[EnvelopeEdit] = ()
    recipients: "Mapping[Address, Verdict]" = field(default_factory=dict)


class IMessageCheck(Interface):
    """Looks at a session, its envelopes and contents; ``None`` is no opinion.

    The check keeps no state between calls but in the ``memory`` dict, which is
    one per mail transaction and its own; under ``id`` it has, from the beginning,
    what the log and the trace field call the transaction, and under ``recipients``
    a list of the addresses that have been taken so far. Calls with one memory
    come one after another, in the order below; any of them may be the last before
    ``over``.
    A check that was skipped at MAIL is skipped for all of the transaction.
    """

    def connect(origin: Origin) -> Awaitable[Verdict | None]:
        """Look at a client before its first command; ``helo`` is empty."""

    def helo(origin: Origin) -> Awaitable[Verdict | None]:
        """Look at what a client calls itself; may come several times."""

    def mail(
        memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Awaitable[Verdict | None]:
        """Look at MAIL."""

    def rcpt(
        memory: dict[str, object], forward_path: ForwardPath
    ) -> Awaitable[Verdict | None]:
        """Look at one RCPT, an address that exists; the verdict is on it alone."""

    def content(memory: dict[str, object], octets: bytes) -> Awaitable[None] | None:
        """Look at the next piece of the content, without our trace fields.

        Returns:
            ``None`` when more may come at once, or what to wait for first: that
            slows the sender.
        """

    def end(memory: dict[str, object]) -> Awaitable[Verdict | None]:
        """Give the verdict on the whole message."""

    def over(memory: dict[str, object]) -> None:
        """The transaction is over, whatever came of it: let go of everything.

        Called exactly once for each memory that ``mail`` was called with.
        """


class IDataCheck(Interface):
    """Optional power of an IMessageCheck: it is asked before the content comes."""

    def data(memory: dict[str, object]) -> Awaitable[Verdict | None]:
        """Look at DATA, or the first BDAT or BURL; may come again when refused.

        Not called where nobody can be told: for mail of this machine's programs.
        """


class IInquiryCheck(Interface):
    """Optional power of an IMessageCheck: it is asked who may ask."""

    def vrfy(origin: Origin, text: str) -> Awaitable[Verdict | None]:
        """Look at VRFY; ``text`` is what is asked about."""

    def etrn(origin: Origin, domain: str) -> Awaitable[Verdict | None]:
        """Look at ETRN; ``domain`` is without ``@``."""


class IVisitCheck(Interface):
    """Optional power of an IMessageCheck: it remembers a client until it leaves.

    What it remembers is in ``origin.visit``, under the check itself as the key.
    """

    def left(origin: Origin) -> None:
        """The client is gone: let go of what there is of it."""


class IRejectionCheck(Interface):
    """Optional power of an IMessageCheck: it hears of recipients that are refused."""

    def rejected(
        memory: dict[str, object], forward_path: ForwardPath, refusal: MailError
    ) -> Awaitable[None]:
        """Know a recipient that is none, or that an earlier check refused.

        ``rcpt`` is not asked about it, and nothing changes the refusal.
        """


@dataclass(frozen=True, slots=True)
class CheckHost:
    """What a check may need of the host it serves.

    Attributes:
        state_dir: The directory mailframe keeps everything in.
        hostname: Our name.
        domains: The domains we take mail for, relay domains included.
        reactor: Provides IReactorTime, IReactorThreads and the rest.
        intake: Where content rests that a check makes.
        name_servers: Addresses and ports of those to ask; empty for the system's.
    """

    state_dir: str
    hostname: str
    domains: tuple[str, ...]
    reactor: Any
    intake: IIntake
    name_servers: tuple[tuple[str, int], ...] = ()


class ICheckFactory(Interface):
    """Makes a check from ``TYPE:ARGS``.

    Put an instance into a module of ``twisted.plugins`` (one file, no
    ``__init__.py``) and import what is heavy inside ``make_check``.
    """

    check_type = Attribute("The TYPE, a ``str`` of letters, digits and ``-``.")
    check_help = Attribute("What it is, for ``--help-check``; a ``str``.")
    arg_string_format = Attribute("What ARGS look like; a ``str``.")
    spares_friends = Attribute(
        """Whether it leaves alone users who have logged in and clients that may
        relay, a ``bool``."""
    )

    def make_check(argstring: str, host: CheckHost) -> IMessageCheck:
        """Return the check; nothing is connected to before it is asked.

        If it has a method ``close``, that is called when the host stops.

        Args:
            argstring: What came after ``TYPE:``; empty without a colon.
            host: The host it is for.

        Raises:
            ValueError: The arguments are wrong; the text is shown to the
                operator in one line.
        """
