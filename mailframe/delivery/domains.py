"""What each domain is to us.

Source: RFC 5321 section 3.6 (relaying and final delivery).
"""

from collections.abc import Iterable
from enum import Enum

from mailframe.model.address import canonical_domain


class Kind(Enum):
    """What a domain is to us.

    LOCAL: its names are users of this host and entries of aliases(5).
    VIRTUAL: its names are users and entries of the virtual tables only.
    RELAY: we take its mail and send it on to where it is at home.
    """

    LOCAL = "local"
    VIRTUAL = "virtual"
    RELAY = "relay"


class Domains:
    """The domains we take mail for."""

    def __init__(
        self,
        local: Iterable[str],
        virtual: Iterable[str] = (),
        relay: Iterable[str] = (),
    ) -> None:
        """Sort domains; each may have U-labels or A-labels.

        Raises:
            ValueError: One is of two kinds.
        """
        self._kinds: dict[str, Kind] = {}
        for kind, names in (
            (Kind.LOCAL, local),
            (Kind.VIRTUAL, virtual),
            (Kind.RELAY, relay),
        ):
            for name in names:
                domain = canonical_domain(name)
                if self._kinds.setdefault(domain, kind) is not kind:
                    raise ValueError(
                        f"{name} is both a {self._kinds[domain].value}"
                        f" and a {kind.value} domain"
                    )

    def kind(self, domain: str) -> Kind | None:
        """Return what a domain is; ``None``: it is none of our business.

        Args:
            domain: In its canonical form; ours are not known by another.
        """
        return self._kinds.get(domain)

    def of(self, kind: Kind) -> tuple[str, ...]:
        """Return those of one kind, in canonical form."""
        return tuple(domain for domain, one in self._kinds.items() if one is kind)

    def ours(self) -> tuple[str, ...]:
        """Return those that have users here, local ones first."""
        return tuple(
            domain for domain, kind in self._kinds.items() if kind is not Kind.RELAY
        )
