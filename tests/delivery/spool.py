"""A spool that is a list."""

from collections.abc import Sequence
from dataclasses import dataclass

from zope.interface import implementer

from mailframe.errors import InsufficientStorage
from mailframe.interfaces.content import IContent
from mailframe.interfaces.spool import ISpool, Spooled
from mailframe.model.envelope import Envelope


@dataclass
class Entry:
    """What was added."""

    envelope: Envelope
    octets: bytes
    due: float
    held: bool = False

    @property
    def recipients(self) -> list[str]:
        """The recipients as texts."""
        return [str(one.address) for one in self.envelope.forward_paths]

    @property
    def sender(self) -> str:
        """The sender as text."""
        return str(self.envelope.reverse_path.address)


@implementer(ISpool)
class ListSpool:
    """Keeps what is added; full when told to be."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.entries: list[Entry] = []
        self.full = False

    async def add(self, envelope: Envelope, content: IContent, due: float) -> str:
        """Keep a message."""
        if self.full:
            raise InsufficientStorage("full")
        octets = await content.read(0, content.size)
        self.entries.append(Entry(envelope, octets, due))
        return f"Q{len(self.entries)}"

    async def due(self, before: float, limit: int) -> Sequence[Spooled]:
        """Tell of none."""
        return ()

    async def content(self, queue_id: str) -> IContent:
        """Not asked for here."""
        raise AssertionError

    async def settle(
        self, queue_id: str, settled: Sequence[int], again: float | None
    ) -> None:
        """Not asked for here."""
        raise AssertionError

    async def hold(self, queue_id: str, held: bool) -> None:
        """Note it."""
        self.entries[int(queue_id[1:]) - 1].held = held
