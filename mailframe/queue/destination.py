"""The destination of a recipient: what its mail is gathered and paced by.

Source: RFC 5321 section 2.3.5, RFC 5891 section 4.4 (A-labels).
"""

from collections.abc import Mapping
from typing import TypeVar

import idna

from mailframe.model.envelope import ForwardPath

T = TypeVar("T")

_VIA = ("|", "/", "lmtp:", "smtp:")
"""What begins a destination that is no domain."""


def destination_of(path: ForwardPath) -> str:
    """Return what a recipient goes by, or its domain in lower case, as A-labels.

    What has no A-label form stays as it is; the router will refuse it.
    """
    return path.via or _of_domain(path.address.domain)


def named(text: str) -> str:
    """Return the destination that an operator names.

    Args:
        text: A domain in any form; or what recipients go by, which has its case
            (:attr:`mailframe.model.envelope.ForwardPath.via`).
    """
    return text if text.startswith(_VIA) else _of_domain(text)


def _of_domain(domain: str) -> str:
    domain = domain.lower()
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        return domain


def closest(values: Mapping[str, T], destination: str, otherwise: T) -> T:
    """Return the value of a destination, of the domain closest above it, or another.

    Args:
        values: By ``example.org`` for this domain, or ``.example.org`` for all
            below it.
        destination: A domain.
        otherwise: What holds for all that are not named.
    """
    name = destination if values else ""
    while name:
        if name in values:
            return values[name]
        dot = name.find(".", 1)
        name = name[dot:] if dot >= 0 else ""
    return otherwise
