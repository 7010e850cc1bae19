"""The name of a client, as DNS has it, and whether the name leads back to it.

Source: RFC 1035 section 3.3.12 (PTR); Postfix, reject_unknown_client_hostname.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.model.envelope import Origin
from mailframe.policy.networks import read_address
from mailframe.policy.resolver import Resolver

UNKNOWN = "unknown"
"""The name of who has none."""

# Whoever has an address may name it as he likes.
_NAME = re.compile(r"(?=.{1,255}\Z)(?:[A-Za-z0-9_-]{1,63}\.)+[A-Za-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class ClientName:
    """The names of one client.

    Attributes:
        verified: A name that has its address.
        reverse: The name its address has, whatever that leads to.
    """

    verified: str = UNKNOWN
    reverse: str = UNKNOWN


NAMELESS = ClientName()
"""A client nobody asked about."""


async def client_name(resolver: Resolver | None, origin: Origin) -> ClientName:
    """Return the names of a client; what cannot be told now is unknown.

    Args:
        resolver: Asks DNS; ``None`` asks nobody.
        origin: Where it is. What a proxy calls it is its name.
    """
    if origin.client_name or origin.reverse_name:
        return ClientName(origin.client_name or UNKNOWN, origin.reverse_name or UNKNOWN)
    client = read_address(origin.client_address)
    if resolver is None or client is None:
        return NAMELESS
    reverse = UNKNOWN
    kind = "A" if isinstance(client, IPv4Address) else "AAAA"
    try:
        for name in await resolver.lookup(client.reverse_pointer, "PTR"):
            if _NAME.fullmatch(name):
                reverse = name
                break
        else:
            return NAMELESS
        if str(client) in await resolver.lookup(reverse, kind):
            return ClientName(reverse, reverse)
    except (NoSuchUser, TemporaryFailure):
        pass
    return ClientName(UNKNOWN, reverse)
