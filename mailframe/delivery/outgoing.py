"""The envelopes under which mail leaves this host. Pure.

Source: RFC 5321 section 3.9, RFC 3461 section 5.2.7 (aliases and lists).
"""

from collections.abc import Iterable
from dataclasses import replace

from mailframe.delivery.addresses import Addresses
from mailframe.delivery.destination import (
    Command,
    Destination,
    Elsewhere,
    File,
    Place,
    via_of,
)
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, ReversePath


def reverse_path_for(
    given: ReversePath, destination: Destination, addresses: Addresses
) -> ReversePath:
    """Return the reverse-path of a copy that leaves this host.

    A list's owner gets the reports about its members. Other mail that is sent
    on keeps its sender, as an address of ours when there is SRS.
    """
    if destination.sender is not None:
        return replace(given, address=destination.sender, ret=None, envid=None)
    sender = given.address
    if not destination.forwarded or sender is None or addresses.srs is None:
        return given
    if not isinstance(destination.place, Elsewhere) or destination.place.via:
        # A server of the operator's asks nobody whether we may send.
        return given
    if addresses.domains.kind(sender.canonical().domain) is not None:
        return given
    return replace(given, address=addresses.srs.forward(sender))


def forward_path_for(
    given: ForwardPath, target: Address, destination: Destination, alone: bool
) -> ForwardPath:
    """Return the forward-path of a copy that leaves this host.

    Args:
        given: The recipient as RCPT had it.
        target: Where the copy goes.
        destination: How the tables came to it.
        alone: Whether the recipient became this and nothing else.

    Source: RFC 3461 sections 5.2.7.1 to 5.2.7.3.
    """
    via = _via(destination.place)
    if not destination.forwarded:
        return replace(given, address=target, via=via)
    if destination.sender is not None:
        return ForwardPath(target, via=via)
    notify = given.notify
    if notify is not None and not alone:
        notify -= {"SUCCESS"}
    orcpt = given.orcpt
    if orcpt is None and str(given.address).isascii():
        orcpt = ("rfc822", given.address.written())
    return ForwardPath(target, notify, orcpt, via)


def path_for_agent(given: ForwardPath, place: Command | File) -> ForwardPath:
    """Return the forward-path of mail that a program or a file gets.

    A user's mail is the user's, whatever it was sent to.
    """
    if not place.user:
        return given
    orcpt = given.orcpt
    if orcpt is None and str(given.address).isascii():
        orcpt = ("rfc822", given.address.written())
    user = Address(*place.user.rsplit("@", 1))
    return replace(given, address=user, orcpt=orcpt)


def _via(place: Place) -> str:
    if isinstance(place, Command | File):
        return via_of(place)
    return place.via if isinstance(place, Elsewhere) else ""


def without_doubles(paths: Iterable[ForwardPath]) -> tuple[ForwardPath, ...]:
    """Return forward-paths with each address once, the first counting.

    One address by two ways is two.
    """
    found: dict[tuple[Address, str], ForwardPath] = {}
    for path in paths:
        found.setdefault((path.address.canonical(), path.via), path)
    return tuple(found.values())
