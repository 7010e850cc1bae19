"""What the runner and the operator ask of a spool, beyond ``ISpool``.

A message is cut into *parcels*, one for each destination (domain). A parcel
is what is tried, deferred and handed out; so a slow destination holds up
nothing but its own parcels.

Source: RFC 5321 section 4.5.4; the contract of
:class:`mailframe.interfaces.spool.ISpool`.
"""

# ruff: noqa: N805 - methods of a zope interface have no self

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from mailframe.interfaces.spool import IHoldingSpool
from mailframe.model.envelope import Envelope, ForwardPath


class State(Enum):
    """What became of one recipient in one attempt."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt for one recipient.

    Attributes:
        state: What became of it.
        status: Enhanced status (RFC 3463), such as ``5.1.1``.
        reply: What the peer, or we, had to say; printable, one line.
        remote: The host that said it, ``""`` when we did.
        smtp: Whether ``reply`` is an SMTP reply of the peer.
        reported: Whether the peer promised to report success itself.
        final: Whether the peer was the last one on the way (LMTP).
        relayed: Whether the sender is to hear that it went on (DELIVERBY).
        tls: Version, cipher and what the certificate was worth; ``""`` without.
    """

    state: State
    status: str
    reply: str = ""
    remote: str = ""
    smtp: bool = False
    reported: bool = False
    final: bool = False
    relayed: bool = False
    tls: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient that is not settled yet.

    Attributes:
        number: Its place in the message, from 0; it never changes.
        path: Address and parameters.
        tried: When it was last tried, seconds since 1970, or ``None``.
        last: The result of that, or ``None``.
        warned: Whether the sender was told of the delay.
    """

    number: int
    path: ForwardPath
    tried: float | None = None
    last: Outcome | None = None
    warned: bool = False


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message's recipients at one destination.

    Attributes:
        queue_id: The message.
        destination: The recipients' domain, lower case, A-labels.
        envelope: With these recipients only, in their order.
        recipients: The same, with their state.
        arrived: When the message came, seconds since 1970.
        attempts: How often this parcel was tried.
        due: When to try it (again).
        size: Octets of the content.
        held: Whether it waits for an operator.
    """

    queue_id: str
    destination: str
    envelope: Envelope
    recipients: tuple[Recipient, ...]
    arrived: float
    attempts: int
    due: float
    size: int
    held: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What to note after an attempt, for one recipient.

    Attributes:
        number: Which recipient.
        outcome: What became of it; all but DEFERRED need nothing more.
        warned: Whether the sender has been told of the delay.
    """

    number: int
    outcome: Outcome
    warned: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is in a spool.

    Attributes:
        messages: All messages.
        held: Those that wait for an operator.
        parcels: Parcels of all messages.
    """

    messages: int
    held: int
    parcels: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which messages are meant: those of which all that is set here is so.

    Attributes:
        destination: Something of it goes there.
        sender: Its reverse-path, in lower case; ``<>`` for the null one.
        held: It waits for an operator.
    """

    destination: str | None = None
    sender: str | None = None
    held: bool = False


ALL = Chosen()


class IQueueSpool(IHoldingSpool):
    """A spool that hands out parcels, and shows an operator what it has."""

    def take(
        now: float, limit: int, without: Collection[str] = ()
    ) -> Awaitable[Sequence[Parcel]]:
        """Hand out parcels that are due.

        Higher priorities come first; within one, senders take turns, and each
        sender's parcels come soonest first. A parcel is not handed out again
        until it was given back or its result recorded; a restart gives back
        all.

        Args:
            now: Seconds since 1970; later ones are not returned.
            limit: How many at most.
            without: Destinations to leave out.
        """

    def take_for(
        destination: str, now: float, limit: int
    ) -> Awaitable[Sequence[Parcel]]:
        """Hand out parcels for one destination; see :meth:`take`."""

    def give_back(parcels: Collection[Parcel]) -> Awaitable[None]:
        """Take parcels back that were not tried after all."""

    def record(
        parcel: Parcel, results: Sequence[Settled], again: float
    ) -> Awaitable[None]:
        """Record the result of an attempt, durably and in one step.

        The parcel is given back with it. A message of which all recipients
        are settled goes.

        Args:
            parcel: As it was handed out.
            results: What became of its recipients; those not named stay as
                they are.
            again: When to try those that are left.

        Raises:
            MessageGone: An operator removed it meanwhile.
        """

    def next_due(after: float) -> Awaitable[float | None]:
        """Return when the next parcel is due, later than ``after``."""

    def entries(
        after: str | None, limit: int, chosen: Chosen = ALL
    ) -> Awaitable[Sequence[Sequence[Parcel]]]:
        """Return messages as all of their parcels, in the order they came.

        Args:
            after: Begin behind this queue ID, ``None`` for the beginning.
            limit: How many messages at most.
            chosen: Which.
        """

    def entry(queue_id: str) -> Awaitable[Sequence[Parcel]]:
        """Return all parcels of one message.

        Raises:
            MessageGone: It is not in the spool (any more).
        """

    def hasten(
        queue_id: str | None, destination: str | None, due: float
    ) -> Awaitable[int]:
        """Set when parcels are due, those that would be later.

        Args:
            queue_id: Of this message, ``None`` for all messages.
            destination: To this destination, ``None`` for all.
            due: Seconds since 1970.

        Returns:
            How many it were.

        Raises:
            MessageGone: There is no such message (any more).
        """

    def renew(queue_id: str, now: float) -> Awaitable[None]:
        """Let a message begin anew, as if it had come ``now``.

        Raises:
            MessageGone: It is not in the spool (any more).
        """

    def remove(queue_id: str) -> Awaitable[None]:
        """Remove a message; nobody is told.

        Raises:
            MessageGone: It is not in the spool (any more).
        """

    def counts() -> Awaitable[Counts]:
        """Return how much is there."""

    def watch(call: Callable[[float], None]) -> None:
        """Have ``call`` called whenever something may be due sooner.

        It is called in the reactor thread with the time from which parcels
        may be due, seconds since 1970. The latest watcher replaces another.
        """
