"""Address literals that mean this host: ``alice@[192.0.2.1]``.

Source: RFC 5321 section 4.1.3.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

_IPV6 = "ipv6:"


class OwnAddresses:
    """The IP addresses of this host, as far as they are known."""

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        """Know some.

        Args:
            addresses: IP addresses as text, in any spelling.

        Raises:
            ValueError: One is none.
        """
        self._known = {_plain(ip_address(text)) for text in addresses}

    def learn(self, text: str) -> None:
        """Know an address that is listened on; that of any interface is none."""
        found = _address(text)
        if found is not None and not found.is_unspecified:
            self._known.add(found)

    def has(self, domain: str, reached: str | None = None) -> bool:
        """Tell whether a domain is an address literal of this host.

        Args:
            domain: A domain or an address literal.
            reached: The address of ours that the client has connected to; for
                this client that one is ours too. ``None`` when there is none.
        """
        if not (domain.startswith("[") and domain.endswith("]")):
            return False
        inside = domain[1:-1]
        if inside[: len(_IPV6)].lower() == _IPV6:
            inside = inside[len(_IPV6) :]
        found = _address(inside)
        if found is None:
            return False
        return found in self._known or (
            reached is not None and found == _address(reached)
        )


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, its zone left out; ``None`` if it is none."""
    try:
        return _plain(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for, or the address."""
    return getattr(address, "ipv4_mapped", None) or address
