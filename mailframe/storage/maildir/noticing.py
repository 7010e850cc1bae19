"""Notice access lists that an operator, or another program, has written.

What somebody may do is read from the lists themselves each time. This is for who
shares with whom (``shares.py``): the account that a list is in may be closed, so
that nobody reads it. Whoever asks for a mailbox by its name has the owner's
directory looked at, in a thread, and who lists mailboxes those of all open accounts.

Source: RFC 2342 section 5 (other users are found by LIST).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from twisted.logger import Logger

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

    _log = Logger()

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

    async def look(self, owners: Iterable[tuple[str, str]], seconds: float) -> None:
        """Look at what was not looked at a moment ago.

        Args:
            owners: Addresses and directories, which need not be there.
            seconds: How long a moment is.
        """
        now = self._threads.reactor.seconds()
        due = [
            (owner, root)
            for owner, root in owners
            if now - self._looked.get(owner, now - seconds) >= seconds
        ]
        if not due:
            return
        if len(self._looked) > OWNERS_KEPT:
            oldest = now - ALL_SECONDS
            self._looked = {one: at for one, at in self._looked.items() if at > oldest}
        self._looked.update((owner, now) for owner, _ in due)
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
