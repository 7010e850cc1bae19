"""Parcels of one message, seen as the whole message.

Source: the contract of :class:`mailframe.interfaces.spool.ISpool`.
"""

from collections.abc import Sequence

from mailframe.interfaces.spool import Spooled
from mailframe.model.envelope import Envelope, ReversePath
from mailframe.queue.contract import Chosen, Parcel, Recipient


def recipients_of(parcels: Sequence[Parcel]) -> list[Recipient]:
    """Return all recipients of a message, in the message's order."""
    found = [one for parcel in parcels for one in parcel.recipients]
    return sorted(found, key=lambda one: one.number)


def sender_of(path: ReversePath) -> str:
    """Return a sender as :class:`.contract.Chosen` has it."""
    return "<>" if path.address is None else str(path.address).lower()


def is_chosen(parcels: Sequence[Parcel], chosen: Chosen) -> bool:
    """Tell whether a message is meant.

    Args:
        parcels: All of it, at least one.
        chosen: Which are.
    """
    sender, destination = chosen.sender, chosen.destination
    return (
        (sender is None or sender == sender_of(parcels[0].envelope.reverse_path))
        and (destination is None or destination in [p.destination for p in parcels])
        and (not chosen.held or parcels[0].held)
    )


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
