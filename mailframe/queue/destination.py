"""The destination of an address: what its mail is gathered and paced by.

Source: RFC 5321 section 2.3.5, RFC 5891 section 4.4 (A-labels).
"""

import idna

from mailframe.model.address import Address


def destination_of(address: Address) -> str:
    """Return an address's domain in lower case, as A-labels.

    What has no A-label form stays as it is; the router will refuse it.
    """
    domain = address.domain.lower()
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        return domain
