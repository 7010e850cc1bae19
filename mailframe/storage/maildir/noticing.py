"""Notice access lists that an operator, or another program, has written.

What somebody may do is read from the lists themselves each time. This is for who
shares with whom (``shares.py``): the account that a list is in may be closed, so
that nobody reads it. Whoever asks for a mailbox by its name has the owner's
directory looked at, in a thread, and who lists mailboxes those of all open accounts.

Source: RFC 2342 section 5 (other users are found by LIST).
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from mailframe.storage.maildir import access
from mailframe.storage.maildir.shares import Shares
from mailframe.storage.maildir.threads import Threads

NAMED_SECONDS = 1.0
"""So long the lists of somebody who is asked for are believed."""

ALL_SECONDS = 30.0
"""So long those of all open accounts are: they may be thousands."""

OWNERS_KEPT = 10_000
"""Owners whose files are remembered."""

_Seen = tuple[Mapping[str, access.Mark], frozenset[str] | None]
"""The marks of an owner's lists, and whom they name if that is not known yet."""


class Noticing:
    """Looks at the lists of owners, and says whom they name."""

    def __init__(
        self, threads: Threads, shares: Shares, keep: Callable[[bytes], None]
    ) -> None:
        """Begin with nothing seen.

        Args:
            threads: Where files are looked at.
            shares: What is told whom the lists name.
            keep: Has it written down.
        """
        self._threads = threads
        self._shares = shares
        self._keep = keep
        self._marks: OrderedDict[str, Mapping[str, access.Mark]] = OrderedDict()
        self._looked: dict[str, float] = {}
        self._all_looked = -ALL_SECONDS

    async def look_at(self, owner: str, root: str) -> None:
        """Look at an owner's lists, unless that was done a moment ago.

        Args:
            owner: The address.
            root: The account's directory, which need not be there.
        """
        now = self._threads.reactor.seconds()
        if now - self._looked.get(owner, now - NAMED_SECONDS) < NAMED_SECONDS:
            return
        if len(self._looked) > OWNERS_KEPT:
            self._looked.clear()
        self._looked[owner] = now
        await self._look([(owner, root)])

    async def look_at_all(self, owners: Callable[[], list[tuple[str, str]]]) -> None:
        """Look at the lists of open accounts, unless that was done a moment ago.

        Args:
            owners: Returns their addresses and directories.
        """
        now = self._threads.reactor.seconds()
        if now - self._all_looked >= ALL_SECONDS:
            self._all_looked = now
            await self._look(owners())

    async def _look(self, due: list[tuple[str, str]]) -> None:
        known = [self._marks.get(owner) for owner, _ in due]
        before = [self._shares.of(owner) for owner, _ in due]
        found = await self._threads.read(_see, due, known)
        for (owner, _), had, seen in zip(due, before, found, strict=True):
            # What was changed here meanwhile is newer than what was seen.
            if self._shares.of(owner) == had:
                self._note(owner, seen)

    def _note(self, owner: str, seen: "_Seen | None") -> None:
        if seen is None:
            return
        marks, named = seen
        self._marks[owner] = marks
        self._marks.move_to_end(owner)
        if len(self._marks) > OWNERS_KEPT:
            self._marks.popitem(last=False)
        if named is not None and named != self._shares.of(owner):
            self._shares.note(owner, named)
            self._keep(self._shares.written())
            self._shares.lists.tell()


def _see(
    owners: list[tuple[str, str]], known: list[Mapping[str, access.Mark] | None]
) -> list[_Seen | None]:
    """Look at the lists of owners; ``None`` for those that cannot be looked at."""
    found: list[_Seen | None] = []
    for (owner, root), before in zip(owners, known, strict=True):
        try:
            marks = access.marks(root)
            named = None
            if marks != before:
                domain = owner.rpartition("@")[2]
                lists = [access.read(one, domain) for one in marks]
                named = frozenset[str]().union(*(one.identifiers() for one in lists))
            found.append((marks, named))
        except OSError:
            found.append(None)
    return found
