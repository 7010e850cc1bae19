"""Whose mail an address is: ours or not, and which account's.

Source: RFC 5321 section 3.6.2 (mail for others), section 4.5.1 (postmaster).
"""

from collections.abc import Sequence

from mailframe.errors import NoSuchUser, RelayDenied
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.model.address import Address, canonical_domain

POSTMASTER = "postmaster"


class LocalUsers:
    """Finds the user an address belongs to, through the directory's aliases.

    Attributes:
        default_domain: Where a bare name is looked for.
    """

    def __init__(
        self,
        directory: IUserDirectory,
        domains: Sequence[str],
        *,
        separators: str = "",
    ) -> None:
        """Know the users of some domains.

        Args:
            directory: Who there is.
            domains: The domains we receive for, U-labels or A-labels; the
                first is where a bare ``postmaster`` is looked for.
            separators: Characters any of which begins a detail that does not
                belong to the user's name; ``""`` for no details.
        """
        self._directory = directory
        self._domains = dict.fromkeys(map(canonical_domain, domains))
        self.default_domain = next(iter(self._domains))
        self._separators = separators

    def has(self, domain: str) -> bool:
        """Tell whether a domain, in its canonical form, is one of ours."""
        return domain in self._domains

    def base(self, local: str) -> tuple[str, str]:
        """Return a local part without its detail, and the detail.

        The detail begins at the first separator; one at the very beginning of
        the name belongs to the name.
        """
        if not self._separators:
            return local, ""
        cuts = [at for mark in self._separators if (at := local.find(mark, 1)) > 0]
        if not cuts:
            return local, ""
        return local[: min(cuts)], local[min(cuts) + 1 :]

    async def named(self, local: str, domain: str) -> tuple[UserEntry, str] | None:
        """Return the user of a name, and the detail that is not part of it.

        A name with a separator in it goes before a name with a detail.

        Args:
            local: The local part.
            domain: A domain of ours in its canonical form.

        Returns:
            The two, or ``None``: there is no such user.

        Raises:
            TemporaryFailure: The directory cannot be asked now.
        """
        detail = ""
        entry = await self._directory.find(f"{local}@{domain}")
        if entry is None:
            name, detail = self.base(local)
            if name != local:
                entry = await self._directory.find(f"{name}@{domain}")
        return None if entry is None else (entry, detail)

    async def find(self, address: Address) -> str:
        """Return the canonical address of the user who gets this mail.

        A postmaster there always is: where the directory knows none, the mail
        waits in an account of that name until somebody is given it.

        Raises:
            RelayDenied: It is not an address of our domains.
            NoSuchUser: It is, and nobody's.
            TemporaryFailure: The directory cannot be asked now.
        """
        domain = canonical_domain(address.domain) or self.default_domain
        if not self.has(domain):
            raise RelayDenied(f"{domain} is not one of our domains")
        found = await self.named(address.local, domain)
        if found is not None:
            return found[0].address
        if self.base(address.local)[0].lower() == POSTMASTER:
            return f"{POSTMASTER}@{domain}"
        raise NoSuchUser(f"{address.local}@{domain}")
