"""The realm of Maildir accounts: a service with one journal and one writer.

Accounts are shared by all sessions of a user and kept open a while after the
last. Starting replays the journal, stopping leaves nothing in it.

Source: :class:`twisted.cred.portal.IRealm`; DESIGN.md sections 4 and 5.
"""

import os
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.interfaces.access import ISharingRealm
from mailframe.interfaces.auth import IAwaitedRealm
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.interfaces.plugin import Host, IHomeRealm
from mailframe.started import started
from mailframe.storage.journal import Journal
from mailframe.storage.maildir.account import MaildirAccount
from mailframe.storage.maildir.disks import Disks
from mailframe.storage.maildir.filer import Filer
from mailframe.storage.maildir.filing import Filing
from mailframe.storage.maildir.homes import Homes
from mailframe.storage.maildir.names import PathPattern
from mailframe.storage.maildir.noticing import Noticing
from mailframe.storage.maildir.recovery import crashed_at
from mailframe.storage.maildir.replay import Replay
from mailframe.storage.maildir.room import Room
from mailframe.storage.maildir.shares import Shares
from mailframe.storage.maildir.store import AccountStore, make_directories
from mailframe.storage.maildir.threads import Threads
from mailframe.storage.namespaces import cut_namespaces
from mailframe.storage.os_layer import REAL, OSLayer
from mailframe.storage.side_process import SideProcess
from mailframe.storage.watchers import Callbacks
from mailframe.storage.writer import (
    Batch,
    BatchWriter,
    at_once,
    beside,
    end_of_turn,
)

_FILING = "mailframe.storage.maildir.filing_process"

ACCOUNTS_KEPT = 256
"""Accounts kept open without a session."""


@implementer(IAwaitedRealm, ISharingRealm, IHomeRealm)
class MaildirRealm(Service):
    """Gives every address an account in a directory of its own.

    Attributes:
        namespaces: How others' mailboxes are called.
        default_domain: The domain of a user named without one.
        directory: Tells where users are at home, if the path begins there.
    """

    _log = Logger()

    def __init__(self, argstring: str, host: Host, os_layer: OSLayer = REAL) -> None:
        """Check the arguments; nothing is touched before the service starts.

        Args:
            argstring: A path in which ``%u``, ``%n`` and ``%d`` stand for the
                address, its local part and its domain, and ``%h`` at the
                beginning for the user's home; another relative path is
                relative to where the program was started. After it may come
                what :func:`~mailframe.storage.namespaces.cut_namespaces` takes.
            host: What it is for.
            os_layer: How to change files.

        Raises:
            ValueError: The argument is wrong.
        """
        path, self.namespaces = cut_namespaces(argstring)
        self.default_domain = host.domains[0]
        self._pattern = PathPattern.parse(path)
        if len(host.domains) > 1 and not self._pattern.tells_domains_apart:
            raise ValueError("two domains would share a mailbox: use %u or %d too")
        self.directory: Any = None
        self._homes = Homes(host.state_dir, os_layer)
        self._host = host
        self._os_layer = os_layer
        self._threads: Threads | None = None
        self._disks = Disks()
        self._owing: dict[str, Filing] = {}
        self._filer: Filer | None = None
        self._room = Room()
        self._suspect_since: int | None = None
        self._live: weakref.WeakValueDictionary[str, MaildirAccount] = (
            weakref.WeakValueDictionary()
        )
        self._kept: OrderedDict[str, MaildirAccount] = OrderedDict()
        self._shares: Shares | None = None
        self._noticing: Noticing | None = None
        self._lists = Callbacks(lambda call: host.reactor.callLater(0, call))
        self._beginning: dict[str, list[Deferred[MaildirAccount]]] = {}

    def startService(self) -> None:
        """Replay the journal and begin to write."""
        self.begin()
        super().startService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Any:
        """Write everything out; fires when that is done."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self.finish())

    def begin(self) -> None:
        """Replay the journal and begin to write.

        Raises:
            JournalBusy: Another process has the journal.
            TemporaryFailure: The disk refuses; the journal is as it was.
        """
        directory = os.path.join(self._host.state_dir, "journal")
        make_directories(self._host.state_dir, self._os_layer)
        self._suspect_since = crashed_at(directory)
        journal = Journal(directory, os_layer=self._os_layer)
        try:
            self._homes.read()
            replay = Replay(self._store)
            for record in journal.replay():
                replay.foresee(record)
            for record in journal.replay():
                replay.apply(record)
            replay.finish()
            for store in replay.stores.values():
                self._disks.note(store.root)
            journal.open()
            mark = journal.begin_checkpoint()
            self._disks.sync()
            journal.end_checkpoint(mark)
        except BaseException:
            journal.close()
            raise
        self._shares = Shares(self._host.state_dir, self._os_layer, self._lists)
        writer = BatchWriter(
            journal,
            call_from_thread=self._host.reactor.callFromThread,
            at_end_of_turn=end_of_turn(self._host.reactor),
            beside=beside if self._os_layer is REAL else at_once,
            sync=self._disks.sync,
        )
        if self._os_layer is REAL and _processors() > 1:
            process = SideProcess(_FILING, lambda: [journal.lock_fd()])
            self._filer = Filer(process, time.monotonic)
        self._threads = threads = Threads(self._host.reactor, writer)
        shares = self._shares
        self._noticing = Noticing(threads, shares, self._keep_shares)

    def _keep_shares(self, octets: bytes) -> None:
        if self._threads is not None and self._shares is not None:
            keep = self._shares.keep
            self._threads.write(lambda batch: keep(octets)).addErrback(
                lambda failure: self._log.failure("keeping who shares", failure)
            )

    async def finish(self) -> None:
        """Write everything out and end the threads."""
        threads, self._threads = self._threads, None
        if threads is None:
            return
        if self._filer is not None:
            close = self._filer.close
            await threads.write(lambda batch: close())
        for account in list(self._live.values()):
            try:
                await account.close()
            except TemporaryFailure as error:
                self._log.warn("{root}: {error}", root=account.root, error=error)
        self._live.clear()
        self._kept.clear()
        await threads.stop()

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """Return the account of ``avatarId``."""
        if IMailAccount not in interfaces:
            raise NotImplementedError(f"only {IMailAccount.__name__} is provided")
        return started(self._avatar(avatarId.decode()))

    async def _avatar(self, address: str) -> Any:
        return IMailAccount, await self.account(address), _do_nothing

    async def account(self, address: str) -> MaildirAccount:
        """Return the account of an address, made on first use.

        Args:
            address: Canonical ``local@domain``; whoever asks knows that there
                is such a user.

        Raises:
            NoSuchUser: It cannot be one.
            TemporaryFailure: Its directory cannot be used.
        """
        # Who has no home of his own has one directory for ever.
        kept = None if self._pattern.wants_home else self._kept.get(address)
        if kept is not None:
            self._kept.move_to_end(address)
            return kept
        root = await self._root(address)
        account = self._live.get(root)
        if account is None:
            account = await self._begun(root, address)
        if account.address != address:
            raise NoSuchUser(f"{root} is the directory of another address")
        self._keep(account)
        return account

    def sharers(self, identifiers: frozenset[str]) -> frozenset[str]:
        """Return whose mailboxes have a list in which one of these is named."""
        return self._shares.sharers(identifiers) if self._shares else frozenset()

    async def notice_lists(self, owner: str | None) -> None:
        """Look at the files of accounts in use, or of one owner."""
        if self._noticing is None:
            return
        if owner is None:
            await self._noticing.look_at_all(
                lambda: [(one.address, root) for root, one in self._live.items()]
            )
            return
        with suppress(NoSuchUser):
            await self._noticing.look_at(owner, await self._root(owner))

    def names_groups(self) -> bool:
        """Tell whether any list names a group."""
        return self._shares is not None and self._shares.names_groups()

    def watch_lists(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Have ``callback`` called soon after a list of any account has changed."""
        return self._lists.add(callback)

    async def shared_account(self, address: str) -> MaildirAccount | None:
        """Return an account whose directory is there."""
        try:
            root = await self._root(address)
            if root not in self._live and not _is_there(root):
                return None
            return await self.account(address)
        except NoSuchUser:
            return None

    async def _root(self, address: str) -> str:
        """Return the directory of an account; raises as :meth:`account`."""
        home = await self._home(address) if self._pattern.wants_home else None
        try:
            return self._pattern.directory(address, home)
        except ValueError as error:
            if self._pattern.wants_home:
                # The operator can give him one; the mail waits.
                raise TemporaryFailure(str(error)) from None
            raise NoSuchUser(str(error)) from None

    async def _home(self, address: str) -> str | None:
        """Return where a user is at home, and remember it."""
        known = self._homes.get(address)
        entry = None
        if self.directory is not None:
            try:
                entry = await self.directory.find(address)
            except TemporaryFailure:
                if known is None:
                    raise
        if entry is None or not entry.home or entry.home == known:
            return known
        if self._threads is None:
            raise TemporaryFailure("the store is not running")
        await self._threads.read(self._homes.note, address, entry.home)
        home: str = entry.home
        return home

    def _keep(self, account: MaildirAccount) -> None:
        self._kept[account.address] = account
        self._kept.move_to_end(account.address)
        if len(self._kept) > ACCOUNTS_KEPT:
            self._kept.popitem(last=False)

    async def _begun(self, root: str, address: str) -> MaildirAccount:
        """Open an account once, however many ask for it now."""
        waiting = self._beginning.get(root)
        if waiting is not None:
            waiter: Deferred[MaildirAccount] = Deferred()
            waiting.append(waiter)
            return await waiter
        self._beginning[root] = []
        try:
            account = await self._open(root, address)
        except BaseException as error:
            for waiter in self._beginning.pop(root):
                waiter.errback(error)
            raise
        self._live[root] = account
        for waiter in self._beginning.pop(root):
            waiter.callback(account)
        return account

    async def _open(self, root: str, address: str) -> MaildirAccount:
        threads = self._threads
        if threads is None:
            raise TemporaryFailure("the store is not running")
        store = self._store(address)
        account = MaildirAccount(store, threads, self._shares)
        weakref.finalize(
            account, _retire, self._host.reactor, threads, store, account.reader.close
        ).atexit = False
        await account.begin()
        self._disks.note(root)
        return account

    def _store(self, address: str) -> AccountStore:
        return AccountStore(
            self._pattern.directory(address, self._homes.get(address)),
            address,
            self._os_layer,
            self._suspect_since,
            self._owing,
            self._filer,
            self._room,
        )


def _processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        # Not every system has it.
        return os.cpu_count() or 1


def _do_nothing() -> None:
    """An account is not logged out of: it is kept a while."""


def _is_there(root: str) -> bool:
    return os.path.isdir(root)


def _retire(
    reactor: Any, threads: Threads, store: AccountStore, close: Callable[[], None]
) -> None:
    """Close the files of an account that nobody holds any more."""

    def job(batch: Batch) -> None:
        batch.afterwards(store.close)
        batch.afterwards(close)

    def submit() -> None:
        threads.write(job).addErrback(lambda _: None)

    reactor.callFromThread(submit)
