"""Whether the disks have room for messages that wait for their files.

What was answered must find room, so nothing waits while a disk is nearly full. A
disk is not asked for each message: what is free holds for a moment, and for no
more messages than are nothing beside the room that is left.

Source: statvfs(3); DESIGN.md section 5 (stores write their own files behind the
journal).
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

OCTETS = 134_217_728
"""Free octets of a disk below which nothing is put off."""

FILES = 10_000
"""And free files, where the file system counts them."""

LOOK_SECONDS = 0.1
"""Seconds after which a disk is looked at again, since others write to it too."""

LOOK_OCTETS = 8_388_608
"""Octets of messages after which it is."""


@dataclass(slots=True)
class _Look:
    """What a disk was found to have.

    Attributes:
        room: Whether it is enough.
        until: When to look again.
        octets: What may come before that.
    """

    room: bool
    until: float
    octets: int


class Room:
    """Looks at disks when it has to; for the writer thread."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """Begin without having looked.

        Args:
            seconds: A clock that never goes back.
        """
        self._seconds = seconds
        self._looks: dict[int, _Look] = {}

    def is_there(self, device: int, path: str, octets: int) -> bool:
        """Tell whether messages may wait.

        Args:
            device: Number of the file system.
            path: Something on it.
            octets: Size of the messages.

        Raises:
            OSError: It cannot be told.
        """
        now = self._seconds()
        look = self._looks.get(device)
        if look is None or now >= look.until or octets > look.octets:
            look = _Look(_has_room(path), now + LOOK_SECONDS, LOOK_OCTETS)
            self._looks[device] = look
        look.octets -= octets
        return look.room


def _has_room(path: str) -> bool:
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize > OCTETS and (
        not disk.f_files or disk.f_favail > FILES
    )
