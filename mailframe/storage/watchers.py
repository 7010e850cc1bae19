"""Who wants to know what happens to an account as a whole.

Source: the contract of :class:`mailframe.interfaces.mailbox.IWatchedAccount`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from mailframe.model.mailbox import MailboxName

Names = Callable[[], Any]
Notes = Callable[[MailboxName | None, frozenset[str]], Any]


class Watchers:
    """Those who watch one account."""

    def __init__(self, soon: Callable[[Callable[[], Any]], Any]) -> None:
        """Begin with nobody.

        Args:
            soon: Calls something later, in the reactor's thread.
        """
        self._soon = soon
        self._watching: dict[object, tuple[Names, Names, Notes]] = {}

    def __bool__(self) -> bool:
        """Tell whether anybody watches."""
        return bool(self._watching)

    def add(
        self, names: Names, subscriptions: Names, notes: Notes
    ) -> Callable[[], None]:
        """Have somebody told; return what to call, once, to stop it."""
        key = object()
        self._watching[key] = names, subscriptions, notes

        def stop() -> None:
            self._watching.pop(key, None)

        return stop

    def names(self) -> None:
        """Tell that mailboxes may have come, gone or changed their names."""
        for names, _, _ in list(self._watching.values()):
            self._soon(names)

    def subscriptions(self) -> None:
        """Tell that subscriptions may have changed."""
        for _, subscriptions, _ in list(self._watching.values()):
            self._soon(subscriptions)

    def notes(self, name: MailboxName | None, entries: frozenset[str]) -> None:
        """Tell that notes were set or taken away."""
        if entries:
            for _, _, notes in list(self._watching.values()):
                self._soon(partial(notes, name, entries))


class Callbacks:
    """Those who want to be told that something happened."""

    def __init__(self, soon: Callable[[Callable[[], Any]], Any]) -> None:
        """Begin with nobody.

        Args:
            soon: Calls something later, in the reactor's thread.
        """
        self._soon = soon
        self._callbacks: dict[object, Callable[..., Any]] = {}

    def add(self, callback: Callable[..., Any]) -> Callable[[], None]:
        """Have somebody told; return what to call, once, to stop it."""
        key = object()
        self._callbacks[key] = callback

        def stop() -> None:
            self._callbacks.pop(key, None)

        return stop

    def tell(self, *what: Any) -> None:
        """Tell everybody, with these arguments."""
        for callback in list(self._callbacks.values()):
            self._soon(partial(callback, *what))


class Watched:
    """An account that nobody but its own methods changes; a base class of one.

    Attributes:
        watchers: Told by these methods.
    """

    watchers: Watchers

    def watch_account(
        self, names: Names, subscriptions: Names, notes: Notes
    ) -> Callable[[], None]:
        """Register callbacks."""
        return self.watchers.add(names, subscriptions, notes)
