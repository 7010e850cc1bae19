"""What one session was told of its mailbox: its message sequence numbers.

Others change the mailbox at any time; a client learns of it only when the
protocol allows. Until then a message that is gone keeps its number here, as a
*ghost*. While there are none, the view is the provider's own listing, the
same object in every session.

Source: RFC 3501 sections 5.2, 5.5 and 7.4.1, RFC 2180 section 4.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence, Set
from itertools import compress, count

from mailframe.imap import wording
from mailframe.imap.fetch_items import FetchRequest
from mailframe.imap.ghosts import Ghosts
from mailframe.imap.sequence import SequenceSet
from mailframe.imap.serialize import flag_list_out
from mailframe.imap.unasked import Follower, Unasked, Wish
from mailframe.interfaces.access import IGuardedMailbox
from mailframe.interfaces.mailbox import IMailbox
from mailframe.model.flag import SEEN, FlagSet
from mailframe.model.mailbox import Listing, MailboxName
from mailframe.model.uid_set import UID_MAX, UIDSet

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
        saved: The search result variable (RFC 5182 section 2.1).
        now: Returns seconds since 1970.
        holding: Whether no expunge may be told in the command that runs, though
            it is one by UID.
        progress: Told how much of how much a command has done.
        followers: What wants to be told of with every change, by tag
            (RFC 5267 section 4.3).
        wishes: What some of them tell of new messages, by tag (RFC 5465
            section 7).
        unasked: What the client is told unasked.
        limit: Messages one command may work on; 0 for any number.
        stale: Whether the mailbox may have changed since it was last asked.
        hushed: Notices that are not given the next time, for the client is told
            in another way.
        batched: The last UIDBATCHES answered, how many messages there were then,
            and up to which UID.
    """

    def __init__(
        self,
        mailbox: IMailbox,
        *,
        read_only: bool,
        put: Callable[[bytes], None],
        say: Callable[[bytes], None] | None = None,
        pause: Callable[[], Awaitable[None] | None],
        wake: Callable[[], None],
        enabled: Set[str],
        now: Callable[[], float] = lambda: 0.0,
        limit: int = 0,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        """Begin with nothing told.

        Args:
            mailbox: Opened for this session; closed by ``close``.
            read_only: Whether the session may not change it.
            put: Takes output.
            say: The same for lines of status responses, whose text may then be
                in another language; ``None`` for ``put``.
            pause: Returns what to wait for before sending more, or ``None``.
            wake: Called when the mailbox may have changed.
            enabled: What ENABLE switched on.
            now: Returns seconds since 1970.
            limit: Messages one command may work on; 0 for any number.
            progress: Told how much of how much a command has done.
        """
        self.limit = limit
        self.progress = progress
        self.mailbox = mailbox
        self.read_only = read_only
        self.enabled = enabled
        self.put = put
        self.say = say or put
        self.pause = pause
        self.recent = UIDSet.EMPTY
        self.saved = UIDSet.EMPTY
        self.now = now
        self.followers: dict[bytes, Follower] = {}
        self.wishes: dict[bytes, Wish] = {}
        self.unasked = Unasked()
        self._arrived = UIDSet.EMPTY
        self._made = UIDSet.EMPTY
        self._followed: Listing | None = None
        self.stale = False
        self._wake = wake
        self._current = _EMPTY
        self._merged: Listing | None = None
        self._ghosts = Ghosts()
        self._told = 0
        self._told_flags: tuple[FlagSet, FlagSet, bool] | None = None
        self._guarded = IGuardedMailbox(mailbox, None)
        self._flags_of: Listing | None = None
        self._changed = UIDSet.EMPTY
        self._touched = UIDSet.EMPTY
        self._own = UIDSet.EMPTY
        self._known = 0
        self.holding = False
        self._owed = False
        self._last_done = 0
        self._notices: list[bytes] = []
        self.hushed: set[bytes] = set()
        self.batched: tuple[object, int, int] = None, 0, 0
        self._stops = [mailbox.watch(self._may_have_changed), mailbox.close]

    def _may_have_changed(self) -> None:
        self.stale = True
        self._wake()

    def close(self) -> None:
        """Let go of the mailbox. Calling again is nothing."""
        stops, self._stops = self._stops, []
        for stop in stops:
            stop()

    def until_close(self, stop: Callable[[], None]) -> None:
        """Have something called when the mailbox is let go of."""
        self._stops.insert(0, stop)

    def notice(self, line: bytes) -> None:
        """Say a status response as soon as something may be said; once, if twice."""
        if line in self.hushed:
            self.hushed.discard(line)
        elif line not in self._notices:
            self._notices.append(line)
            self._may_have_changed()

    @property
    def listing(self) -> Listing:
        """The messages by number: row *i* is message number *i* + 1."""
        if not self._ghosts:
            return self._current
        if self._merged is None:
            self._merged = self._ghosts.among(self._current)
        return self._merged

    @property
    def uids(self) -> Sequence[int]:
        """The UIDs the client was told of, by number."""
        uids = self.listing.uids
        return uids if len(uids) == self._told else uids[: self._told]

    def chosen(self, messages: SequenceSet, by_uid: bool) -> UIDSet:
        """Return the messages that a command names.

        Args:
            messages: As the client wrote it.
            by_uid: Whether the numbers are UIDs.

        Raises:
            BadSyntax: A message number beyond the last message.

        Source: RFC 9051 section 9 (sequence-set), RFC 5182 section 2.1.
        """
        if not messages.saved:
            return messages.to_uids(self.uids, by_uid)
        if self._ghosts:
            self.saved -= self.ghosts
        return self.saved

    def over_limit(self, uids: UIDSet, limit: int | None = None) -> int:
        """Return the lowest UID a command may work on, 0 if it may on all.

        Args:
            uids: The messages it names.
            limit: How many are allowed, if not ``self.limit``.

        Source: RFC 9738 section 3.1.
        """
        left = self.limit if limit is None else limit
        if not left:
            return 0
        lowest = 0
        column = self.uids
        for start, stop in reversed(uids.slices(column)):
            if stop - start > left:
                return column[stop - left] if left else lowest
            left -= stop - start
            lowest = column[start]
        return 0

    def having(self, flag: str, uids: UIDSet) -> UIDSet:
        """Return those of ``uids`` that have a flag."""
        listing = self.listing
        return UIDSet.of(
            uid
            for start, stop in uids.slices(listing.uids)
            for uid, flags in zip(
                listing.uids[start:stop], listing.flags[start:stop], strict=True
            )
            if flag in flags
        )

    def bounded(self, uids: UIDSet) -> UIDSet:
        """Return the messages a command works on: the last, if there are too many.

        Source: RFC 9738 section 3.1.
        """
        lowest = self.over_limit(uids)
        if not lowest:
            return uids
        self._last_done = lowest
        return uids & UIDSet([(lowest, UID_MAX)])

    @property
    def limited(self) -> bool:
        """Whether the command that runs does not do all."""
        return bool(self._last_done)

    def take_last_done(self) -> int:
        """Return, once, the lowest UID a command has got to, if it did not do all."""
        last, self._last_done = self._last_done, 0
        return last

    @property
    def untold(self) -> bool:
        """Whether the client does not know all that is known here."""
        return bool(
            self._ghosts or self._changed or self._told != len(self._current.uids)
        )

    @property
    def ghosts(self) -> UIDSet:
        """The messages that are gone, and the client does not know."""
        return self._ghosts.uids

    @property
    def modseq(self) -> int:
        """What the client may take for its HIGHESTMODSEQ after what it is told now.

        Lower than that of an expunge it does not know of yet.

        Source: RFC 7162 section 3.2.
        """
        return self._known if self._ghosts else self._current.highest_modseq

    @property
    def pending(self) -> UIDSet:
        """The messages whose flags are not what the client was told."""
        return self._changed

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
            if not self._ghosts:
                self._known = before.highest_modseq
            self._vanish(changes.vanished, before)
        self._current = changes.listing
        self._merged = None
        if changes.changed:
            self._changed |= changes.changed
        if changes.new and wording.tells_recent(self.enabled):
            self.recent |= await self.mailbox.recent(not self.read_only)

    def _vanish(self, vanished: UIDSet, before: Listing) -> None:
        ghosts = self._ghosts
        ghosts.keep(vanished, before, self._told - len(ghosts))
        self._changed -= vanished
        self._touched -= vanished
        self.recent -= UIDSet.of(
            uid for uid in self.recent & vanished if uid not in ghosts
        )

    @property
    def behind(self) -> bool:
        """Whether followers do not know yet how the view is now."""
        return bool(self.followers) and self._followed is not self.listing

    async def follow(self) -> None:
        """Let followers find out how the view is now.

        Raises:
            NoSuchMailbox: The mailbox was deleted.
            TemporaryFailure: It cannot be asked now.
        """
        if self.behind:
            listing = self.listing
            for follower in self.followers.values():
                await follower.follow()
            self._followed = listing

    def forget_changes(self, uids: UIDSet) -> None:
        """Do not tell of flags that the client set itself, silently.

        Their mod-sequences are told to one that wants to know them.

        Source: RFC 7162 section 3.1.4.2 (example 14).
        """
        self._touched |= self._changed & uids
        self._changed -= uids

    def own_modseqs(self, uids: UIDSet) -> None:
        """Tell the mod-sequences of these messages, whether or not they changed.

        Source: RFC 7162 section 3.1.3.
        """
        self._touched |= uids

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
        self._own |= uids

    def made(self, name: MailboxName, uids: Iterable[int]) -> None:
        """Note messages that this client itself has put into a mailbox.

        Source: RFC 5465 section 5.2.
        """
        if self._wishing and name == self.mailbox.name:
            self._made |= UIDSet.of(uids)

    @property
    def _wishing(self) -> bool:
        return bool(self.wishes) or self.unasked.request is not None

    @property
    def arriving(self) -> bool:
        """Whether something has to be fetched for what is to be told."""
        return self._wishing and (
            bool(self._arrived) or len(self.listing.uids) != self._told
        )

    def take_arrived(self) -> list[tuple[FetchRequest, UIDSet]]:
        """Return, once, what is to be fetched of the messages told of last."""
        arrived, self._arrived = self._arrived, UIDSet.EMPTY
        wanted = [
            (request, arrived & which()) for request, which in self.wishes.values()
        ]
        if self.unasked.request is not None:
            wanted.append((self.unasked.request, arrived))
        return [(request, uids) for request, uids in wanted if uids]

    def expunges_due(self, idling: bool) -> bool:
        """Tell whether messages that are gone are to be told of between commands."""
        unasked = self.unasked
        allowed = idling or (unasked.at_once and not unasked.expunges_wait)
        return allowed and unasked.messages and bool(self._ghosts)

    def select(self) -> None:
        """Tell everything, as SELECT and EXAMINE do.

        Source: RFC 3501 sections 6.3.1 and 7.3.
        """
        listing = self._current
        self._changed = UIDSet.EMPTY
        self._flags_of = listing
        self._tell_flags()
        self._tell_count()
        if wording.tells_recent(self.enabled) and not wording.uid_only(self.enabled):
            unseen = first_unseen(listing)
            if unseen:
                self.say(b"* OK [UNSEEN %d] First unseen\r\n" % unseen)
        self.say(
            b"* OK [UIDVALIDITY %d] UIDs valid\r\n"
            b"* OK [UIDNEXT %d] Predicted next UID\r\n"
            % (self.mailbox.uid_validity, listing.uid_next)
        )
        if wording.tells_modseq(self.enabled):
            self.tell_modseq()

    def tell_modseq(self) -> None:
        """Tell the mod-sequence of the mailbox as the client knows it.

        Source: RFC 7162 section 3.1.2.1.
        """
        self.say(b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % self.modseq)

    def take_code(self) -> bytes:
        """Return, once, the response code that the end of a command needs, or nothing.

        A client that resynchronizes would take the highest mod-sequence it was
        told; while expunges before that are kept from it, it is told a lower one.

        Source: RFC 7162 sections 3.2, 3.2.7 and 6.
        """
        self.holding = False
        owed, self._owed = self._owed or bool(self._ghosts), False
        if not owed or "QRESYNC" not in self.enabled:
            return b""
        return b"[HIGHESTMODSEQ %d] " % self.modseq

    def tell_code(self) -> None:
        """Tell what :meth:`take_code` returns in a response of its own."""
        code = self.take_code()
        if code:
            self.say(b"* OK %bHighest\r\n" % code)

    def owe_modseq(self) -> None:
        """Tell the mod-sequence at the end of the command: messages were expunged.

        Source: RFC 7162 section 3.2.7.
        """
        self._owed = True

    def announce(self, *, expunges: bool, with_uid: bool = False) -> None:
        """Tell the client what it may be told now.

        Args:
            expunges: Whether messages that are gone may lose their numbers.
            with_uid: Whether flags come with the UID, as in a UID command.

        Source: RFC 3501 sections 7.3 and 7.4, RFC 5465 sections 5.1 and 5.2.
        """
        while self._notices:
            self.say(self._notices.pop(0))
        followers = self.followers.values()
        unasked = self.unasked
        # What the client itself expunged it is told in any case.
        expunges = expunges and (unasked.messages or self._owed)
        if self._ghosts and expunges and not (self.behind or self.holding):
            for follower in followers:
                self.put(follower.removed(self.ghosts))
            self._tell_expunges()
        if self._flags_of is not self._current:
            # Keywords come with messages and with STORE, never alone.
            self._flags_of = self._current
            if self._permanent_flags() != self._told_flags:
                self._tell_flags()
        listing = self.listing
        if len(listing.uids) != self._told and (unasked.messages or followers):
            known = self._told
            self._tell_count()
            if self._wishing:
                self._arrived |= UIDSet.of(listing.uids[known:]) - self._made
                self._made = UIDSet.EMPTY
        with_uid = with_uid or unasked.at_once
        changed = self._tellable()
        if changed or self._touched:
            self._changed -= changed
            self._own -= changed
            touched, self._touched = self._touched, UIDSet.EMPTY
            self.put(
                wording.changes(
                    self.enabled, listing, self.recent, changed, touched, with_uid
                )
            )
        for follower in followers:
            self.put(follower.removed(None) + follower.added())

    def _tellable(self) -> UIDSet:
        """Return the messages whose flags may be told, of those that changed."""
        changed = self._changed if self.unasked.flags else self._changed & self._own
        if changed and self._told != len(self.listing.uids):
            uids = self.uids
            return changed & UIDSet([(1, uids[-1])]) if uids else UIDSet.EMPTY
        return changed

    def _tell_expunges(self) -> None:
        """Tell which messages are gone, and forget them."""
        gone = self._ghosts.uids
        self.put(wording.expunges(self.enabled, gone, self._current.uids))
        self.owe_modseq()
        self._told -= len(gone)
        self.recent -= gone
        self.saved -= gone
        self._ghosts.clear()
        self._merged = None

    def _tell_count(self) -> None:
        self._told = len(self.listing.uids)
        self.put(b"* %d EXISTS\r\n" % self._told)
        if wording.tells_recent(self.enabled):
            self.put(b"* %d RECENT\r\n" % len(self.recent))

    def _permanent_flags(self) -> tuple[FlagSet, FlagSet, bool]:
        """Return flags that can be kept, those this user can change, and more."""
        flags, may_grow = self.mailbox.permanent_flags()
        if self._guarded is None:
            return flags, flags, may_grow
        return flags, self._guarded.changeable(flags), may_grow

    def _tell_flags(self) -> None:
        self._told_flags = flags, mine, may_grow = self._permanent_flags()
        known = flag_list_out(flags)
        kept = b"" if self.read_only else flag_list_out(mine)[1:-1]
        if may_grow and not self.read_only:
            kept = (kept + _NEW_KEYWORDS).lstrip()
        self.say(
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
