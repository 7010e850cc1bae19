"""The mailbox of RFC 9585 section 4."""

from typing import Any

from mailframe.imap.loading import LOADED_OCTETS
from tests.imap.world import World, place

_SECONDS = {454: 13, 999: 14, 1000: 5}
_FOUND = (447, 735)


class _Slow:
    """A message that takes long to read."""

    def __init__(self, world: World, seconds: int, message: Any) -> None:
        self._world = world
        self._seconds = seconds
        self._message = message

    def __getattr__(self, name: str) -> Any:
        if name == "content":
            self._world.time += self._seconds
        return getattr(self._message, name)


def slow(world: World) -> None:
    """Put messages that take long to read, and large ones after them.

    A large one is read by itself, when it is told how far the search is.
    """
    box: Any = world.box()
    for uid in range(1, 1001):
        text = b"this will be slow" if uid in _FOUND else b"soon"
        if uid - 1 in _SECONDS:
            text = text.ljust(LOADED_OCTETS - 2)
        place(box, b"\r\n" + text)
        if uid in _SECONDS:
            box.messages[uid] = _Slow(world, _SECONDS[uid], box.messages[uid])
