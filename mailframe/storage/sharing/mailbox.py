"""An open mailbox as far as its user has rights.

Of the user's own mailboxes, with all rights, only copies and moves pass here, for
they may lead elsewhere; everything else is the store's.

Source: RFC 4314 sections 4, 5.1.1 and 5.2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zope.interface import classImplements, implementer, providedBy

from mailframe.errors import NoSuchMailbox, NotPermitted
from mailframe.interfaces.access import IGuardedMailbox
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import SummaryField
from mailframe.model.access import CHANGING, Person, Rights, allowed_flags
from mailframe.model.flag import FlagChange, FlagSet
from mailframe.model.mailbox import Changes, Copied, Listing, MailboxName, Stored
from mailframe.model.uid_set import UIDSet
from mailframe.storage.sharing import transfer
from mailframe.storage.sharing.transfer import Source

if TYPE_CHECKING:
    from mailframe.storage.sharing.account import SharingAccount


class OwnMailbox:
    """A mailbox of the user's own, with all rights."""

    def __init__(self, account: "SharingAccount", source: Source) -> None:
        """Stand before a mailbox.

        Args:
            account: Whose view it is.
            source: The mailbox.
        """
        self._account = account
        self.source = source
        self._mailbox: Any = source.mailbox

    def __getattr__(self, name: str) -> Any:
        """Return what the mailbox has."""
        return getattr(self._mailbox, name)

    async def copy(self, uids: UIDSet, destination: MailboxName) -> Copied:
        """Append copies to any mailbox of the account's view."""
        target, held = await self._account.appendable(destination)
        return await transfer.copy(self.source, uids, target, held)

    async def move(self, uids: UIDSet, destination: MailboxName) -> Copied:
        """The same, and the originals are gone."""
        target, held = await self._account.appendable(destination)
        return await transfer.move(self.source, uids, target, held)


@implementer(IGuardedMailbox)
class GuardedMailbox(OwnMailbox):
    """A mailbox of another's, or one in which the user may not do everything.

    Rights are looked up again with every call: what is taken from a user is gone
    at once, and a mailbox that may no longer be read is as one that was deleted.

    Attributes:
        name: What it is called for this user.
    """

    def __init__(
        self,
        account: "SharingAccount",
        source: Source,
        name: MailboxName,
        person: Person,
        held: Rights,
    ) -> None:
        """Stand before a mailbox.

        Args:
            account: Whose view it is.
            source: The mailbox.
            name: What it is called for this user.
            person: Who that is.
            held: What the user may do now.
        """
        super().__init__(account, source)
        self.name = name
        self._person = person
        self._held = held
        self._told = held
        self._listing: tuple[Listing, Listing] | None = None

    @property
    def read_only(self) -> bool:
        """Whether nothing in it can be changed."""
        return bool(self._mailbox.read_only) or not (CHANGING & self._held)

    async def rights(self, *needed: str) -> Rights:
        """Return what the user may do now.

        Raises:
            NoSuchMailbox: It may not be read any more.
            NotPermitted: One of the rights is missing.
        """
        access = await self._mailbox.access_list()
        self._held = access.rights_of(self._person)
        if "r" not in self._held:
            raise NoSuchMailbox(self.name)
        if not self._held.issuperset(needed):
            raise NotPermitted(self.name)
        return self._held

    def permanent_flags(self) -> tuple[FlagSet, bool]:
        """Return what can be kept; no new keywords without w."""
        flags, may_grow = self._mailbox.permanent_flags()
        return flags, may_grow and "w" in self._held

    def changeable(self, flags: FlagSet) -> FlagSet:
        """Return those of some flags that this user may set and clear."""
        return allowed_flags(flags, self._held)

    async def changes(self, since: int) -> Changes:
        """Return the changes; the listing is another one when rights have changed."""
        held = await self.rights()
        changes: Changes = await self._mailbox.changes(since)
        if held != self._told:
            self._told = held
            self._listing = changes.listing, replace(changes.listing)
        if self._listing is None or self._listing[0] is not changes.listing:
            self._listing = None
            return changes
        return replace(changes, listing=self._listing[1])

    async def store(
        self,
        uids: UIDSet,
        change: FlagChange,
        flags: FlagSet,
        unchanged_since: int | None = None,
    ) -> Stored:
        """Change those of the flags that may be changed.

        Raises:
            NotPermitted: Flags are named, and none of them may.

        Source: RFC 4314 section 4 (STORE).
        """
        held = await self.rights()
        allowed = allowed_flags(flags, held)
        if (flags and not allowed) or not held & frozenset("stw"):
            raise NotPermitted(self.name)
        if change is FlagChange.REPLACE and not held >= frozenset("stw"):
            return await self._replace(uids, allowed, held, unchanged_since)
        stored: Stored = await self._mailbox.store(
            uids, change, allowed, unchanged_since
        )
        return stored

    async def _replace(
        self, uids: UIDSet, flags: FlagSet, held: Rights, unchanged_since: int | None
    ) -> Stored:
        """Replace the flags that may be changed; each message keeps its others.

        A message that another session changes at this moment is done again.
        """
        changed = modified = UIDSet.EMPTY
        while uids:
            listing: Listing = (await self._mailbox.changes(0)).listing
            groups: dict[FlagSet, list[int]] = {}
            for start, stop in uids.slices(listing.uids):
                for row in range(start, stop):
                    uid, had = listing.uids[row], listing.flags[row]
                    if (
                        unchanged_since is not None
                        and listing.modseqs[row] > unchanged_since
                    ):
                        modified |= UIDSet.of((uid,))
                    else:
                        kept = had - allowed_flags(had, held)
                        groups.setdefault(kept, []).append(uid)
            uids = UIDSet.EMPTY
            for kept, members in groups.items():
                stored: Stored = await self._mailbox.store(
                    UIDSet.of(members),
                    FlagChange.REPLACE,
                    kept | flags,
                    listing.highest_modseq,
                )
                changed |= stored.changed
                uids |= stored.modified
        return Stored(changed, modified)

    async def expunge(self, uids: UIDSet | None = None) -> UIDSet:
        """Remove what is marked."""
        await self.rights("e")
        gone: UIDSet = await self._mailbox.expunge(uids)
        return gone

    async def copy(self, uids: UIDSet, destination: MailboxName) -> Copied:
        """Append copies."""
        await self.rights()
        return await super().copy(uids, destination)

    async def move(self, uids: UIDSet, destination: MailboxName) -> Copied:
        """Append copies and remove the originals.

        Source: RFC 6851 section 4.2 (rights).
        """
        await self.rights("t", "e")
        return await super().move(uids, destination)

    async def summaries(
        self, uids: UIDSet, fields: Sequence[SummaryField]
    ) -> tuple[Sequence[Any], ...]:
        """Return kept answers."""
        await self.rights()
        found: tuple[Sequence[Any], ...] = await self._mailbox.summaries(uids, fields)
        return found

    async def headers(self, uids: UIDSet) -> tuple[Sequence[int], Sequence[bytes]]:
        """Return headers."""
        await self.rights()
        found: tuple[Sequence[int], Sequence[bytes]]
        found = await self._mailbox.headers(uids)
        return found

    async def headers_with(self, uids: UIDSet, octets: bytes) -> Sequence[int]:
        """Return the messages whose header may have a text in it."""
        await self.rights()
        found: Sequence[int] = await self._mailbox.headers_with(uids, octets)
        return found

    async def load(self, uids: UIDSet, max_octets: int) -> Mapping[int, bytes]:
        """Return whole messages."""
        await self.rights()
        found: Mapping[int, bytes] = await self._mailbox.load(uids, max_octets)
        return found

    async def open_content(self, uid: int) -> IContent:
        """Open one message."""
        await self.rights()
        return await self._mailbox.open_content(uid)  # type: ignore[no-any-return]


_CLASSES: dict[tuple[type, Any], type] = {}


def with_powers(kind: type, stands_for: Any, but: Any = None) -> type:
    """Return a subclass that says it has the optional powers of an object, too.

    Args:
        kind: The class.
        stands_for: What its objects stand before, and pass calls on to.
        but: An interface it does not provide.
    """
    provided = providedBy(stands_for)
    made = _CLASSES.get((kind, provided))
    if made is None:
        made = type(kind.__name__, (kind,), {})
        powers = [one for one in provided if one is not but]
        classImplements(made, *powers)  # type: ignore[misc]
        _CLASSES[kind, provided] = made
    return made
