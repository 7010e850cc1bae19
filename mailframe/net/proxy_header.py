"""The header in which a proxy says who its client is: PROXY protocol v1 and v2. Pure.

Source: the PROXY protocol, versions 1 and 2, of HAProxy (doc/proxy-protocol.txt,
sections 2.1 and 2.2).
"""

import re
import struct
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from twisted.internet.address import IPv4Address as TCPv4
from twisted.internet.address import IPv6Address as TCPv6

V1_MAX = 107
"""Octets of a header of version 1, its CRLF included (section 2.1)."""

V2_MAX = 16 + 536
"""Octets of a header of version 2 that fit any network's packet, with addresses
and what else it says (section 2.2)."""

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"

# Section 2.1; ports without leading zeros.
_PORT = "(0|[1-9][0-9]{0,4})"
_V1 = re.compile(
    rf"PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) {_PORT} {_PORT}"
)
_V1_UNKNOWN = re.compile("PROXY UNKNOWN(?: .*)?", re.DOTALL)


class NoProxyHeader(Exception):
    """What came is no header: whoever it is is no proxy."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a header says.

    Attributes:
        peer: The client; ``None`` when the proxy speaks for itself, or does not
            know.
        host: What the client connected to; the same.
        length: Octets of the header.
    """

    peer: TCPv4 | TCPv6 | None
    host: TCPv4 | TCPv6 | None
    length: int


def read_header(octets: bytes) -> ProxyHeader | None:
    """Return the header that some octets begin with.

    Args:
        octets: All that came so far.

    Returns:
        The header; ``None`` when there is more to come of it.

    Raises:
        NoProxyHeader: It is none.
    """
    if octets[:12] == _SIGNATURE[: len(octets)]:
        return _version_2(octets) if len(octets) >= 16 else None
    if octets[:6] != b"PROXY "[: len(octets)]:
        raise NoProxyHeader
    end = octets.find(b"\r\n", 0, V1_MAX)
    if end < 0:
        if len(octets) >= V1_MAX:
            raise NoProxyHeader
        return None
    return _version_1(octets[:end], end + 2)


def _version_1(line: bytes, length: int) -> ProxyHeader:
    text = line.decode("latin-1")
    if _V1_UNKNOWN.fullmatch(text):
        return ProxyHeader(None, None, length)
    found = _V1.fullmatch(text)
    if found is None:
        raise NoProxyHeader
    kind = IPv4Address if found[1] == "TCP4" else IPv6Address
    try:
        ends = [_end(kind(found[at]), int(found[at + 2])) for at in (2, 3)]
    except AddressValueError:
        raise NoProxyHeader from None
    return ProxyHeader(ends[0], ends[1], length)


def _version_2(octets: bytes) -> ProxyHeader | None:
    version, family, size = struct.unpack_from("!BBH", octets, 12)
    length = 16 + size
    if version not in (0x20, 0x21) or length > V2_MAX:
        raise NoProxyHeader
    if len(octets) < length:
        return None
    # LOCAL, or a transport that is neither TCP over IPv4 nor over IPv6: the
    # connection's own ends count.
    if version == 0x20 or family not in (0x11, 0x21):
        return ProxyHeader(None, None, length)
    shape, kind = (
        ("!4s4sHH", IPv4Address)
        if family == 0x11
        else (
            "!16s16sHH",
            IPv6Address,
        )
    )
    if size < struct.calcsize(shape):
        raise NoProxyHeader
    source, target, source_port, target_port = struct.unpack_from(shape, octets, 16)
    return ProxyHeader(
        _end(kind(source), source_port), _end(kind(target), target_port), length
    )


def _end(address: IPv4Address | IPv6Address, port: int) -> TCPv4 | TCPv6:
    if port > 65535:
        raise NoProxyHeader
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return TCPv4("TCP", str(address.ipv4_mapped), port)
        return TCPv6("TCP", str(address), port)
    return TCPv4("TCP", str(address), port)
