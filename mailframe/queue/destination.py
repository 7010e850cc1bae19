"""The destination of a recipient: what its mail is gathered and paced by.

Source: RFC 5321 section 2.3.5, RFC 5891 section 4.4 (A-labels).
"""

import idna

from mailframe.model.envelope import ForwardPath


def destination_of(path: ForwardPath) -> str:
    """Return what a recipient goes by, or its domain in lower case, as A-labels.

    What has no A-label form stays as it is; the router will refuse it.
    """
    if path.via:
        return path.via
    domain = path.address.domain.lower()
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        return domain
