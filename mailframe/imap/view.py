"""What one session was told of its mailbox: its message sequence numbers.

Others change the mailbox at any time; a client learns of it only when the
protocol allows. Until then a message that is gone keeps its number here, as a
*ghost*. While there are none, the view is the provider's own listing, the
same object in every session.

Source: RFC 3501 sections 5.2, 5.5 and 7.4.1, RFC 2180 section 4.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence, Set
from itertools import compress, count

from mailframe.imap.serialize import flag_list_out
from mailframe.interfaces.mailbox import IMailbox
from mailframe.model.flag import SEEN, FlagSet
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet

_NEW_KEYWORDS = b" \\*"
_EMPTY = Listing(highest_modseq=0, uid_next=1)


class View:
    """A selected mailbox as one client sees it.

    Provides what :class:`mailframe.imap.context.MessageContext` asks for.

    Attributes:
        mailbox: The mailbox.
        read_only: Whether it was opened with EXAMINE, or cannot be changed.
        recent: What is recent in this session.
        enabled: What ENABLE switched on; the session's own set.
        stale: Whether the mailbox may have changed since it was last asked.
    """

    def __init__(
        self,
        mailbox: IMailbox,
        *,
        read_only: bool,
        put: Callable[[bytes], None],
        pause: Callable[[], Awaitable[None] | None],
        wake: Callable[[], None],
        enabled: Set[str],
    ) -> None:
        """Begin with nothing told.

        Args:
            mailbox: Opened for this session; closed by ``close``.
            read_only: Whether the session may not change it.
            put: Takes output.
            pause: Returns what to wait for before sending more, or ``None``.
            wake: Called when the mailbox may have changed.
            enabled: What ENABLE switched on.
        """
        self.mailbox = mailbox
        self.read_only = read_only
        self.enabled = enabled
        self.put = put
        self.pause = pause
        self.recent = UIDSet.EMPTY
        self.stale = False
        self._wake = wake
        self._current = _EMPTY
        self._merged: Listing | None = None
        self._ghosts: dict[int, tuple[FlagSet, int, int, int]] = {}
        self._told = 0
        self._told_flags: tuple[FlagSet, bool] | None = None
        self._flags_of: Listing | None = None
        self._changed = UIDSet.EMPTY
        self._unwatch: Callable[[], None] | None = mailbox.watch(self._may_have_changed)

    def _may_have_changed(self) -> None:
        self.stale = True
        self._wake()

    def close(self) -> None:
        """Let go of the mailbox. Calling again is nothing."""
        unwatch, self._unwatch = self._unwatch, None
        if unwatch is not None:
            unwatch()
            self.mailbox.close()

    @property
    def listing(self) -> Listing:
        """The messages by number: row *i* is message number *i* + 1."""
        if not self._ghosts:
            return self._current
        if self._merged is None:
            self._merged = self._with_ghosts()
        return self._merged

    @property
    def uids(self) -> Sequence[int]:
        """The UIDs the client was told of, by number."""
        uids = self.listing.uids
        return uids if len(uids) == self._told else uids[: self._told]

    @property
    def ghosts(self) -> UIDSet:
        """The messages that are gone, and the client does not know."""
        return UIDSet.of(self._ghosts) if self._ghosts else UIDSet.EMPTY

    async def refresh(self) -> None:
        """Take the mailbox's changes into the view; announce nothing.

        Raises:
            NoSuchMailbox: It was deleted; the view stays as it is.
            TemporaryFailure: It cannot be asked now.
        """
        self.stale = False
        before = self._current
        changes = await self.mailbox.changes(before.highest_modseq)
        if changes.listing is before:
            return
        if changes.vanished:
            self._keep_ghosts(changes.vanished, before)
        self._current = changes.listing
        self._merged = None
        if changes.changed:
            self._changed |= changes.changed
        if changes.new:
            self.recent |= await self.mailbox.recent(not self.read_only)

    def forget_changes(self, uids: UIDSet) -> None:
        """Do not tell of flags that the client set itself, silently."""
        self._changed -= uids

    def forget_seen(self, before: Listing, uids: UIDSet) -> None:
        """Do not tell again of ``\\Seen`` that a FETCH has set and told.

        Args:
            before: The view before the FETCH.
            uids: The messages it was for.
        """
        now = self.listing
        told = []
        for start, stop in (self._changed & uids).slices(before.uids):
            for row in range(start, stop):
                # No row was removed, so each is where it was.
                flags = before.flags[row]
                if SEEN not in flags and now.flags[row] == flags | {SEEN}:
                    told.append(before.uids[row])
        if told:
            self._changed -= UIDSet.of(told)

    def own_changes(self, uids: UIDSet) -> None:
        """Tell the flags of these messages, whether or not they changed."""
        self._changed |= uids

    def select(self) -> None:
        """Tell everything, as SELECT and EXAMINE do.

        Source: RFC 3501 sections 6.3.1 and 7.3.
        """
        listing = self._current
        self._changed = UIDSet.EMPTY
        self._flags_of = listing
        self._tell_flags()
        self._tell_count()
        unseen = first_unseen(listing)
        if unseen:
            self.put(b"* OK [UNSEEN %d] First unseen\r\n" % unseen)
        self.put(
            b"* OK [UIDVALIDITY %d] UIDs valid\r\n"
            b"* OK [UIDNEXT %d] Predicted next UID\r\n"
            % (self.mailbox.uid_validity, listing.uid_next)
        )

    def announce(self, *, expunges: bool, with_uid: bool = False) -> None:
        """Tell the client what it may be told now.

        Args:
            expunges: Whether messages that are gone may lose their numbers.
            with_uid: Whether flags come with the UID, as in a UID command.

        Source: RFC 3501 sections 7.3 and 7.4.
        """
        if self._ghosts and expunges:
            self._tell_expunges()
        if self._flags_of is not self._current:
            # Keywords come with messages and with STORE, never alone.
            self._flags_of = self._current
            if self.mailbox.permanent_flags() != self._told_flags:
                self._tell_flags()
        listing = self.listing
        if len(listing.uids) != self._told:
            self._tell_count()
        if self._changed:
            self._tell_changes(listing, with_uid)

    def _keep_ghosts(self, vanished: UIDSet, before: Listing) -> None:
        """Remember the rows the client was told of that are gone now."""
        known = self._told - len(self._ghosts)
        for start, stop in vanished.slices(before.uids):
            for row in range(start, min(stop, known)):
                self._ghosts[before.uids[row]] = (
                    before.flags[row],
                    before.modseqs[row],
                    before.dates[row],
                    before.sizes[row],
                )
        self._changed -= vanished
        self.recent -= UIDSet.of(
            uid for uid in self.recent & vanished if uid not in self._ghosts
        )

    def _with_ghosts(self) -> Listing:
        """Return the current listing with the ghosts at their places."""
        now = self._current
        columns: tuple[list[object], ...] = ([], [], [], [], [])
        sources = (now.uids, now.flags, now.modseqs, now.dates, now.sizes)
        start = 0
        for uid in sorted(self._ghosts):
            stop = bisect_left(now.uids, uid, start)
            for column, source in zip(columns, sources, strict=True):
                column += source[start:stop]
            for column, value in zip(columns, (uid, *self._ghosts[uid]), strict=True):
                column.append(value)
            start = stop
        for column, source in zip(columns, sources, strict=True):
            column += source[start:]
        return Listing(now.highest_modseq, now.uid_next, *columns)  # type: ignore[arg-type]

    def _tell_expunges(self) -> None:
        """Send EXPUNGE for each ghost; each number is that of its moment."""
        uids = self._current.uids
        place = 0
        lines = []
        for uid in sorted(self._ghosts):
            place = bisect_left(uids, uid, place)
            lines.append(b"* %d EXPUNGE\r\n" % (place + 1))
        self.put(b"".join(lines))
        self._told -= len(lines)
        gone = UIDSet.of(self._ghosts)
        self.recent -= gone
        self._ghosts.clear()
        self._merged = None

    def _tell_count(self) -> None:
        self._told = len(self.listing.uids)
        self.put(b"* %d EXISTS\r\n* %d RECENT\r\n" % (self._told, len(self.recent)))

    def _tell_changes(self, listing: Listing, with_uid: bool) -> None:
        changed, self._changed = self._changed, UIDSet.EMPTY
        lines = []
        for start, stop in changed.slices(listing.uids):
            for row in range(start, stop):
                uid = listing.uids[row]
                flags = flag_list_out(listing.flags[row], uid in self.recent)
                if with_uid:
                    lines.append(
                        b"* %d FETCH (UID %d FLAGS %b)\r\n" % (row + 1, uid, flags)
                    )
                else:
                    lines.append(b"* %d FETCH (FLAGS %b)\r\n" % (row + 1, flags))
        self.put(b"".join(lines))

    def _tell_flags(self) -> None:
        self._told_flags = flags, may_grow = self.mailbox.permanent_flags()
        known = flag_list_out(flags)
        kept = b"" if self.read_only else known[1:-1]
        if may_grow and not self.read_only:
            kept = (kept + _NEW_KEYWORDS).lstrip()
        self.put(
            b"* FLAGS %b\r\n* OK [PERMANENTFLAGS (%b)] Flags permitted\r\n"
            % (known, kept)
        )


def first_unseen(listing: Listing) -> int:
    """Return the number of the first message without ``\\Seen``, or 0.

    Source: RFC 3501 section 6.3.1 (UNSEEN).
    """
    unseen = {flags for flags in set(listing.flags) if SEEN not in flags}
    if not unseen:
        return 0
    return next(compress(count(1), map(unseen.__contains__, listing.flags)))


def message_numbers(uids: UIDSet, column: Sequence[int]) -> list[int]:
    """Return the message sequence numbers of ``uids`` in a view's UIDs.

    UIDs that are not in it are left out.
    """
    numbers: list[int] = []
    for start, stop in uids.slices(column):
        numbers += range(start + 1, stop + 1)
    return numbers
