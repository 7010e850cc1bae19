"""Parcels of one message, seen as the whole message.

Source: the contract of :class:`mailframe.interfaces.spool.ISpool`.
"""

from collections.abc import Sequence

from mailframe.interfaces.spool import Spooled
from mailframe.model.envelope import Envelope
from mailframe.queue.contract import Parcel, Recipient


def recipients_of(parcels: Sequence[Parcel]) -> list[Recipient]:
    """Return all recipients of a message, in the message's order."""
    found = [one for parcel in parcels for one in parcel.recipients]
    return sorted(found, key=lambda one: one.number)


def spooled(parcels: Sequence[Parcel]) -> Spooled:
    """Return a message's parcels as one.

    Args:
        parcels: All of it, at least one.
    """
    first = parcels[0]
    envelope = Envelope(
        first.envelope.reverse_path,
        tuple(one.path for one in recipients_of(parcels)),
        first.envelope.origin,
    )
    return Spooled(
        first.queue_id,
        envelope,
        first.arrived,
        max(one.attempts for one in parcels),
        min(one.due for one in parcels),
        first.held,
    )
