"""The messages of one mailbox in memory, as columns, brought along by deltas.

Loaded once from the index, then each job's :class:`Delta` is folded in when
somebody asks. A listing handed out never changes: folding copies the columns,
at the speed of C, and only then. Lives in the reactor thread.

Source: RFC 7162 section 3 (mod-sequences); DESIGN.md section 6.
"""

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

from mailframe.model.mailbox import Changes, Listing
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir.index import MailboxRow
from mailframe.storage.maildir.kept_columns import cut, kept_slices
from mailframe.storage.maildir.store import Delta

LOG_KEPT = 500
"""Changes remembered by their UIDs; an older question takes a look at all rows."""


@dataclass(slots=True)
class Loaded:
    """What the index has of a mailbox at one moment.

    Attributes:
        row: The mailbox.
        listing: Its messages.
        arrived: The mod-sequence at which each came.
        keywords: All keywords by folded name.
        all_uids: The UIDs of the messages.
        to_keep: The columns as octets, if they are worth being kept.
    """

    row: MailboxRow
    listing: Listing
    arrived: "array[int]"
    keywords: dict[str, str]
    all_uids: UIDSet
    to_keep: bytes | None = None


class Seconds(Sequence[int]):
    """The moments at which messages came, out of the mod-sequences they came at.

    A mod-sequence is the time in milliseconds, or a little more when a mailbox
    changes faster than that.
    """

    def __init__(self, modseqs: "array[int]") -> None:
        """Hold a column that does not change any more."""
        self._modseqs = modseqs

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._modseqs)

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[int]: ...

    def __getitem__(self, place: int | slice) -> int | Sequence[int]:
        """Return seconds since 1970, of one message or several."""
        if isinstance(place, slice):
            return [modseq // 1000 for modseq in self._modseqs[place]]
        return self._modseqs[place] // 1000


class _Entry(NamedTuple):
    modseq: int
    new: UIDSet
    changed: UIDSet
    removed: UIDSet


class Columns:
    """The current listing and the latest changes."""

    def __init__(self, loaded: Loaded) -> None:
        """Begin with what was read from the index."""
        self.keywords = loaded.keywords
        self._listing = loaded.listing
        self._arrived = loaded.arrived
        self._loaded_at = loaded.row.highest_modseq
        self._pending: list[Delta] = []
        self._log: deque[_Entry] = deque()
        self._log_since = loaded.row.highest_modseq
        self._all = loaded.all_uids

    def add(self, delta: Delta) -> bool:
        """Take a change, in the order of the jobs.

        Returns:
            False if it cannot be folded in (a UID below one that is there):
            then load the columns again.
        """
        modseq = delta.row.highest_modseq
        told = delta.added or delta.changed or delta.removed
        if modseq <= (self._loaded_at if told else self._highest()):
            return True
        if delta.added:
            last = self._last_uid()
            if delta.added[0][0] <= last:
                return False
        if delta.keywords is not None:
            self.keywords = delta.keywords
        self._pending.append(delta)
        new = UIDSet.of(uid for uid, _, _, _ in delta.added)
        changed = UIDSet.EMPTY
        for uids, _ in delta.changed:
            changed |= uids
        self._log.append(_Entry(modseq, new, changed, delta.removed))
        if len(self._log) > LOG_KEPT:
            self._log_since = self._log.popleft().modseq
        return True

    def _last_uid(self) -> int:
        for delta in reversed(self._pending):
            if delta.added:
                return delta.added[-1][0]
        return self._listing.uids[-1] if self._listing.uids else 0

    def _highest(self) -> int:
        newest = self._pending[-1].row if self._pending else self._listing
        return newest.highest_modseq

    def listing(self) -> Listing:
        """Return the messages as they are now."""
        if self._pending:
            self._fold()
        return self._listing

    def _fold(self) -> None:
        """Make new columns out of the old ones and what happened since."""
        old = self._listing
        uids = array("I", old.uids)
        flags = list(old.flags)
        modseqs = array("Q", old.modseqs)
        dates = array("q", old.dates)
        sizes = array("Q", old.sizes)
        arrived = array("Q", self._arrived)
        pending, self._pending = self._pending, []
        for delta in pending:
            modseq = delta.row.highest_modseq
            for uid, one_flags, date, size in delta.added:
                uids.append(uid)
                flags.append(one_flags)
                dates.append(date)
                sizes.append(size)
            count = len(delta.added)
            modseqs.extend(array("Q", [modseq]) * count)
            arrived.extend(array("Q", [modseq]) * count)
            for changed, new_flags in delta.changed:
                for start, stop in changed.slices(uids):
                    flags[start:stop] = [new_flags] * (stop - start)
                    modseqs[start:stop] = array("Q", [modseq]) * (stop - start)
            self._all |= UIDSet.of(uid for uid, _, _, _ in delta.added)
            if delta.removed:
                self._all -= delta.removed
                kept = kept_slices(delta.removed.slices(uids), len(uids))
                uids = cut(uids, kept)
                modseqs, dates = cut(modseqs, kept), cut(dates, kept)
                sizes, arrived = cut(sizes, kept), cut(arrived, kept)
                flags = [one for low, high in kept for one in flags[low:high]]
        row = pending[-1].row
        self._arrived = arrived
        self._listing = Listing(
            row.highest_modseq,
            row.uid_next,
            uids,
            flags,
            modseqs,
            dates,
            sizes,
            Seconds(arrived),
        )

    def all_uids(self) -> UIDSet:
        """Return the UIDs of all messages."""
        self.listing()
        return self._all

    def present(self, uids: UIDSet) -> UIDSet:
        """Return those of ``uids`` that name a message."""
        return uids & self.all_uids()

    def remembers(self, since: int) -> bool:
        """Tell whether :meth:`changes` can be asked from this mod-sequence."""
        return since == 0 or since >= self._log_since

    def changes(self, since: int) -> Changes:
        """Return what is new since ``since``, which is remembered."""
        listing = self.listing()
        if since >= listing.highest_modseq:
            return Changes(listing)
        if since == 0:
            return Changes(listing, new=self.all_uids())
        new = changed = removed = UIDSet.EMPTY
        for entry in reversed(self._log):
            if entry.modseq <= since:
                break
            new |= entry.new
            changed |= entry.changed
            removed |= entry.removed
        return Changes(
            listing,
            new=new - removed,
            changed=changed - new - removed,
            vanished=removed,
        )

    def changes_by_row(self, since: int, vanished: UIDSet) -> Changes:
        """Return the same by looking at every row.

        Args:
            since: A mod-sequence.
            vanished: What the index says vanished after it.
        """
        listing = self.listing()
        new: list[int] = []
        changed: list[int] = []
        for uid, modseq, arrived in zip(
            listing.uids, listing.modseqs, self._arrived, strict=True
        ):
            if modseq > since:
                (new if arrived > since else changed).append(uid)
        return Changes(
            listing,
            new=UIDSet.of(new),
            changed=UIDSet.of(changed),
            vanished=vanished - self.all_uids(),
        )
