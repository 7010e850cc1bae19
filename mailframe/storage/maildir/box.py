"""One mailbox as all sessions share it in the reactor thread.

It knows what the index knew when the last job was done, whether the
directories may have changed since, and who wants to be told.

Source: RFC 9051 section 5.2 (mailbox updates); DESIGN.md section 3.
"""

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from mailframe.errors import NoSuchMailbox
from mailframe.model.mailbox import Changes, MailboxStatus
from mailframe.storage.maildir import scan
from mailframe.storage.maildir.columns import Columns
from mailframe.storage.maildir.index import MailboxRow
from mailframe.storage.maildir.store import Delta

if TYPE_CHECKING:
    from mailframe.storage.maildir.account import MaildirAccount

_TICK = 0.05
_DOUBT_SECONDS = 5.0
_DOUBT_PER_MESSAGE = 0.001


class Box:
    """A mailbox; :class:`MaildirMailbox` is one session's hold on it.

    Attributes:
        account: Whose it is.
        row: What the index has of it.
        deleted: Whether it is gone.
    """

    def __init__(self, account: "MaildirAccount", row: MailboxRow) -> None:
        """Begin with nothing loaded."""
        self.account = account
        self.row = row
        self.deleted = False
        self._columns: Columns | None = None
        self._status: MailboxStatus | None = None
        self._working: dict[str, list[Deferred[None]]] = {}
        self._doubt_at: float | None = None
        self._not_before = 0.0
        self._watchers: dict[object, Callable[[], Any]] = {}
        self._unwatch: list[Callable[[], None]] = []
        self._telling: Any = None

    @property
    def mailbox_id(self) -> str:
        """The ID that stays."""
        return self.row.mailbox_id

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
        if self._columns is not None and not self._columns.add(delta):
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
            await self._once("load", self._load)
        return self._columns

    async def _load(self) -> None:
        loaded = await self.account.ask(
            self.account.reader.load_columns, self.mailbox_id
        )
        columns = Columns(loaded)
        for delta in self._since_loading:
            columns.add(delta)
        self._columns = columns
        self.row = max(self.row, loaded.row, key=lambda row: row.highest_modseq)

    async def in_step(self) -> None:
        """Take over what other programs did, if the directories say so."""
        self.check()
        while self._looks_changed():
            await self._once("look", self._look)
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
