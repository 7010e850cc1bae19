"""A check without an opinion, for others to begin with."""

from collections.abc import Awaitable

from zope.interface import implementer

from mailframe.interfaces.check import IMessageCheck, Verdict
from mailframe.model.envelope import ForwardPath, Origin, ReversePath


@implementer(IMessageCheck)
class Indifferent:
    """Looks at nothing."""

    async def connect(self, origin: Origin) -> Verdict | None:
        """Have no opinion."""
        return None

    async def helo(self, origin: Origin) -> Verdict | None:
        """Have no opinion."""
        return None

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Have no opinion."""
        return None

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Have no opinion."""
        return None

    def content(
        self, memory: dict[str, object], octets: bytes
    ) -> Awaitable[None] | None:
        """Look away."""
        return None

    async def end(self, memory: dict[str, object]) -> Verdict | None:
        """Have no opinion."""
        return None

    def over(self, memory: dict[str, object]) -> None:
        """Hold nothing."""
