"""One user's mail in a Maildir, shared by all sessions of that user.

Source: the contract of :class:`mailframe.interfaces.mailbox.IMailAccount`.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailframe.errors import (
    MailboxExists,
    MailboxHasChildren,
    NoSuchMailbox,
    NotPermitted,
    OverQuota,
    TemporaryFailure,
)
from mailframe.interfaces.mailbox import (
    IAnnotatedAccount,
    IMailAccount,
    IReplacer,
    ISaveDates,
    ISpecialUseKeeper,
    IWatchedAccount,
    NewMessage,
)
from mailframe.interfaces.maildrop import IMaildropLocker
from mailframe.joined import Joined
from mailframe.model.mailbox import (
    INBOX,
    Appended,
    MailboxInfo,
    MailboxName,
    MailboxStatus,
)
from mailframe.model.uid_set import UID_MAX, UIDSet
from mailframe.storage.inferiors import inferiors, renamed
from mailframe.storage.maildir import (
    annotations,
    arrival,
    folders,
    pop3_lock,
    replacing,
    subscriptions,
    transfer,
)
from mailframe.storage.maildir.access_keys import MaildirAccessKeys
from mailframe.storage.maildir.bounded import BoundedAccount
from mailframe.storage.maildir.box import Box
from mailframe.storage.maildir.draft import discard, prepared
from mailframe.storage.maildir.index import MailboxRow
from mailframe.storage.maildir.listed import ListedAccount
from mailframe.storage.maildir.mailbox import MaildirMailbox
from mailframe.storage.maildir.reading import AccountReader
from mailframe.storage.maildir.recovery import drop_unfinished
from mailframe.storage.maildir.shares import Shares
from mailframe.storage.maildir.special_use import set_special_use
from mailframe.storage.maildir.store import AccountStore, Delta, IndexDamaged
from mailframe.storage.maildir.summaries_later import SummariesLater
from mailframe.storage.maildir.threads import Threads
from mailframe.storage.maildir.tidy import tidy
from mailframe.storage.maildir.tidying import Tidying
from mailframe.storage.maildir.unfiled import UnfiledMailboxes
from mailframe.storage.watchers import Callbacks, Names, Notes, Watchers
from mailframe.storage.writer import Batch

P = ParamSpec("P")
T = TypeVar("T")

MAILBOXES_MAX = 10_000
"""Mailboxes of one account."""

INBOX_SECONDS = 1.0
"""Seconds from one look at an account's directory to the next when messages come
for INBOX, which others cannot make, rename or remove."""


@implementer(
    IMailAccount,
    IAnnotatedAccount,
    ISpecialUseKeeper,
    IReplacer,
    ISaveDates,
    IWatchedAccount,
    IMaildropLocker,
)
class MaildirAccount(ListedAccount, MaildirAccessKeys, BoundedAccount):
    """An account; made by the realm, which calls :meth:`begin` once.

    Attributes:
        address: Whose it is.
        root: Its directory.
        reader: Answers questions in the reading threads.
        threads: The store's.
        summaries_later: Has summaries worked out that are missing.
        unfiled: Which mailboxes have messages that are in the journal only.
    """

    _log = Logger()

    def __init__(
        self, store: AccountStore, threads: Threads, shares: Shares | None = None
    ) -> None:
        """Begin without touching the disk.

        Args:
            store: Its place.
            threads: What works on it.
            shares: Told whom its access lists name.
        """
        self._shares = shares
        self.address = store.address
        self.root = store.root
        self.reader = AccountReader(store)
        self.threads = threads
        self._store = store
        self._boxes: dict[str, Box] = {}
        self._names: dict[str, Box] = {}
        self._watchers = Watchers(lambda call: threads.reactor.callLater(0, call))
        self.key_watchers = Callbacks(lambda call: threads.reactor.callLater(0, call))
        self._mtime = 0
        self._looked = float("-inf")
        self._survey = Joined(self._survey_now)
        self._rebuild = Joined(self._rebuild_now)
        self._tidying = Tidying(
            threads.reactor,
            lambda: self._submit(partial(tidy, store)),
            self._take_mtimes,
        )
        self._mending = False
        self.summaries_later = SummariesLater(threads.reactor, self.aside)
        self.unfiled = UnfiledMailboxes()
        self._filing = Joined(self._file_now)
        store.filing.tell = self.unfiled.teller(threads.reactor, self._take_mtimes)

    async def begin(self) -> None:
        """Open the index and see which mailboxes there are.

        Raises:
            TemporaryFailure: The directory cannot be used.
        """
        await self.survey()
        if self._store.suspect_since is not None:
            await self._submit(lambda batch: drop_unfinished(self._store, batch))
            await self.survey()
        for path in await self.threads.read(folders.leftovers, self.root):
            self._remove_tree(path)
        await self.note_shares()
        self.tidy_soon()

    async def finish(self) -> None:
        """Bring all file names in step with the index."""
        self.summaries_later.cancel()
        await self._tidying.finish()

    async def close(self) -> None:
        """Finish and close the index; for the end."""
        try:
            await self.finish()
        finally:
            await self.threads.write(lambda batch: batch.afterwards(self._store.close))
            await self.threads.read(self.reader.close)

    @property
    def store(self) -> AccountStore:
        """Its place, for jobs that are about other accounts too."""
        return self._store

    def change(
        self,
        job: Callable[Concatenate[AccountStore, Batch, P], Any],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "Deferred[Any]":
        """Run a job on the store and take over what it did to mailboxes.

        What it did is taken over in the order of the jobs, even if nobody
        waits for the result any more.

        Args:
            job: Returns its value and a :class:`Delta` or several of them, or
                one ``Delta`` alone.
            args: After store and batch.
            kwargs: The same.
        """
        ran = False

        def run(batch: Batch) -> Any:
            nonlocal ran
            result = job(self._store, batch, *args, **kwargs)
            ran = True
            return result

        def forget(failure: Failure) -> Failure:
            # It ran, but did not become durable and was taken back.
            for box in self._boxes.values():
                box.forget()
            return failure

        def failed(failure: Failure) -> "Deferred[Any]":
            told = self._mended(failure)
            return told.addErrback(forget) if ran else told

        return self.threads.write(run).addCallbacks(self._take, failed)

    def _submit(self, job: Callable[[Batch], T]) -> "Deferred[T]":
        """Run a job; should the index be damaged, make it again before failing."""
        return self.threads.write(job).addErrback(self._mended)

    def _mended(self, failure: Failure) -> "Deferred[Any]":
        """Fail, when the index has been made again if it was damaged."""
        if not isinstance(failure.value, IndexDamaged):
            return fail(failure)
        return Deferred.fromCoroutine(self._mend()).addCallback(lambda _: failure)

    def _take(self, result: Any) -> Any:
        value, deltas = (None, result) if isinstance(result, Delta) else result
        owes = False
        for delta in [deltas] if isinstance(deltas, Delta) else deltas:
            box = self._boxes.get(delta.row.mailbox_id)
            if box is not None:
                box.take(delta)
            if delta.unfiled:
                self.unfiled.came(delta.row)
            owes = owes or delta.owes_names()
        if owes:
            self.tidy_soon()
        return value

    async def ask(
        self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Ask the reader; once more if the index had to be made again.

        What is in the journal only is put into the index first.
        """
        if self.unfiled or self._filing.running:
            await self._filing.run()
        try:
            return await self.threads.read(question, *args, **kwargs)
        except IndexDamaged:
            await self._mend()
            return await self.threads.read(question, *args, **kwargs)

    async def _file_now(self) -> None:
        await self._submit(self._store.file)

    async def settle(self) -> None:
        """Wait until all jobs submitted so far have run."""
        await self.threads.write(lambda batch: None)

    def aside(
        self,
        job: Callable[Concatenate[AccountStore, Batch, P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Have a job keep what was worked out; nobody waits for it."""
        self._submit(lambda batch: job(self._store, batch, *args, **kwargs)).addErrback(
            lambda failure: self._log.failure("keeping what was worked out", failure)
        )

    async def survey(self) -> None:
        """See which mailboxes there are."""
        await self._survey.run()

    async def _survey_now(self) -> None:
        try:
            rows, mtime = await self.threads.write(
                lambda batch: folders.survey(self._store, batch)
            )
        except IndexDamaged:
            await self._rebuild.run()
            return
        self._take_rows(rows)
        self._mtime = mtime
        self._looked = self.threads.reactor.seconds()

    async def _mend(self) -> None:
        """Make the index again, and fill it for the mailboxes that are open."""
        if self._mending:
            raise TemporaryFailure("the index is being made again")
        self._mending = True
        try:
            loaded = [box for box in self._boxes.values() if box.loaded]
            await self._rebuild.run()
            for box in loaded:
                # One that is looking now goes on with the new index.
                if not (box.deleted or box.looking):
                    await box.in_step()
        finally:
            self._mending = False

    async def _rebuild_now(self) -> None:
        """Make the index again from the directories."""

        def job(batch: Batch) -> tuple[list[MailboxRow], int]:
            self._store.discard_index()
            return folders.survey(self._store, batch)

        rows, self._mtime = await self.threads.write(job)
        await self.threads.read(self.reader.close)
        for box in self._boxes.values():
            box.forget()
        self._take_rows(rows)

    def _take_rows(self, rows: Sequence[MailboxRow]) -> None:
        names: dict[str, Box] = {}
        boxes: dict[str, Box] = {}
        for row in rows:
            box = self._boxes.pop(row.mailbox_id, None)
            if box is None:
                box = Box(self, row)
            box.row = row
            boxes[row.mailbox_id] = names[row.name] = box
        gone, self._boxes, before = self._boxes, boxes, self._names
        self._names = names
        for box in gone.values():
            box.remove()
        if before != names:
            self._watchers.names()

    async def _in_step(self) -> None:
        """Notice mailboxes that other programs made, renamed or removed."""
        try:
            changed = os.stat(self.root).st_mtime_ns != self._mtime
        except OSError:
            changed = True
        if changed:
            await self.survey()
        else:
            self._looked = self.threads.reactor.seconds()

    async def box(self, name: MailboxName) -> Box:
        """Return a mailbox.

        Raises:
            NoSuchMailbox: It is not there.
        """
        await self._in_step()
        return self._named(name)

    def _named(self, name: MailboxName) -> Box:
        try:
            return self._names[name]
        except KeyError:
            raise NoSuchMailbox(name) from None

    def tidy_soon(self, seconds: float | None = None) -> None:
        """Have file names follow the index in a moment, or after so many seconds."""
        self._tidying.soon(seconds)

    def _take_mtimes(self, rows: Sequence[MailboxRow]) -> None:
        for row in rows:
            box = self._boxes.get(row.mailbox_id)
            if box is not None:
                box.take(Delta(row, [], []))

    def _remove_tree(self, path: str) -> None:
        self.threads.read(shutil.rmtree, path, ignore_errors=True).addErrback(
            lambda failure: self._log.failure("removing {path}", failure, path=path)
        )

    async def list_mailboxes(self) -> Sequence[MailboxInfo]:
        """Return the mailboxes, sorted."""
        await self._in_step()
        return [
            MailboxInfo(
                MailboxName(name),
                special_use=frozenset(box.row.special_use.split()),
                mailbox_id=box.mailbox_id,
            )
            for name, box in sorted(self._names.items())
        ]

    async def subscriptions(self) -> frozenset[MailboxName]:
        """Return the subscribed names."""
        return await self.threads.read(subscriptions.read, self._store)

    async def subscribe(self, name: MailboxName, subscribed: bool) -> None:
        """Add or drop one."""
        await self.threads.write(
            lambda batch: subscriptions.subscribe(self._store, batch, name, subscribed)
        )
        self._watchers.subscriptions()

    async def create(
        self, name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> None:
        """Make a mailbox."""
        await self._in_step()
        if name in self._names:
            raise MailboxExists(name)
        if len(self._names) >= MAILBOXES_MAX:
            raise OverQuota("too many mailboxes")
        row = await self._submit(
            lambda batch: folders.create(self._store, batch, name, special_use)
        )
        self._boxes[row.mailbox_id] = self._names[row.name] = Box(self, row)
        self._watchers.names()

    async def delete(self, name: MailboxName) -> None:
        """Remove a mailbox."""
        if name == INBOX:
            raise NotPermitted("INBOX stays")
        await self._in_step()
        box = self._names.get(name)
        if box is None:
            if inferiors(self._names, name):
                raise MailboxHasChildren(name)
            raise NoSuchMailbox(name)
        path = await self._submit(
            lambda batch: folders.delete(self._store, batch, box.mailbox_id)
        )
        self._remove_tree(path)
        self._boxes.pop(box.mailbox_id, None)
        if self._names.get(box.row.name) is box:
            del self._names[box.row.name]
        box.remove()
        self._watchers.names()

    async def rename(self, name: MailboxName, to: MailboxName) -> None:
        """Rename a mailbox and its inferiors, or move the messages of INBOX."""
        await self._in_step()
        moved = renamed(self._names, name, to)
        if name == INBOX:
            await self._rename_inbox(to)
            return
        names = [(self._names[old].mailbox_id, new) for old, new in moved.items()]
        rows = await self._submit(
            lambda batch: folders.rename(self._store, batch, names)
        )
        for row in rows:
            box = self._boxes[row.mailbox_id]
            if self._names.get(box.row.name) is box:
                del self._names[box.row.name]
            box.row = row
            self._names[row.name] = box
        self._watchers.names()

    async def _rename_inbox(self, to: MailboxName) -> None:
        inbox = await self.box(INBOX)
        await inbox.in_step()
        await self.create(to)
        target = await self.box(to)
        try:
            await self.annotate(to, await self.annotations(INBOX))
            held = await inbox.access_list()
            await self.change_access(to, lambda _: held)
            await self.change(
                transfer.move,
                inbox.mailbox_id,
                UIDSet(((1, UID_MAX),)),
                target.mailbox_id,
            )
        except BaseException:
            await self.delete(to)
            raise

    async def status(self, name: MailboxName) -> MailboxStatus:
        """Count."""
        return await (await self.box(name)).status()

    async def open(self, name: MailboxName) -> MaildirMailbox:
        """Open a mailbox."""
        box = await self.box(name)
        await box.in_step()
        await box.columns()
        return MaildirMailbox(name, box)

    async def append(
        self, name: MailboxName, messages: Sequence[NewMessage]
    ) -> Appended:
        """Store messages, durably."""
        late = self._looked + INBOX_SECONDS <= self.threads.reactor.seconds()
        if late or name != INBOX:
            await self._in_step()
        box = self._named(name)
        drafts = await prepared(messages, self._store, self.ask)
        try:
            uids = await self.change(arrival.append, box.mailbox_id, drafts)
        except BaseException:
            # A job still waiting would fail without its file, and store nothing.
            discard(drafts)
            raise
        return Appended(box.row.uid_validity, uids)

    async def replace(
        self, mailbox_id: str, uid: int, name: MailboxName, message: NewMessage
    ) -> Appended:
        """Store one and remove another, durably."""
        box = await self.box(name)
        [draft] = drafts = await prepared([message], self._store, self.ask)
        try:
            uids = await self.change(
                replacing.replace, mailbox_id, uid, box.mailbox_id, draft
            )
        except BaseException:
            discard(drafts)
            raise
        return Appended(box.row.uid_validity, uids)

    async def lock_maildrop(self) -> Callable[[], None]:
        """Lock INBOX for one POP3 session, against those of other processes too."""
        held = pop3_lock.taken(self.root)
        if held is None:
            held = await self.threads.read(pop3_lock.made, self.root)
        return held.release

    async def annotations(self, name: MailboxName | None) -> Mapping[str, bytes]:
        """Return notes."""
        mailbox_id = None if name is None else (await self.box(name)).mailbox_id
        return await self._submit(
            lambda batch: annotations.read(self._store, mailbox_id)
        )

    async def annotate(
        self, name: MailboxName | None, values: Mapping[str, bytes | None]
    ) -> None:
        """Change notes, durably."""
        mailbox_id = None if name is None else (await self.box(name)).mailbox_id
        if values:
            await self.change(annotations.change, mailbox_id, values)
            self._watchers.notes(name, frozenset(values))

    def watch_account(
        self, names: Names, subscriptions: Names, notes: Notes
    ) -> Callable[[], None]:
        """Have callbacks called, also when other programs change the directory."""
        stops = [self._watchers.add(names, subscriptions, notes)]
        for tell in (names, subscriptions):
            stops.append(self.threads.watches.watch(self.root, tell))

        def stop() -> None:
            while stops:
                stops.pop()()

        return stop

    async def watch_mailbox(
        self, name: MailboxName, callback: Callable[[], Any]
    ) -> Callable[[], None]:
        """Have ``callback`` called as for a session that has it open."""
        return (await self.box(name)).watch(callback)

    async def set_special_use(self, name: MailboxName, uses: frozenset[str]) -> None:
        """Change special uses, durably."""
        box = await self.box(name)
        box.row.special_use = await self._submit(
            lambda batch: set_special_use(self._store, batch, box.mailbox_id, uses)
        )
        self._watchers.names()
