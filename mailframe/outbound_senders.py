"""Whether the sender of a message that failed has written it at all.

Part of :mod:`mailframe.outbound`.
"""

from collections.abc import Iterable

from mailframe.model.address import canonical_domain
from mailframe.model.envelope import Envelope
from mailframe.policy.networks import Networks

LOOPBACK = ("127.0.0.0/8", "::1/128")


class Senders:
    """Knows how mail of our own domains comes in: from our users, and our hosts.

    What comes over port 25 from elsewhere, without a login, and says that one
    of us wrote it, is not answered: whoever that is did not write it, and has
    no use for a report.

    Source: RFC 5321 section 6.2 (forged addresses).
    """

    def __init__(self, domains: Iterable[str], networks: Iterable[str]) -> None:
        """Know them.

        Args:
            domains: Ours.
            networks: Whose hosts may send in our name.
        """
        self._ours = {canonical_domain(domain) for domain in domains}
        self._networks = Networks([*LOOPBACK, *networks])

    def is_forged(self, envelope: Envelope) -> bool:
        """Tell whether the sender, an address of ours, did not write a message."""
        address, origin = envelope.reverse_path.address, envelope.origin
        return (
            address is not None
            and origin.service == "smtp"
            and origin.user is None
            and origin.client_address is not None
            and canonical_domain(address.domain) in self._ours
            and not self._networks.has(origin.client_address)
        )
