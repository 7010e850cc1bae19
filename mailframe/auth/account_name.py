"""The name somebody logs in with or is written to, taken apart for a query.

Source: RFC 5321 section 2.4 (the case of domains).
"""

import re
from dataclasses import dataclass

from mailframe.model.address import ascii_domain, canonical_domain

# Whitespace and controls: sources compare them in ways of their own, so that two
# names would be one user's.
_UNUSABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")

_OCTETS = 320
"""RFC 5321 section 4.5.3.1: 64 for a local part, 255 for a domain, and the ``@``."""


@dataclass(frozen=True, slots=True)
class AccountName:
    """One name with its domain.

    Attributes:
        local: What stands before the last ``@``.
        domain: What stands after it, in lower case and with U-labels.
    """

    local: str
    domain: str

    @property
    def user(self) -> str:
        """The whole address, ``local@domain``."""
        return f"{self.local}@{self.domain}"

    def named(self) -> dict[str, str]:
        """Return it by the names queries have for it: user, local and domain."""
        return {"user": self.user, "local": self.local, "domain": self.domain}

    def in_ascii(self) -> dict[str, str]:
        """Return the same with the domain in A-labels.

        Source: RFC 4524 section 2.16 (``mail`` holds ASCII only).
        """
        domain = ascii_domain(self.domain)
        return {
            "user": f"{self.local}@{domain}",
            "local": self.local,
            "domain": domain,
        }


def account_name(name: str, default_domain: str) -> AccountName | None:
    """Return the parts of a name, or ``None`` if no account can have it.

    Args:
        name: ``local`` or ``local@domain``.
        default_domain: For a name without one.

    Source: RFC 5321 section 4.5.3.1.
    """
    if len(name) > _OCTETS or _UNUSABLE.search(name):
        return None
    local, at, domain = name.rpartition("@")
    if not at:
        local, domain = name, default_domain
    if not local or not domain:
        return None
    try:
        octets = f"{local}@{domain}".encode()
    except UnicodeEncodeError:
        return None
    return (
        AccountName(local, canonical_domain(domain)) if len(octets) <= _OCTETS else None
    )
