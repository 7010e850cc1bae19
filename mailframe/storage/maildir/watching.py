"""Notice that other programs changed a directory.

By inotify where the system and the reactor have it, else by asking for mtimes
every few seconds. Both only say that there may be something to look at.

Source: inotify(7).
"""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IReactorFDSet
from twisted.logger import Logger
from twisted.python.filepath import FilePath

POLL_SECONDS = 3.0
"""How late a change is noticed where inotify cannot be used."""


class Watches:
    """Watches directories, each for anybody who asks."""

    _log = Logger()

    def __init__(self, reactor: Any) -> None:
        """Watch nothing yet.

        Args:
            reactor: Provides IReactorTime, and IReactorFDSet for inotify.
        """
        self._reactor = reactor
        self._callbacks: dict[str, dict[object, Callable[[], None]]] = {}
        self._mtimes: dict[str, int] = {}
        self._notify: Any = None
        self._tried = False
        self._poll: Any = None

    def watch(self, directory: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` when names in a directory changed.

        Returns:
            What to call, once, to stop it.
        """
        key = object()
        if directory not in self._callbacks:
            self._callbacks[directory] = {}
            self._begin(directory)
        self._callbacks[directory][key] = callback

        def stop() -> None:
            callbacks = self._callbacks.get(directory, {})
            callbacks.pop(key, None)
            if not callbacks:
                self._end(directory)

        return stop

    def stop(self) -> None:
        """Watch nothing any more."""
        for directory in list(self._callbacks):
            self._end(directory)
        if self._notify is not None:
            notify, self._notify = self._notify, None
            notify.stopReading()
            notify.loseConnection()

    def _begin(self, directory: str) -> None:
        notify = self._inotify()
        if notify is not None:
            from twisted.internet import inotify

            with suppress(OSError, inotify.INotifyError):
                notify.watch(
                    FilePath(directory),
                    mask=inotify.IN_CREATE
                    | inotify.IN_DELETE
                    | inotify.IN_MOVED_FROM
                    | inotify.IN_MOVED_TO
                    | inotify.IN_DELETE_SELF,
                    callbacks=[lambda *_: self._fire(directory)],
                )
                return
        self._mtimes[directory] = _mtime(directory)
        if self._poll is None:
            self._poll = self._reactor.callLater(POLL_SECONDS, self._look)

    def _end(self, directory: str) -> None:
        if self._callbacks.pop(directory, None) is None:
            return
        if self._mtimes.pop(directory, None) is None and self._notify is not None:
            with suppress(KeyError):
                self._notify.ignore(FilePath(directory))
        if not self._mtimes and self._poll is not None:
            self._poll.cancel()
            self._poll = None

    def _inotify(self) -> Any:
        """Return the reader of inotify, ``None`` where there is none."""
        if not self._tried:
            self._tried = True
            if IReactorFDSet.providedBy(self._reactor):
                try:
                    from twisted.internet.inotify import INotify

                    notify = INotify(self._reactor)  # type: ignore[no-untyped-call]
                    notify.startReading()  # type: ignore[no-untyped-call]
                    self._notify = notify
                except (ImportError, OSError) as error:
                    self._log.info("no inotify, asking instead: {error}", error=error)
        return self._notify

    def _look(self) -> None:
        self._poll = None
        for directory, mtime in list(self._mtimes.items()):
            now = _mtime(directory)
            if now != mtime:
                self._mtimes[directory] = now
                self._fire(directory)
        if self._mtimes:
            self._poll = self._reactor.callLater(POLL_SECONDS, self._look)

    def _fire(self, directory: str) -> None:
        for callback in list(self._callbacks.get(directory, {}).values()):
            callback()


def _mtime(directory: str) -> int:
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return 0
