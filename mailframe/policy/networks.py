"""Networks, as operators write them, and whether an address is in one."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)


class Networks:
    """Some networks."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Read networks.

        Args:
            texts: Each an address or CIDR, such as ``192.0.2.0/24``.

        Raises:
            ValueError: One is neither, or has bits beyond its prefix; the text
                is one line for people.
        """
        networks = [ip_network(text.strip()) for text in texts]
        self._four = [one for one in networks if isinstance(one, IPv4Network)]
        self._six = [one for one in networks if isinstance(one, IPv6Network)]

    def has(self, text: str | None) -> bool:
        """Tell whether an address is in one of them.

        Args:
            text: As a transport gives it; ``None`` for a Unix socket, which is
                in no network.
        """
        if not (self._four or self._six):
            return False
        address = read_address(text)
        if isinstance(address, IPv4Address):
            return any(address in one for one in self._four)
        if isinstance(address, IPv6Address):
            return any(address in one for one in self._six)
        return False


@lru_cache(maxsize=4096)
def read_address(text: str | None) -> IPv4Address | IPv6Address | None:
    """Return an IP address; a mapped one as the IPv4 address it is."""
    if text is None:
        return None
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def neighbourhood(text: str | None) -> str:
    """Return the network that counts as one client: an IPv4 address, or a /64.

    Who has one IPv6 address has all of its /64; there is no sense in counting
    those one by one.
    """
    address = read_address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return str(address) if address is not None else "local"
