"""What is told of mailboxes that are not selected, and when no command runs.

The account is watched, which only says that something may have happened; what
it was is found by comparing with what was true before. However much happens
while a client does not read, there is one answer for each mailbox. All of it is
one file, for names, subscriptions, notes and figures are told in one order from
one state.

Source: RFC 5465 sections 3.1 and 5.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mailframe.errors import NoSuchMailbox, NotPermitted, TemporaryFailure
from mailframe.imap import wording
from mailframe.imap.access import is_personal
from mailframe.imap.commands.authenticated import status_response
from mailframe.imap.commands.list import entries, everything, list_line
from mailframe.imap.list_options import Entry
from mailframe.imap.mailbox_filter import MailboxFilter
from mailframe.imap.own_changes import OwnChanges
from mailframe.imap.responses import Refused
from mailframe.imap.session import Session
from mailframe.imap.unasked import Unasked
from mailframe.imap.view import View
from mailframe.interfaces.mailbox import IWatchedAccount
from mailframe.model.flag import SEEN, FlagSet
from mailframe.model.mailbox import (
    DELIMITER,
    INBOX,
    MailboxInfo,
    MailboxName,
    MailboxStatus,
)
from mailframe.model.uid_set import UIDSet

MESSAGE_NEW = b"MESSAGENEW"
MESSAGE_EXPUNGE = b"MESSAGEEXPUNGE"
FLAG_CHANGE = b"FLAGCHANGE"
MAILBOX_NAME = b"MAILBOXNAME"
SUBSCRIPTION = b"SUBSCRIPTIONCHANGE"
MAILBOX_METADATA = b"MAILBOXMETADATACHANGE"
SERVER_METADATA = b"SERVERMETADATACHANGE"

_OF_MESSAGES = frozenset((MESSAGE_NEW, MESSAGE_EXPUNGE, FLAG_CHANGE))


@dataclass(frozen=True, slots=True)
class Group:
    """Mailboxes, and which events of theirs are told.  Source: RFC 5465 section 8."""

    where: MailboxFilter
    events: frozenset[bytes]


@dataclass(slots=True)
class _Watched:
    """A mailbox whose messages are told of.

    Attributes:
        name: Its name.
        events: What is told.
        last: Its figures when they were last looked at; ``None`` when this user
            may not know them.
        stop: Ends the watching.
        denied: Whether the client was told that it may not know them.
        owed: Whether something is to be told whoever did it.
    """

    name: MailboxName
    events: frozenset[bytes]
    last: MailboxStatus | None
    stop: Callable[[], None]
    denied: bool = False
    owed: bool = False


class Notifying:
    """Everything one client wants to be told.

    Provides :class:`mailframe.imap.session.Notification`.
    """

    def __init__(self, session: Session, groups: Sequence[Group]) -> None:
        """Watch nothing yet."""
        self._session = session
        self._groups = groups
        self._stop: Callable[[], None] = lambda: None
        self._infos: dict[str, MailboxInfo] = {}
        self._subscribed: frozenset[MailboxName] = frozenset()
        self._watched: dict[str, _Watched] = {}
        self._roused = False
        self._names_due = False
        self._due: set[str] = set()
        self._notes_due: dict[MailboxName | None, set[str]] = {}
        self._own: set[tuple[bytes, Any]] = set()
        self._own_messages: defaultdict[MailboxName, OwnChanges]
        self._own_messages = defaultdict(OwnChanges)
        self._validities: dict[MailboxName, int] = {}
        self._rousing = 0
        self._begun = False

    # Watching.

    async def begin(self, status: bool) -> None:
        """Begin to watch.

        Args:
            status: Whether to tell the figures of each mailbox at once.

        Raises:
            Refused: There are too many mailboxes.
            TemporaryFailure: They cannot be asked now.
        """
        if not self._groups:
            return
        account = self._session.mail
        self._stop = IWatchedAccount(account).watch_account(
            self._names_changed, self._names_changed, self._notes_changed
        )
        self._subscribed = await account.subscriptions()
        self._infos = self._by_id(await account.list_mailboxes())
        if not await self._watch(status):
            raise Refused(b"[NOTIFICATIONOVERFLOW] Too many mailboxes")
        self._begun = True

    def watch_notes(self) -> None:
        """Begin to watch, for groups that want to know of notes only."""
        self._stop = IWatchedAccount(self._session.mail).watch_account(
            lambda: None, lambda: None, self._notes_changed
        )

    def close(self) -> None:
        """Watch nothing any more. Calling again is nothing."""
        self._stop()
        for one in self._watched.values():
            one.stop()
        self._watched.clear()
        self._groups = ()
        self._names_due = False
        self._due.clear()
        self._notes_due.clear()
        self._own_messages.clear()
        self._validities.clear()

    def note(self, command: bytes, arguments: Any) -> None:
        """Note a command of the client's own, which it is not told of."""
        if command in (b"DELETE", b"SUBSCRIBE", b"UNSUBSCRIBE"):
            self._own.add((command, arguments))
        elif command == b"CREATE":
            self._own.add((command, arguments[0]))
        elif command == b"RENAME":
            name, to = arguments
            self._own.add((command, to))
            if name == INBOX:
                self._own_messages[INBOX].emptied = True
                self._own_messages[to].filled = True
        elif command == b"SETMETADATA":
            self._own.add((command, (arguments.name, frozenset(arguments.values))))

    def made(self, name: MailboxName, messages: Mapping[int, FlagSet]) -> None:
        """Note messages of the client's own, which it is not told of."""
        if self._events(name) & _OF_MESSAGES:
            self._own_messages[name].made.update(messages)

    def left(self, view: View, expunged: UIDSet) -> None:
        """Begin to tell of a mailbox from where its view ends."""
        watched = self._watched.get(view.mailbox.mailbox_id)
        if watched is None or watched.last is None:
            return
        watched.owed = view.untold
        if not watched.owed:
            watched.last = _figures(view, watched.last)
            self._own_messages[watched.name] = OwnChanges(expunged=expunged)
        # What came while it was selected may not have been looked for.
        self._due.add(view.mailbox.mailbox_id)
        self._roused = True

    def _names_changed(self) -> None:
        self._names_due = True
        self._rouse()

    def _notes_changed(self, name: MailboxName | None, told: frozenset[str]) -> None:
        mark = b"SETMETADATA", (name, told)
        if mark in self._own:
            self._own.discard(mark)
        else:
            self._notes_due.setdefault(name, set()).update(told)
            self._rouse()

    def _mailbox_changed(self, mailbox_id: str) -> None:
        self._due.add(mailbox_id)
        self._rouse()

    def _rouse(self) -> None:
        self._roused = True
        self._session.wake()

    async def _watch(self, tell: bool) -> bool:
        """Watch the mailboxes that are meant now; False if there are too many."""
        session = self._session
        wanted = {
            mailbox_id: (info.name, events)
            for mailbox_id, info in self._infos.items()
            if info.selectable and (events := self._events(info.name) & _OF_MESSAGES)
        }
        if len(wanted) > session.limits.watched_mailboxes:
            return False
        for mailbox_id in self._watched.keys() - wanted.keys():
            gone = self._watched.pop(mailbox_id)
            gone.stop()
            if gone.last and len(self._validities) < session.limits.watched_mailboxes:
                self._validities[gone.name] = gone.last.uid_validity
        for mailbox_id, (name, events) in wanted.items():
            known = self._watched.get(mailbox_id)
            if known is not None:
                known.name, known.events = name, events
                continue
            changed = partial(self._mailbox_changed, mailbox_id)
            try:
                stop = await IWatchedAccount(session.mail).watch_mailbox(name, changed)
            except NoSuchMailbox:
                continue
            watched = _Watched(name, events, None, stop)
            self._watched[mailbox_id] = watched
            items = await self._look(watched)
            # What came in before it was watched would be told by nobody.
            replaces = self._replaces(watched)
            if items and (tell or replaces or await self._came_before(watched)):
                self._put_status(watched, items)
            self._own_messages.pop(name, None)
            waiting = session.pause()
            if waiting is not None:
                await waiting
        return True

    def _replaces(self, watched: _Watched) -> bool:
        """Tell whether others put a mailbox where one with other UIDs was.

        Source: RFC 5465 section 5.1 (UIDVALIDITY changes).
        """
        before = self._validities.pop(watched.name, None)
        if before is None or watched.last is None or FLAG_CHANGE not in watched.events:
            return False
        own = {(word, watched.name) for word in (b"CREATE", b"RENAME")} & self._own
        return not own and before != watched.last.uid_validity

    async def _came_before(self, watched: _Watched) -> bool:
        """Tell whether others put messages into a mailbox before it was watched."""
        if not (self._begun and watched.last and watched.last.messages):
            return False
        return not await self._is_own(watched, 0)

    async def _is_own(self, watched: _Watched, since: int) -> bool:
        """Tell whether the client alone did what happened in a mailbox."""
        own = self._own_messages.get(watched.name)
        if own is None:
            return False
        flags = FLAG_CHANGE in watched.events
        return await own.explain(self._session.mail, watched.name, since, flags=flags)

    @staticmethod
    def _by_id(infos: Sequence[MailboxInfo]) -> dict[str, MailboxInfo]:
        return {info.mailbox_id: info for info in infos}

    def _events(self, *names: str) -> frozenset[bytes]:
        """Return the events that are told of a mailbox, by any of its names."""
        personal = partial(is_personal, self._session.mail)
        return frozenset[bytes]().union(
            *(
                group.events
                for group in self._groups
                if any(
                    group.where.matches(name, self._subscribed, personal)
                    for name in names
                )
            )
        )

    def _is_selected(self, mailbox_id: str) -> bool:
        view = self._session.view
        return view is not None and view.mailbox.mailbox_id == mailbox_id

    # Telling.

    def news(self, idling: bool = False) -> Any:
        """Return what tells what there is to be told now, or ``None``."""
        return self._tell(idling) if self._roused or self._view_due(idling) else None

    def _view_due(self, idling: bool) -> bool:
        view = self._session.view
        if view is None or not (idling or view.unasked.at_once):
            return False
        # One that cannot be asked now is asked again when it says something.
        roused = view.stale and self._rousing != self._session.rousings
        return roused or view.expunges_due(idling)

    async def _tell(self, idling: bool) -> None:
        session = self._session
        view = session.view
        if view is not None and self._view_due(idling):
            self._rousing = session.rousings
            expunges = idling or not view.unasked.expunges_wait
            await session.announce(expunges=expunges)
            view.tell_code()
        self._roused = False
        with suppress(TemporaryFailure):
            # What could not be told is told when something happens again.
            await self._tell_others()

    async def _tell_others(self) -> None:
        if self._names_due:
            account = self._session.mail
            subscribed = await account.subscriptions()
            infos = await account.list_mailboxes()
            self._names_due = False
            self._tell_names(infos, subscribed)
            try:
                if not await self._watch(tell=False):
                    self._overflow()
            finally:
                self._own.clear()
        self._tell_notes()
        while self._due:
            mailbox_id = next(iter(self._due))
            watched = self._watched.get(mailbox_id)
            if watched is not None:
                self._put_status(watched, await self._look(watched))
            self._due.discard(mailbox_id)
            waiting = self._session.pause()
            if waiting is not None:
                await waiting

    def _overflow(self) -> None:
        """Behave as after NOTIFY NONE.  Source: RFC 5465 section 5.8."""
        session = self._session
        self.close()
        session.unasked = Unasked(messages=False, flags=False)
        if session.view is not None:
            session.view.unasked = session.unasked
        session.say(b"* OK [NOTIFICATIONOVERFLOW] Too many mailboxes\r\n")

    # Names and subscriptions.

    def _tell_names(
        self, infos: Sequence[MailboxInfo], subscribed: frozenset[MailboxName]
    ) -> None:
        """Tell the differences to what was known.  Source: RFC 5465 section 5.4."""
        before, self._infos = self._infos, self._by_id(infos)
        changed = self._subscribed ^ subscribed
        known = {one.name: one for one in entries(infos, subscribed)}
        for name, old in self._affected(before):
            if MAILBOX_NAME in self._events(name, *([old] if old else [])):
                self._put_name(known, name, (), old)
        # What was subscribed until now is meant by "subscribed" once more.
        meant = self._events
        told = [name for name in sorted(changed) if SUBSCRIPTION in meant(name)]
        self._subscribed = subscribed
        told += [name for name in sorted(changed) if SUBSCRIPTION in meant(name)]
        for name in dict.fromkeys(told):
            word = b"SUBSCRIBE" if name in subscribed else b"UNSUBSCRIBE"
            if (word, name) not in self._own:
                self._put_name(
                    known, name, ["\\Subscribed"] if name in subscribed else ()
                )

    def _affected(
        self, before: dict[str, MailboxInfo]
    ) -> Iterator[tuple[str, str | None]]:
        """Yield names that came, went or changed, sorted, with the old name if any.

        With a mailbox that comes or goes the level above it is affected.
        """
        now, own = self._infos, self._own
        found: dict[str, str | None] = {}
        renamed = {
            before[one].name: now[one].name
            for one in before.keys() & now.keys()
            if before[one].name != now[one].name
        }
        for old, new in renamed.items():
            if (b"RENAME", new) not in own and not _with_above(old, new, renamed):
                found[new] = old
        for words, names in (
            ((b"CREATE", b"RENAME"), [now[one].name for one in now.keys() - before]),
            ((b"DELETE",), [before[one].name for one in before.keys() - now]),
        ):
            for name in names:
                if not any((word, name) in own for word in words):
                    found.setdefault(name, None)
                    above = name.rpartition(DELIMITER)[0]
                    if above:
                        found.setdefault(above, None)
        yield from sorted(found.items())

    def _known(self) -> dict[str, Entry]:
        found = entries(self._infos.values(), self._subscribed)
        return {one.name: one for one in found}

    def _put_name(
        self,
        known: dict[str, Entry],
        name: str,
        more: Collection[str],
        old: str | None = None,
    ) -> None:
        entry = known.get(name) or Entry(name, None)
        attributes = everything(entry)
        if entry.info is None:
            attributes = ["\\NonExistent"]
            if entry.has_children:
                attributes.append("\\HasChildren")
        session = self._session
        items = b""
        if old is not None:
            items = b' ("OLDNAME" (%b))' % session.name_out(old)
        line = list_line(session, b"LIST", [*attributes, *more], name, items)
        session.put(line)

    # Notes.

    def _tell_notes(self) -> None:
        """Source: RFC 5465 sections 5.6 and 5.7, RFC 5464 section 4.4.2."""
        due, self._notes_due = self._notes_due, {}
        for name, names in due.items():
            if name is None:
                wanted = any(SERVER_METADATA in one.events for one in self._groups)
            else:
                wanted = MAILBOX_METADATA in self._events(name)
            if wanted:
                written = b'""' if name is None else self._session.name_out(name)
                told = " ".join(sorted(names)).encode()
                self._session.put(b"* METADATA %b %b\r\n" % (written, told))

    # Figures.

    async def _look(self, watched: _Watched) -> list[bytes]:
        """Look at a mailbox; return what of its figures is to be told.

        Of the selected mailbox its view tells.

        Source: RFC 5465 sections 3.1, 5 and 5.9 (NoAccess).
        """
        before = watched.last
        try:
            now = await self._session.mail.status(watched.name)
        except NoSuchMailbox:
            return []
        except NotPermitted:
            if not watched.denied:
                line = (b"LIST", ["\\NoAccess"], watched.name)
                self._session.put(list_line(self._session, *line))
            watched.last, watched.denied = None, True
            return []
        if watched.denied:
            watched.denied = False
            self._put_name(self._known(), watched.name, ())
        selected = self._is_selected(now.mailbox_id)
        if before is None:
            watched.last = now
            return [] if selected else self._first_items(watched.events)
        if selected:
            return []
        items = self._items(watched.events, before, now)
        if (
            items
            and not watched.owed
            and before.uid_validity == now.uid_validity
            and await self._is_own(watched, before.highest_modseq)
        ):
            items = []
        watched.last, watched.owed = now, False
        self._own_messages.pop(watched.name, None)
        return items

    @staticmethod
    def _first_items(events: frozenset[bytes]) -> list[bytes]:
        """Source: RFC 5465 section 3.1 (STATUS)."""
        items = [b"UIDVALIDITY", b"UIDNEXT", b"MESSAGES"]
        return [*items, b"HIGHESTMODSEQ"] if FLAG_CHANGE in events else items

    def _items(
        self, events: frozenset[bytes], before: MailboxStatus, now: MailboxStatus
    ) -> list[bytes]:
        """Return what is told of a mailbox that changed.

        Source: RFC 5465 sections 5.1 to 5.3.
        """
        items = []
        modseq = wording.tells_modseq(self._session.enabled)
        if (before.uid_next, before.messages) != (now.uid_next, now.messages):
            items += [b"UIDNEXT", b"MESSAGES"]
        if before.uid_validity != now.uid_validity:
            items.append(b"UIDVALIDITY")
        if FLAG_CHANGE in events:
            if before.unseen != now.unseen:
                items += [b"UIDVALIDITY", b"UNSEEN"]
            elif modseq and before.highest_modseq != now.highest_modseq:
                items.append(b"UIDVALIDITY")
        if items and modseq:
            items.append(b"HIGHESTMODSEQ")
        return list(dict.fromkeys(items))

    def _put_status(self, watched: _Watched, items: Sequence[bytes]) -> None:
        if items and watched.last is not None:
            response = status_response(self._session, watched.name, watched.last, items)
            self._session.put(response)


def _figures(view: View, last: MailboxStatus) -> MailboxStatus:
    """Return the figures of a mailbox as its view has told them."""
    listing = view.listing
    seen = {flags for flags in set(listing.flags) if SEEN in flags}
    return replace(
        last,
        messages=len(listing.uids),
        unseen=len(listing.uids) - sum(map(seen.__contains__, listing.flags)),
        uid_next=listing.uid_next,
        highest_modseq=listing.highest_modseq,
    )


def _with_above(old: str, new: str, renamed: dict[MailboxName, MailboxName]) -> bool:
    """Tell whether a mailbox got its name because one above it was renamed."""
    while DELIMITER in old and DELIMITER in new:
        (old, _, last), (new, _, last_now) = (
            one.rpartition(DELIMITER) for one in (old, new)
        )
        if last != last_now:
            return False
        if renamed.get(MailboxName(old)) == new:
            return True
    return False
