"""What the spool writes into the journal: each change, so that it can be done again.

A record names what is so afterwards, never what to add to what is there: to
apply a journal twice, or from its middle, ends in the same state as once.

Source: docs/queue.rst; DESIGN.md section 5.
"""

import json
import re
import string
import zlib
from dataclasses import dataclass
from typing import Any

from mailframe.model.envelope import Envelope
from mailframe.queue.contract import Outcome, Settled, State
from mailframe.queue.destination import destination_of
from mailframe.queue.envelope_text import (
    pack_forward_path,
    pack_origin,
    pack_reverse_path,
)

ADDED, RECORDED, REMOVED, HELD, HASTENED, RENEWED = range(1, 7)

BUCKETS = 16
"""Groups of senders that take turns."""

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_ID = re.compile(f"[{_DIGITS}]{{13}}")
_AS_PYTHON_HAS_IT = str.maketrans(_DIGITS, string.digits + string.ascii_letters[:22])

MessageParcels = list[tuple[str, list[tuple[int, str]]]]
"""Destination, and number and forward-path of each recipient, as text."""


def queue_id(number: int) -> str:
    """Return the queue ID of a message: 13 letters and digits, sorted by age."""
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(50, -1, -10)]
    return _DIGITS[number >> 60 & 31] + "".join(pairs)


def message_number(text: str) -> int | None:
    """Return the number behind a queue ID, ``None`` if it is none."""
    if _ID.fullmatch(text) is None:
        return None
    number = int(text.translate(_AS_PYTHON_HAS_IT), 32)
    return number if number < 1 << 63 else None


@dataclass(slots=True)
class Added:
    """A message came. Its content follows, or is in its file already.

    Attributes:
        number: Its number.
        reverse_path: As text.
        origin: As text.
        arrived: When it came.
        due: When to try it first.
        size: Octets of the content.
        priority: Of RFC 6710.
        bucket: Its sender's group.
        parcels: Its recipients by destination.
        octets: The content, ``None`` when it is in its file.
    """

    number: int
    reverse_path: str
    origin: str
    arrived: float
    due: float
    size: int
    priority: int
    bucket: int
    parcels: MessageParcels
    octets: bytes | None = None


@dataclass(slots=True)
class Recorded:
    """An attempt ended.

    Attributes:
        number: The message.
        destination: The parcel; ``None`` for all of the message.
        due: When to try what is left.
        attempts: Attempts so far.
        tried: When it was tried.
        gone: Recipients that are settled.
        kept: Number, outcome as a list, and whether warned, of the others.
    """

    number: int
    destination: str | None
    due: float
    attempts: int
    tried: float
    gone: list[int]
    kept: list[tuple[int, list[Any], bool]]


@dataclass(slots=True)
class Removed:
    """A message went, as a whole."""

    number: int


@dataclass(slots=True)
class Held:
    """A message was held or released."""

    number: int
    held: bool


@dataclass(slots=True)
class Hastened:
    """Parcels are due sooner; ``None`` stands for all."""

    number: int | None
    destination: str | None
    due: float


@dataclass(slots=True)
class Renewed:
    """A message begins anew."""

    number: int
    now: float


Change = Added | Recorded | Removed | Held | Hastened | Renewed

_KINDS: dict[int, type[Any]] = {
    ADDED: Added,
    RECORDED: Recorded,
    REMOVED: Removed,
    HELD: Held,
    HASTENED: Hastened,
    RENEWED: Renewed,
}
_NUMBERS = {kind: number for number, kind in _KINDS.items()}


def pack(change: Change) -> tuple[int, tuple[bytes, ...]]:
    """Return the kind and the pieces of a change's record."""
    octets = change.octets if isinstance(change, Added) else None
    names = [name for name in change.__slots__ if name != "octets"]
    values = [getattr(change, name) for name in names]
    if isinstance(change, Added):
        values.append(octets is not None)
    head = json.dumps(values, separators=(",", ":")).encode() + b"\n"
    return _NUMBERS[type(change)], (head, octets) if octets is not None else (head,)


def unpack(kind: int, payload: bytes) -> Change:
    """Return the change behind a record.

    Raises:
        ValueError: There is no such kind, or it does not look like that.
    """
    if kind not in _KINDS:
        raise ValueError(f"record of kind {kind}")
    head, _, octets = payload.partition(b"\n")
    values = json.loads(head)
    if kind == ADDED:
        values[-1] = octets if values[-1] else None
    change: Change = _KINDS[kind](*values)
    return change


def added(
    number: int, envelope: Envelope, size: int, arrived: float, due: float
) -> Added:
    """Return the change that a new message is; its content is still to be set.

    It is not due before the time its sender asked for (RFC 4865 section 4).
    """
    reverse_path = envelope.reverse_path
    parcels: dict[str, list[tuple[int, str]]] = {}
    for index, path in enumerate(envelope.forward_paths):
        destination = destination_of(path)
        parcels.setdefault(destination, []).append((index, pack_forward_path(path)))
    return Added(
        number,
        pack_reverse_path(reverse_path),
        pack_origin(envelope.origin),
        arrived,
        max(due, reverse_path.hold_until or 0.0),
        size,
        reverse_path.priority,
        sender_bucket(envelope),
        list(parcels.items()),
    )


def sender_bucket(envelope: Envelope) -> int:
    """Return which group of senders a message belongs to.

    One user, or one address, is always in the same group.
    """
    sender = envelope.origin.user or str(envelope.reverse_path.address or "")
    return zlib.crc32(sender.encode("utf-8", "replace")) % BUCKETS


def recorded(
    number: int,
    destination: str | None,
    attempts: int,
    results: list[Settled],
    due: float,
    tried: float,
) -> Recorded:
    """Return the change that the end of an attempt is."""
    deferred = [one for one in results if one.outcome.state is State.DEFERRED]
    return Recorded(
        number,
        destination,
        due,
        attempts,
        tried,
        [one.number for one in results if one.outcome.state is not State.DEFERRED],
        [(one.number, pack_outcome(one.outcome), one.warned) for one in deferred],
    )


def pack_outcome(outcome: Outcome) -> list[Any]:
    """Return an outcome that is kept: always a deferred one."""
    return [outcome.status, outcome.reply, outcome.remote, outcome.smtp]


def unpack_outcome(found: list[Any]) -> Outcome:
    """Return what :func:`pack_outcome` was given."""
    return Outcome(State.DEFERRED, *found)
