"""What a message with a time of delivery asks of the next server. Pure.

Source: RFC 2852 section 4.1.4 (relaying).
"""

from collections.abc import Sequence
from dataclasses import replace

from mailframe.errors import DeliveryFailed
from mailframe.model.envelope import DeliverBy, ForwardPath
from mailframe.smtp.client_offer import Offer

NOT_CAPABLE = "5.3.3"
TIME_EXPIRED = "5.4.7"


def check_time(wanted: DeliverBy | None, offer: Offer, now: float) -> None:
    """Do nothing if a server may have a message that is to be there in time.

    Args:
        wanted: What the sender wants, if anything.
        offer: What the server offers.
        now: Seconds since 1970.

    Raises:
        DeliveryFailed: The message shall come back if it is late, and the server
            would not see to that, or takes longer; or it is late.

    Source: RFC 2852 sections 4.1.3 and 4.1.4.1.
    """
    if wanted is None or not wanted.bounce:
        return
    left = int(wanted.at - now)
    if left <= 0:
        raise DeliveryFailed("the time to deliver it in is over", TIME_EXPIRED)
    if "DELIVERBY" not in offer:
        raise DeliveryFailed("the server minds no time of delivery", NOT_CAPABLE)
    shortest = offer.shortest_by
    if shortest is not None and shortest > left:
        raise DeliveryFailed(
            f"the server needs {shortest} seconds, and {left} are left", TIME_EXPIRED
        )


def with_delays(
    paths: Sequence[ForwardPath], wanted: DeliverBy | None, offer: Offer, now: float
) -> tuple[ForwardPath, ...]:
    """Return the recipients, whose delays are told where nobody minds the time.

    Args:
        paths: The recipients.
        wanted: What the sender wants.
        offer: What the server offers.
        now: Seconds since 1970.

    Source: RFC 2852 section 4.1.4.2.
    """
    if wanted is None or wanted.bounce or "DELIVERBY" in offer or wanted.at <= now:
        return tuple(paths)
    return tuple(map(_with_delay, paths))


def _with_delay(path: ForwardPath) -> ForwardPath:
    if path.notify is None:
        return replace(path, notify=frozenset({"FAILURE", "DELAY"}))
    return replace(path, notify=path.notify | {"DELAY"}) if path.notify else path
