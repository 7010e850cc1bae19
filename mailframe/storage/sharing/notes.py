"""What notes on mailboxes are called, in an account and for who sees them.

In an account that shares, a private note of somebody else has that user's address
in its name; the owner never sees it.

Source: RFC 5464 section 3.3.
"""

from collections.abc import Mapping
from typing import TypeVar

_T = TypeVar("_T")

_OTHERS = "/users/"
_SHARED = "/shared/"


def is_shared(entry: str) -> bool:
    """Tell whether a note is everybody's."""
    return entry.startswith(_SHARED)


def is_owners(entry: str) -> bool:
    """Tell whether the owner of an account sees a note in it."""
    return not entry.startswith(_OTHERS)


class VisitorsNotes:
    """The notes on others' mailboxes that one user sees."""

    def __init__(self, address: str) -> None:
        """Take the user's address."""
        self._mine = f"{_OTHERS}{address}"

    def kept(self, entry: str) -> str:
        """Return what an entry of this user's is called in the owner's account."""
        return entry if is_shared(entry) else f"{self._mine}{entry}"

    def seen(self, kept: Mapping[str, _T]) -> dict[str, _T]:
        """Return, by what they are for this user, those of an account's entries."""
        return {
            mine: value
            for entry, value in kept.items()
            if (mine := self._seen(entry)) is not None
        }

    def _seen(self, entry: str) -> str | None:
        if is_shared(entry):
            return entry
        mine = self._mine
        return entry.removeprefix(mine) if entry.startswith(f"{mine}/") else None
