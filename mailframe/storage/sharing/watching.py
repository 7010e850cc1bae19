"""Others' accounts, watched for one user as far as they are shared.

Source: the contract of :class:`mailframe.interfaces.mailbox.IWatchedAccount`.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailframe.errors import TemporaryFailure
from mailframe.model.mailbox import MailboxName

Notes = Callable[[str, MailboxName | None, frozenset[str]], Awaitable[None]]
"""Takes an owner, a name in the owner's account, and entries that have changed."""


class OthersWatched:
    """Watches those who share with a user, whoever they are at the moment."""

    _log = Logger()

    def __init__(
        self,
        realm: Any,
        sharers: Callable[[], Awaitable[frozenset[str]]],
        names: Callable[[], Any],
        notes: Notes,
    ) -> None:
        """Begin to watch.

        Args:
            realm: Provides ISharingRealm.
            sharers: Returns who shares now.
            names: Called when there may be other mailboxes than before.
            notes: Told which notes have changed.
        """
        self._realm = realm
        self._sharers = sharers
        self._names = names
        self._notes = notes
        self._stops: dict[str, Callable[[], None]] = {}
        self._stopped = False
        self._unwatch = realm.watch_lists(self._relisted)
        self._run(self._follow())

    def stop(self) -> None:
        """Watch nobody any more."""
        self._stopped = True
        self._unwatch()
        while self._stops:
            self._stops.popitem()[1]()

    def _relisted(self) -> None:
        self._names()
        self._run(self._follow())

    def _run(self, work: Any) -> None:
        Deferred.fromCoroutine(work).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        # What cannot be asked now is watched when a list changes again.
        if not isinstance(failure.value, TemporaryFailure):
            self._log.failure("watching", failure)

    async def _follow(self) -> None:
        """Watch those who share now, and nobody else."""
        wanted = await self._sharers()
        for owner in self._stops.keys() - wanted:
            self._stops.pop(owner)()
        for owner in wanted:
            account = None
            if owner not in self._stops:
                account = await self._realm.shared_account(owner)
            if account is not None and not (self._stopped or owner in self._stops):
                self._stops[owner] = account.watch_account(
                    self._names, lambda: None, partial(self._noted, owner)
                )

    def _noted(
        self, owner: str, name: MailboxName | None, entries: frozenset[str]
    ) -> None:
        self._run(self._notes(owner, name, entries))
