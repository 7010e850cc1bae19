"""Addresses as envelopes have them: a local part at a domain.

Source: RFC 5321 sections 2.3.11, 2.4 and 4.1.2, RFC 6531 section 3.3.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox address.

    Attributes:
        local: The local part, unquoted, its case kept.
        domain: In lower case, or an address literal with its brackets; empty
            only for the ``postmaster`` of RFC 5321 section 4.5.1.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        """Return ``local@domain`` without quoting, for lookups and logs."""
        return f"{self.local}@{self.domain}" if self.domain else self.local
