"""Whose mail may go before that of others.

Source: RFC 6710 sections 4.1 and 11 (untrusted and unauthorized sources).
"""

from collections.abc import Iterable

from mailframe.model.address import canonical_domain
from mailframe.policy.networks import Networks

EVERY_USER = "users"
NOBODY = "nobody"


class PriorityControl:
    """Lets some users and some hosts ask for a priority above 0."""

    def __init__(self, words: Iterable[str] = (EVERY_USER,)) -> None:
        """Trust some.

        Args:
            words: ``--raise-priority``: ``users`` for whoever has logged in, the
                address of a user, a network, or ``nobody``.

        Raises:
            ValueError: One is none of these; the text is for people.
        """
        given = set(words) - {NOBODY}
        self._every_user = EVERY_USER in given
        given.discard(EVERY_USER)
        addresses = {word for word in given if "@" in word}
        self._users = frozenset(map(_canonical, addresses))
        self._networks = Networks(given - addresses)

    def permits(self, user: str | None, client_address: str | None) -> bool:
        """Tell whether a client may ask for a priority above 0.

        Args:
            user: The canonical address it logged in as, or ``None``.
            client_address: Its IP address, ``None`` for a Unix socket.
        """
        if user is not None and (self._every_user or user in self._users):
            return True
        return self._networks.has(client_address)


def _canonical(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{canonical_domain(domain)}"
