"""One mailbox as all sessions share it in the reactor thread.

It knows what the index knew when the last job was done, whether the
directories may have changed since, and who wants to be told.

Source: RFC 9051 section 5.2 (mailbox updates); DESIGN.md section 3.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mailframe.errors import NoSuchMailbox, TemporaryFailure
from mailframe.joined import Joined
from mailframe.model.access import NO_LIST, AccessList
from mailframe.model.mailbox import Changes, MailboxStatus
from mailframe.storage.maildir import access
from mailframe.storage.maildir.adoption import adopt
from mailframe.storage.maildir.columns import Columns
from mailframe.storage.maildir.index import MailboxRow
from mailframe.storage.maildir.kept_columns import keep
from mailframe.storage.maildir.scan import Differences
from mailframe.storage.maildir.store import Delta, settled

if TYPE_CHECKING:
    from mailframe.storage.maildir.account import MaildirAccount

_TICK_SECONDS = 0.05
QUICK_SECONDS = 0.01
"""A look at the directories that takes longer is not repeated at once."""

_NAMING_SECONDS = 5.0
"""Seconds until files that were taken over are given their names."""

_DOUBT_SECONDS = 5.0
_DOUBT_PER_MESSAGE = 0.001


class Identity:
    """Stands for a mailbox while each of its UIDs names the same message."""

    __slots__ = ("__weakref__",)


class Box:
    """A mailbox; :class:`MaildirMailbox` is one session's hold on it.

    Attributes:
        account: Whose it is.
        row: What the index has of it.
        deleted: Whether it is gone.
        identity: Another one once UIDs may name other messages.
    """

    def __init__(self, account: "MaildirAccount", row: MailboxRow) -> None:
        """Begin with nothing loaded."""
        self.account = account
        self.row = row
        self.deleted = False
        self.identity = Identity()
        self._columns: Columns | None = None
        self._loading: list[Delta] | None = None
        self._load = Joined(self._load_columns)
        self._look = Joined(self._look_at_directories)
        self._status: MailboxStatus | None = None
        self._keywords: dict[str, str] = {}
        self._doubt_at: float | None = None
        self._not_before = 0.0
        self._watchers: dict[object, Callable[[], Any]] = {}
        self._unwatch: list[Callable[[], None]] = []
        self._later: list[Any] = []
        self._telling: Any = None
        self._access = NO_LIST
        self._access_mark: access.Mark = None

    @property
    def mailbox_id(self) -> str:
        """The ID that stays."""
        return self.row.mailbox_id

    @property
    def loaded(self) -> bool:
        """Whether its messages were loaded, because somebody has it open."""
        return self._columns is not None

    @property
    def looking(self) -> bool:
        """Whether its directories are being looked at."""
        return self._look.running

    def directory(self) -> str:
        """Return its path."""
        root = self.account.root
        return f"{root}/{self.row.directory}" if self.row.directory else root

    def check(self) -> None:
        """See that it is still there.

        Raises:
            NoSuchMailbox: It was deleted.
        """
        if self.deleted:
            raise NoSuchMailbox(self.row.name)

    def take(self, delta: Delta) -> None:
        """Take over what a job did, in the order of the jobs."""
        told = delta.added or delta.changed or delta.removed
        names_moved = (delta.row.new_mtime, delta.row.cur_mtime) != (
            self.row.new_mtime,
            self.row.cur_mtime,
        )
        self.row = delta.row
        self._status = None
        if self._loading is not None:
            self._loading.append(delta)
        if self._columns is not None and not self._columns.add(delta):
            self.keywords()
            self._columns = None
        if names_moved and self._doubt_at is None:
            # Another program may have changed something in the very moment.
            self._doubt_at = self._now() + _DOUBT_SECONDS
            if self._columns is not None:
                count = len(self._columns.listing().uids)
                self._doubt_at += count * _DOUBT_PER_MESSAGE
        if told:
            self.tell()

    def forget(self) -> None:
        """Load everything again: what is here may not be what is on disk."""
        self.keywords()
        self.identity = Identity()
        self._columns = None
        self._status = None
        self._doubt_at = 0.0

    def remove(self) -> None:
        """Be gone."""
        self.deleted = True
        self.forget()
        self.tell()

    async def columns(self) -> Columns:
        """Return the columns, loaded if they are not."""
        while self._columns is None:
            self.check()
            await self._load.run()
        return self._columns

    async def _load_columns(self) -> None:
        self._loading = []
        try:
            loaded = await self.account.ask(
                self.account.reader.load_columns, self.mailbox_id
            )
            if loaded.to_keep is not None:
                self.account.aside(keep, loaded.row, loaded.to_keep)
            columns = Columns(loaded)
            if all([columns.add(delta) for delta in self._loading]):
                self._columns = columns
                if loaded.row.highest_modseq > self.row.highest_modseq:
                    self.row = loaded.row
        finally:
            self._loading = None

    async def in_step(self) -> None:
        """Take over what other programs did, if the directories say so.

        Raises:
            NoSuchMailbox: It was deleted.
            TemporaryFailure: It cannot be read.
        """
        self.check()
        if self._looks_changed():
            await self._look.run()
            self.check()

    def _looks_changed(self) -> bool:
        now = self._now()
        if self._doubt_at is not None and now >= self._doubt_at:
            return True
        if now < self._not_before:
            return False
        directory = self.directory()
        try:
            return (
                os.stat(f"{directory}/cur").st_mtime_ns != self.row.cur_mtime
                or os.stat(f"{directory}/new").st_mtime_ns != self.row.new_mtime
            )
        except OSError:
            return True

    async def _look_at_directories(self) -> None:
        # Our own jobs change directories too; after them it may be all right.
        await self.account.settle()
        if self.deleted or not self._looks_changed():
            return
        reader = self.account.reader
        found: Differences | None = None
        came = False
        while found is None or found.more:
            began = self._now()
            try:
                if found is None:
                    found = await self.account.ask(reader.compare, self.mailbox_id)
                else:
                    found = await self.account.ask(
                        reader.further, self.mailbox_id, found
                    )
            except NoSuchMailbox:
                await self.account.survey()
                if self.deleted:
                    return
                raise TemporaryFailure("renamed at this moment") from None
            took = self._now() - began
            if took > QUICK_SECONDS:
                self._not_before = self._now() + min(4 * took, _DOUBT_SECONDS)
            self._doubt_at = None
            if found.any() or all(map(settled, found.mtimes)):
                await self.account.change(adopt, self.mailbox_id, found)
                self._doubt_at = None
                came = came or bool(found.found or found.renamed)
        if came:
            # Who has opened it asks for much at once, and names have time.
            self.account.tidy_soon(_NAMING_SECONDS)
        if self._watchers and not (self.row.new_mtime and self.row.cur_mtime):
            # Too early to trust the mtimes: somebody has to look again.
            self._soon(self.tell)

    async def changes(self, since: int) -> Changes:
        """Return the mailbox as it is now, and what is new since ``since``."""
        await self.in_step()
        columns = await self.columns()
        while not columns.remembers(since):
            asked_at = columns.listing().highest_modseq
            vanished = await self.account.ask(
                self.account.reader.vanished, self.mailbox_id, since
            )
            columns = await self.columns()
            if columns.remembers(asked_at):
                # What went while the index was asked may not be in its answer.
                vanished |= columns.changes(asked_at).vanished
                return columns.changes_by_row(since, vanished)
        return columns.changes(since)

    async def status(self) -> MailboxStatus:
        """Return the figures, counted again only when something happened."""
        await self.in_step()
        if self._status is None:
            found = await self.account.ask(self.account.reader.status, self.mailbox_id)
            if found.highest_modseq != self.row.highest_modseq:
                return found
            self._status = found
        return self._status

    async def access_list(self) -> AccessList:
        """Return the access list, read again when its file has changed."""
        self.check()
        directory = self.directory()
        mark = access.mark(directory)
        if mark != self._access_mark:
            domain = self.account.address.rpartition("@")[2]
            self._access = await self.account.threads.read(
                access.read, directory, domain
            )
            self._access_mark = mark
        return self._access

    def keywords(self) -> dict[str, str]:
        """Return the keywords by folded name, as far as they are loaded."""
        if self._columns is not None:
            self._keywords = self._columns.keywords
        return self._keywords

    def watch(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Have ``callback`` called after something may have changed."""
        key = object()
        if not self._watchers:
            watches = self.account.threads.watches
            for name in ("new", "cur"):
                path = f"{self.directory()}/{name}"
                self._unwatch.append(watches.watch(path, self._directory_changed))
        self._watchers[key] = callback

        def stop() -> None:
            self._watchers.pop(key, None)
            if not self._watchers:
                while self._unwatch:
                    self._unwatch.pop()()
                while self._later:
                    self._later.pop().cancel()

        return stop

    def _soon(self, call: Callable[[], None]) -> None:
        """Call in a tick, if somebody watches then."""

        def run() -> None:
            self._later.remove(waiting)
            call()

        if self._watchers:
            waiting = self.account.threads.reactor.callLater(_TICK_SECONDS, run)
            self._later.append(waiting)

    def _directory_changed(self) -> None:
        if self.mailbox_id in self.account.unfiled:
            # It is our own file, most likely; soon that is known.
            self._soon(self._directory_changed)
        elif self._looks_changed():
            self.tell()

    def tell(self) -> None:
        """Call the watchers soon, once for all that happens until then."""
        if self._telling is None and self._watchers:
            self._telling = self.account.threads.reactor.callLater(0, self._tell_now)

    def _tell_now(self) -> None:
        self._telling = None
        for callback in list(self._watchers.values()):
            callback()

    def _now(self) -> float:
        return float(self.account.threads.reactor.seconds())
