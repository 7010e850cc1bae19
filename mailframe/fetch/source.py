"""What a pass over an account elsewhere needs, whatever the protocol."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mailframe.fetch.conversation import Conversation, MakeTLS
from mailframe.fetch.landing import Landing
from mailframe.fetch.options import FetchAccount
from mailframe.interfaces.content import IIntake
from mailframe.sasl.client import Carrier, Login

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts to which a password may go without TLS."""


@dataclass(slots=True)
class Source:
    """One account elsewhere, and the means to collect it.

    Attributes:
        job: What the operator wants.
        landing: Where messages come down.
        intake: Where one rests while it arrives.
        tls: Makes TLS.
        make_nonce: Makes octets nobody can foresee.
        too_large: Messages not asked for again; forgotten at a restart.
    """

    job: FetchAccount
    landing: Landing
    intake: IIntake
    tls: MakeTLS
    make_nonce: Callable[[int], bytes]
    too_large: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def login(self) -> Login:
        """What there is to log in with."""
        return Login(self.job.user.encode(), self.job.password)

    def carrier(self, conversation: Conversation) -> Carrier:
        """Return what is known of a connection, for the login."""
        safe = conversation.secure or self.job.host in LOOPBACK
        return Carrier(safe, self.make_nonce(18))

    async def start_tls(self, conversation: Conversation) -> None:
        """Protect a connection; the host must prove its name."""
        await conversation.start_tls(self.tls(self.job.host))
