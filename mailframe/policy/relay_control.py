"""Who may send to other hosts through us: the question no check may forget.

The receivers take mail for our domains from anybody and refuse the rest unless
this says yes. An open relay is therefore not what comes of leaving something
out. Users who have logged in are the submission receiver's matter.

Source: RFC 5321 sections 3.6 and 7.9 (scope of operation).
"""

from collections.abc import Iterable

from mailframe.model.envelope import Origin
from mailframe.policy.networks import Networks


class RelayControl:
    """Lets clients of some networks relay."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Trust some networks.

        Args:
            networks: ``--relay-from``: addresses or CIDR. No network, not even
                loopback, is trusted that is not named.

        Raises:
            ValueError: One is not a network; the text is for people.
        """
        self._networks = Networks(networks)

    def permits(self, origin: Origin) -> bool:
        """Tell whether a client may send to other hosts through us.

        Hand this to a receiver as ``may_relay``, and to checks that leave such
        clients alone as ``spares``.
        """
        return origin.user is not None or self._networks.has(origin.client_address)
