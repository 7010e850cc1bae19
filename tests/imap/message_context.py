"""A session's view for tests of FETCH and SEARCH, over mail in memory."""

from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

# The extensions bring keys of SEARCH and items of FETCH.
from mailframe.imap import capabilities  # noqa: F401
from mailframe.interfaces.mailbox import NewMessage
from mailframe.memory_content import MemoryContent
from mailframe.model.flag import NO_FLAGS, FlagSet
from mailframe.model.mailbox import INBOX, Listing
from mailframe.model.uid_set import UIDSet
from mailframe.storage.memory import MemoryAccount
from mailframe.storage.memory_mailbox import MemoryMailbox

_Result = TypeVar("_Result")

ALL_UIDS = UIDSet(((1, 2**32 - 1),))


class FakeContext:
    """What FETCH and SEARCH ask of a session; keeps what is put."""

    def __init__(self, mailbox: MemoryMailbox, listing: Listing) -> None:
        """Begin with the view ``listing``."""
        self.mailbox: Any = mailbox
        self.listing = listing
        self.read_only = False
        self.recent = UIDSet.EMPTY
        self.saved = UIDSet.EMPTY
        self.time = 0.0
        self.enabled = frozenset[str]()
        self.pieces: list[bytes] = []
        self.pauses = 0

    def now(self) -> float:
        """Return ``time``."""
        return self.time

    def put(self, octets: bytes) -> None:
        """Keep what is sent."""
        self.pieces.append(octets)

    def pause(self) -> Awaitable[None] | None:
        """Count; nobody is slow here."""
        self.pauses += 1
        return None

    def progress(self, done: int, of: int) -> None:
        """Nobody is told."""

    async def refresh(self) -> None:
        """Take in the mailbox, in which nothing was expunged."""
        self.listing = (await self.mailbox.changes(0)).listing

    @property
    def output(self) -> bytes:
        """Everything sent so far."""
        return b"".join(self.pieces)


class ViewTestCase(SynchronousTestCase):
    """A mailbox in memory with whatever messages a test puts into it."""

    def wait(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        """Run what never waits in memory; raise what it raises."""
        found: Any = self.successResultOf(
            Deferred.fromCoroutine(coroutine).addErrback(lambda failure: failure.value)
        )
        if isinstance(found, BaseException):
            raise found
        result: _Result = found
        return result

    def context(
        self,
        messages: Sequence[bytes],
        flags: Sequence[FlagSet] = (),
        dates: Sequence[int] = (),
    ) -> FakeContext:
        """Return a view of an INBOX with ``messages``, UIDs from 1."""
        account = MemoryAccount("a@example.org")
        new = [
            NewMessage(
                MemoryContent(octets),
                flags=flags[place] if flags else NO_FLAGS,
                date=dates[place] if dates else 0,
            )
            for place, octets in enumerate(messages)
        ]
        if new:
            self.wait(account.append(INBOX, new))
        mailbox = self.wait(account.open(INBOX))
        context = FakeContext(mailbox, self.wait(mailbox.changes(0)).listing)
        return context
