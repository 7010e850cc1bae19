"""Whose mail an address is: ours or not, and which account's.

Source: RFC 5321 section 3.6.2 (mail for others), section 4.5.1 (postmaster).
"""

import unicodedata
from collections.abc import Sequence

from mailframe.errors import NoSuchUser, RelayDenied
from mailframe.interfaces.auth import IUserDirectory
from mailframe.model.address import Address

POSTMASTER = "postmaster"


class LocalUsers:
    """Finds the user an address belongs to, through aliases."""

    def __init__(self, directory: IUserDirectory, domains: Sequence[str]) -> None:
        """Know the users of some domains.

        Args:
            directory: Who there is.
            domains: The domains we receive for, U-labels or A-labels; the
                first is where a bare ``postmaster`` is looked for.
        """
        self._directory = directory
        self._domains = [canonical_domain(domain) for domain in domains]

    async def find(self, address: Address) -> str:
        """Return the canonical address of the user who gets this mail.

        A postmaster there always is: where the directory knows none, the mail
        waits in an account of that name until somebody is given it.

        Raises:
            RelayDenied: It is not an address of our domains.
            NoSuchUser: It is, and nobody's.
            TemporaryFailure: The directory cannot be asked now.
        """
        domain = canonical_domain(address.domain) or self._domains[0]
        if domain not in self._domains:
            raise RelayDenied(f"{domain} is not one of our domains")
        entry = await self._directory.find(f"{address.local}@{domain}")
        if entry is not None:
            return entry.address
        if address.local.lower() == POSTMASTER:
            return f"{POSTMASTER}@{domain}"
        raise NoSuchUser(f"{address.local}@{domain}")


def canonical_domain(domain: str) -> str:
    """Return a domain as the directory compares it: lower case, U-labels.

    Source: RFC 5890 section 2.3.2.1 (A-labels and U-labels).
    """
    normal = unicodedata.normalize("NFC", domain.lower())
    if "xn--" not in normal:
        return normal
    return ".".join(map(_u_label, normal.split(".")))


def _u_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        text = label[4:].encode("ascii").decode("punycode")
        # One name for one domain: a label that needed no encoding, or one that
        # would be encoded differently, is not an A-label.
        if text.isascii() or text.encode("punycode").decode("ascii") != label[4:]:
            return label
    except UnicodeError:
        return label
    return unicodedata.normalize("NFC", text.lower())
