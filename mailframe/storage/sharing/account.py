"""One user's mailboxes and those that others share with that user.

Stands between a protocol and the accounts of a store. Names are turned into
accounts and names there (``places.py``), and every method asks for the rights that
RFC 4314 section 4 demands of the command it is for. The account of the user's own
does the rest. It is one file so that what is enforced is seen at one glance.

Source: RFC 4314, RFC 2342, RFC 5464 section 3.3, RFC 9208 section 6.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from zope.interface import implementer

from mailframe.errors import (
    MailboxExists,
    MailError,
    NoSuchMailbox,
    NotPermitted,
    NotSupported,
    TemporaryFailure,
)
from mailframe.interfaces.access import IAccessControl, IAccessLists, Namespaces
from mailframe.interfaces.mailbox import IMailAccount, NewMessage
from mailframe.model.access import (
    ALL_RIGHTS,
    ANYONE,
    AUTHENTICATED,
    GROUP,
    NEGATIVE,
    NO_RIGHTS,
    OWNER,
    OWNER_KEEPS,
    Person,
    Rights,
    allowed_flags,
)
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import (
    INBOX,
    Appended,
    MailboxInfo,
    MailboxName,
    MailboxStatus,
    levels_above,
)
from mailframe.model.quota import QuotaLimits, QuotaRoot
from mailframe.model.uid_set import UIDSet
from mailframe.storage.sharing import transfer
from mailframe.storage.sharing.identifier import canonical
from mailframe.storage.sharing.mailbox import GuardedMailbox, OwnMailbox, with_powers
from mailframe.storage.sharing.notes import VisitorsNotes, is_owners, is_shared
from mailframe.storage.sharing.places import Places
from mailframe.storage.sharing.target import Target, refused
from mailframe.storage.sharing.transfer import Source
from mailframe.storage.sharing.watching import OthersWatched


async def _as_they_are(address: str) -> None:
    """Do nothing for accounts that need nothing."""


def sharing_account(
    account: Any,
    realm: Any,
    groups: Callable[[str], Awaitable[frozenset[str]]],
    ready: Callable[[str], Awaitable[None]] = _as_they_are,
) -> "SharingAccount":
    """Return what a user sees.

    It provides every interface that ``account`` provides: calls of one that this
    module does not know are about the user's own mailboxes.

    Args:
        account: The user's own; provides IMailAccount and IAccessLists.
        realm: Provides ISharingRealm.
        groups: Given an address, returns the user's groups.
        ready: Called with an owner before something is put into a mailbox of the
            owner's: sees that the account knows its bounds.
    """
    kind = with_powers(SharingAccount, account, but=IAccessLists)
    made: SharingAccount = kind(account, realm, groups, ready)
    return made


@implementer(IMailAccount, IAccessControl)
class SharingAccount:
    """What one user sees; for one session.

    Attributes:
        address: Whose it is.
        namespaces: Which there are besides the personal.
    """

    def __init__(
        self,
        account: Any,
        realm: Any,
        groups: Callable[[str], Awaitable[frozenset[str]]],
        ready: Callable[[str], Awaitable[None]],
    ) -> None:
        """Stand before an account; see :func:`sharing_account`."""
        self._ready = ready
        self.address: str = account.address
        self.namespaces: Namespaces = realm.namespaces
        self._own = account
        self._realm = realm
        self._groups_of = groups
        self._groups: frozenset[str] | None = None
        self._places = Places(self.namespaces, self.address)
        self._notes = VisitorsNotes(self.address)
        self._owner = Person(self.address, owner=True)
        self._opened: WeakValueDictionary[str, OwnMailbox] = WeakValueDictionary()

    def __getattr__(self, name: str) -> Any:
        """Return what the user's own account has."""
        return getattr(self._own, name)

    # Who, where, and what for.

    async def _person(self) -> Person:
        """Return who the user is to others."""
        if not self._realm.names_groups():
            return Person(self.address)
        if self._groups is None:
            self._groups = await self._groups_of(self.address)
        return Person(self.address, self._groups)

    def _sharers(self, person: Person) -> frozenset[str]:
        """Return whose mailboxes may be shared with this user."""
        names = {person.address, ANYONE, AUTHENTICATED}
        names.update(GROUP + group for group in person.groups)
        found: frozenset[str] = self._realm.sharers(frozenset(names))
        return found - {self.address}

    async def _target(self, name: MailboxName) -> Target:
        """Return where a name leads.

        Raises:
            NoSuchMailbox: Nowhere, for this user.
        """
        place = self._places.find(name)
        if place is None:
            return Target(self._own, name, self._owner)
        person = await self._person()
        if place.name is not None and place.owner not in self._sharers(person):
            # Somebody may have written a list without telling us.
            await self._realm.notice_lists(place.owner)
            person = await self._person()
        if place.name is not None and place.owner in self._sharers(person):
            account = await self._realm.shared_account(place.owner)
            if account is not None:
                return Target(account, place.name, person)
        raise NoSuchMailbox(name)

    async def _reach(self, name: MailboxName, *needed: str) -> tuple[Target, Rights]:
        """Return where a name leads, and what the user may do there.

        Raises:
            NoSuchMailbox: There is no such mailbox for this user.
            NotPermitted: A right is missing.
        """
        target = await self._target(name)
        held = await target.rights()
        if not held.issuperset(needed):
            raise refused(name, held)
        return target, held

    async def appendable(self, name: MailboxName) -> tuple[Target, Rights]:
        """Return a mailbox that messages may be put into."""
        target, held = await self._reach(name, "i")
        if not target.person.owner:
            await self._ready(target.account.address)
        return target, held

    async def _may_create(self, target: Target) -> None:
        """See whether a mailbox may be made.

        Raises:
            NotPermitted: It may not.

        Source: RFC 4314 section 4 (CREATE: the nearest existing parent).
        """
        known = {info.name for info in await target.account.list_mailboxes()}
        for above in levels_above(target.name, known):
            held = await replace(target, name=above).rights()
            if "k" not in held:
                raise NotPermitted(target.name)
            return
        if not target.person.owner:
            raise NotPermitted(target.name)

    # IMailAccount.

    async def list_mailboxes(self) -> Sequence[MailboxInfo]:
        """Return the user's mailboxes and those of others that may be looked up."""
        find = self._places.find
        found = [
            info for info in await self._own.list_mailboxes() if find(info.name) is None
        ]
        await self._realm.notice_lists(None)
        person = await self._person()
        sharers = self._sharers(person)
        if not sharers:
            return found
        for owner in sharers:
            top = self._places.top(owner)
            if top is not None:
                found += await self._shared_by(owner, top, person)
        return sorted(found, key=lambda info: info.name)

    async def _shared_by(
        self, owner: str, top: str, person: Person
    ) -> list[MailboxInfo]:
        """Return an owner's mailboxes; what cannot be asked now has none."""
        found = []
        try:
            account = await self._realm.shared_account(owner)
            for info in [] if account is None else await account.list_mailboxes():
                outer = self._places.outer(top, info.name)
                held = await Target(account, info.name, person).rights()
                if outer is not None and "l" in held:
                    # Special uses are what the owner uses them for.
                    found.append(replace(info, name=outer, special_use=frozenset()))
        except (NoSuchMailbox, TemporaryFailure):
            pass
        return found

    # IWatchedAccount.

    def watch_account(
        self,
        names: Callable[[], Any],
        subscriptions: Callable[[], Any],
        notes: Callable[[MailboxName | None, frozenset[str]], Any],
    ) -> Callable[[], None]:
        """Watch the user's own mailboxes, and those of who shares, ever."""

        def told(name: MailboxName | None, entries: frozenset[str]) -> None:
            own = frozenset(filter(is_owners, entries))
            if own:
                notes(name, own)

        async def told_of_others(
            owner: str, name: MailboxName | None, entries: frozenset[str]
        ) -> None:
            top = self._places.top(owner)
            outer = None if top is None or name is None else Places.outer(top, name)
            seen = frozenset(self._notes.seen(dict.fromkeys(entries)))
            if outer is not None and seen:
                with suppress(NoSuchMailbox, NotPermitted):
                    await self._notable(outer)
                    notes(outer, seen)

        async def sharers() -> frozenset[str]:
            return self._sharers(await self._person())

        stop: Callable[[], None] = self._own.watch_account(names, subscriptions, told)
        others = OthersWatched(self._realm, sharers, names, told_of_others)

        def stop_all() -> None:
            stop()
            others.stop()

        return stop_all

    async def watch_mailbox(
        self, name: MailboxName, callback: Callable[[], Any]
    ) -> Callable[[], None]:
        """Watch a mailbox that may be read."""
        target, _ = await self._reach(name, "l")
        stop: Callable[[], None] = await target.account.watch_mailbox(
            target.name, callback
        )
        return stop

    async def subscriptions(self) -> frozenset[MailboxName]:
        """Return the user's own list, which has names of others' mailboxes too."""
        names: frozenset[MailboxName] = await self._own.subscriptions()
        return names

    async def subscribe(self, name: MailboxName, subscribed: bool) -> None:
        """Add or drop a name; nobody asks whether there is such a mailbox."""
        await self._own.subscribe(name, subscribed)

    async def create(
        self, name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> None:
        """Make a mailbox."""
        try:
            target = await self._target(name)
        except NoSuchMailbox:
            raise NotPermitted(name) from None
        if special_use and not target.person.owner:
            raise NotSupported("a special use of another's mailbox")
        await self._may_create(target)
        try:
            await target.account.create(target.name, special_use)
        except MailboxExists:
            raise await self._taken(name, target) from None

    async def _taken(self, name: MailboxName, target: Target) -> MailError:
        """Return what is said of a name that is taken."""
        is_seen = target.person.owner or "l" in await target.rights()
        return MailboxExists(name) if is_seen else NotPermitted(name)

    async def delete(self, name: MailboxName) -> None:
        """Remove a mailbox."""
        target = await self._target(name)
        try:
            held = await target.rights()
        except NoSuchMailbox:
            if not target.person.owner:
                raise
            held = ALL_RIGHTS
        if "x" not in held:
            raise refused(name, held)
        await target.account.delete(target.name)

    async def rename(self, name: MailboxName, to: MailboxName) -> None:
        """Give a mailbox of any account another name in the same account."""
        source = await self._target(name)
        try:
            held = await source.rights()
        except NoSuchMailbox:
            # A level only, unless there is nothing of this name at all.
            if not source.person.owner:
                raise
            held = ALL_RIGHTS
        if "x" not in held:
            raise refused(name, held)
        try:
            target = await self._target(to)
        except NoSuchMailbox:
            raise NotPermitted(to) from None
        if target.account is not source.account:
            raise NotSupported("a mailbox cannot be renamed into another account")
        if source.name == INBOX and not source.person.owner:
            raise NotPermitted(name)
        await self._may_create(target)
        try:
            await source.account.rename(source.name, target.name)
        except MailboxExists:
            raise await self._taken(to, target) from None

    async def status(self, name: MailboxName) -> MailboxStatus:
        """Count."""
        target, _ = await self._reach(name, "r")
        found: MailboxStatus = await target.account.status(target.name)
        return found

    async def open(self, name: MailboxName) -> Any:
        """Open a mailbox."""
        target = await self._target(name)
        if not target.person.owner:
            # What may not be read is not even loaded.
            await self._reach(name, "r")
        mailbox = await target.account.open(target.name)
        held = (await mailbox.access_list()).rights_of(target.person)
        source = Source(target.account, mailbox)
        opened: OwnMailbox
        if held == ALL_RIGHTS:
            opened = with_powers(OwnMailbox, mailbox)(self, source)
        elif "r" in held:
            kind = with_powers(GuardedMailbox, mailbox)
            opened = kind(self, source, name, target.person, held)
        else:
            mailbox.close()
            raise refused(name, held)
        self._opened[mailbox.mailbox_id] = opened
        return opened

    async def append(
        self, name: MailboxName, messages: Sequence[NewMessage]
    ) -> Appended:
        """Store messages, with the flags this user may set."""
        target, held = await self.appendable(name)
        if held != ALL_RIGHTS:
            messages = [
                replace(message, flags=allowed_flags(message.flags, held))
                for message in messages
            ]
        appended: Appended = await target.account.append(target.name, messages)
        return appended if "r" in held else replace(appended, readable=False)

    # IReplacer.

    async def replace(
        self, mailbox_id: str, uid: int, name: MailboxName, message: NewMessage
    ) -> Appended:
        """Store one message and remove another: in one step within an account.

        Source: RFC 8508 section 4.1 (rights).
        """
        opened = self._opened.get(mailbox_id)
        if isinstance(opened, GuardedMailbox):
            await opened.rights("t", "e")
        target, held = await self.appendable(name)
        message = replace(message, flags=allowed_flags(message.flags, held))
        source = self._own if opened is None else opened.source.account
        if target.account is source:
            appended: Appended = await target.account.replace(
                mailbox_id, uid, target.name, message
            )
            return replace(appended, readable="r" in held)
        if opened is None:
            raise NoSuchMailbox(mailbox_id)
        (await opened.source.mailbox.open_content(uid)).close()
        appended = await target.account.append(target.name, [message])
        await transfer.remove(opened.source, UIDSet.of((uid,)))
        return replace(appended, readable="r" in held)

    # IAnnotatedAccount and ISpecialUseKeeper.

    async def annotations(self, name: MailboxName | None) -> Mapping[str, bytes]:
        """Return notes: everybody's that are shared, the user's that are private."""
        if name is None:
            notes: Mapping[str, bytes] = await self._own.annotations(None)
            return notes
        target = await self._notable(name)
        notes = await target.account.annotations(target.name)
        if target.person.owner:
            return {one: note for one, note in notes.items() if is_owners(one)}
        return self._notes.seen(notes)

    async def annotate(
        self, name: MailboxName | None, values: Mapping[str, bytes | None]
    ) -> None:
        """Change notes; shared ones of another's mailbox need w."""
        if name is None:
            await self._own.annotate(None, values)
            return
        target = await self._notable(name)
        if not target.person.owner:
            if any(map(is_shared, values)) and "w" not in await target.rights():
                raise NotPermitted(name)
            values = {self._notes.kept(one): note for one, note in values.items()}
        await target.account.annotate(target.name, values)

    async def _notable(self, name: MailboxName) -> Target:
        """Return a mailbox that has notes for this user.

        Source: RFC 5464 section 3.3.
        """
        target, held = await self._reach(name, "l")
        if held.isdisjoint("rswip"):
            raise NotPermitted(name)
        return target

    async def set_special_use(self, name: MailboxName, uses: frozenset[str]) -> None:
        """Give a mailbox of the user's own special uses."""
        if self._places.find(name) is not None:
            await self._reach(name, "l")
            raise NotPermitted(name)
        await self._own.set_special_use(name, uses)

    # IQuotaKeeper.

    async def quota_roots(self, name: MailboxName) -> Sequence[str]:
        """Return roots; those of others have the owner's address in front."""
        if self._places.find(name) is None:
            roots: Sequence[str] = await self._own.quota_roots(name)
            return roots
        target, _ = await self._reach(name, "r")
        roots = await target.account.quota_roots(target.name)
        return [target.account.address + root for root in roots]

    async def quota(self, root: str) -> QuotaRoot | None:
        """Return bounds and usage; others' where the user may read something."""
        found: QuotaRoot | None = await self._own.quota(root)
        if found is not None:
            return found
        person = await self._person()
        for owner in self._sharers(person):
            if root.startswith(owner):
                account = await self._realm.shared_account(owner)
                if account is not None and await self._reads(account, person):
                    found = await account.quota(root.removeprefix(owner))
                    return None if found is None else replace(found, name=root)
        return None

    @staticmethod
    async def _reads(account: Any, person: Person) -> bool:
        """Tell whether there is a mailbox that somebody may read."""
        for info in await account.list_mailboxes():
            if "r" in await Target(account, info.name, person).rights():
                return True
        return False

    @property
    def may_set_quota(self) -> bool:
        """Whether the user may change bounds."""
        return bool(self._own.may_set_quota)

    @may_set_quota.setter
    def may_set_quota(self, may: bool) -> None:
        self._own.may_set_quota = may

    async def set_quota(self, root: str, limits: QuotaLimits) -> None:
        """Change bounds of the user's own account."""
        await self._own.set_quota(root, limits)

    # IAccessControl.

    def is_personal(self, name: MailboxName) -> bool:
        """Tell whether a name lies in the user's own namespace."""
        return self._places.find(name) is None

    async def my_rights(self, name: MailboxName) -> Rights:
        """Return what the user may do."""
        _, held = await self._reach(name)
        if held.isdisjoint("lrikxa"):
            raise NoSuchMailbox(name)
        return held

    async def may_append(self, name: MailboxName) -> None:
        """See whether messages may be put into a mailbox."""
        await self.appendable(name)

    async def access_entries(self, name: MailboxName) -> Sequence[tuple[str, Rights]]:
        """Return the list."""
        target, _ = await self._reach(name, "a")
        entries = dict((await target.account.access_list(target.name)).entries)
        owner = target.account.address
        held = entries.pop(OWNER, ALL_RIGHTS) | OWNER_KEEPS
        negative = entries.pop(NEGATIVE + OWNER, NO_RIGHTS)
        found = [(owner, held)]
        if negative:
            found.append((NEGATIVE + owner, negative))
        return found + list(entries.items())

    async def set_access(
        self, name: MailboxName, identifier: str, change: FlagChange, rights: Rights
    ) -> None:
        """Change the rights of an identifier."""
        target, _ = await self._reach(name, "a")
        who = self._who(identifier, target)
        await target.account.change_access(
            target.name, lambda had: had.changed(who, change, rights)
        )

    async def delete_access(self, name: MailboxName, identifier: str) -> None:
        """Remove the entry of an identifier."""
        target, _ = await self._reach(name, "a")
        who = self._who(identifier, target)
        await target.account.change_access(target.name, lambda had: had.without(who))

    async def always_granted(self, name: MailboxName, identifier: str) -> Rights:
        """Return what cannot be taken from an identifier."""
        target, _ = await self._reach(name, "a")
        who = self._who(identifier, target)
        return OWNER_KEEPS if who == OWNER else NO_RIGHTS

    def _who(self, identifier: str, target: Target) -> str:
        domain: str = self._realm.default_domain
        return canonical(identifier, target.account.address, domain)
