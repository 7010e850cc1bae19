"""Mail that comes round in circles, seen from its header.

Source: RFC 5321 section 6.3 (loop detection), section 4.4 (trace fields).
"""

from mailframe.errors import MailLoop
from mailframe.mime.header import field_values
from mailframe.mime.received import received_count
from mailframe.model.address import Address


def check_hops(header: bytes, most: int) -> None:
    """Count the hosts a message has been through.

    Args:
        header: Its header alone.
        most: How many Received fields it may have.

    Raises:
        MailLoop: It has more.
    """
    hops = received_count(header)
    if hops > most:
        raise MailLoop(f"{hops} Received fields")


def been_to(head: bytes) -> frozenset[str]:
    """Return the addresses a message was delivered to before, as :func:`mark`."""
    found: set[str] = set()
    if b"delivered-to" not in head.lower():
        # Nearly all mail: the header is not taken apart for it.
        return frozenset()
    for value in field_values(head, b"Delivered-To"):
        local, at, domain = value.decode(errors="replace").strip("<>").rpartition("@")
        if at:
            found.add(mark(Address(local.strip('"'), domain)))
    return frozenset(found)


def mark(address: Address | str) -> str:
    """Return an address in the form loops are found by."""
    if isinstance(address, str):
        address = Address(*address.rsplit("@", 1))
    return str(address.canonical()).casefold()
