"""Tests of :mod:`mailframe.storage.maildir.room`."""

import os
from types import SimpleNamespace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.storage.maildir import room
from mailframe.storage.maildir.room import Room

KB = 1024


class RoomTests(SynchronousTestCase):
    """Disks are asked now and then, and what they say holds until then."""

    def setUp(self) -> None:
        """Have disks with room, and note who is asked."""
        self.free = 10 * room.OCTETS
        self.files: tuple[int, int] = (10 * room.FILES, 10 * room.FILES)
        self.asked: list[str] = []
        self.clock = Clock()
        self.room = Room(self.clock.seconds)
        self.patch(os, "statvfs", self._statvfs)

    def _statvfs(self, path: str) -> SimpleNamespace:
        self.asked.append(path)
        total, free = self.files
        return SimpleNamespace(
            f_bavail=self.free // 4096, f_frsize=4096, f_files=total, f_favail=free
        )

    def test_each_disk(self) -> None:
        """Each disk is asked for itself, and once for many messages."""
        for _ in range(10):
            self.assertTrue(self.room.is_there(1, "/a", KB))
            self.assertTrue(self.room.is_there(1, "/b", KB))
            self.assertTrue(self.room.is_there(2, "/c", KB))
        self.assertEqual(self.asked, ["/a", "/c"])

    def test_after_a_moment(self) -> None:
        """Somebody else may have filled it, or made room."""
        self.assertTrue(self.room.is_there(1, "/a", KB))
        self.free = room.OCTETS
        self.clock.advance(room.LOOK_SECONDS)
        self.assertFalse(self.room.is_there(1, "/a", KB))
        self.free = 2 * room.OCTETS
        self.assertFalse(self.room.is_there(1, "/a", KB))
        self.clock.advance(room.LOOK_SECONDS)
        self.assertTrue(self.room.is_there(1, "/a", KB))

    def test_after_many_octets(self) -> None:
        """What came itself counts at once."""
        self.assertTrue(self.room.is_there(1, "/a", KB))
        self.free = room.OCTETS
        self.assertTrue(self.room.is_there(1, "/a", room.LOOK_OCTETS - KB))
        self.assertFalse(self.room.is_there(1, "/a", 1))

    def test_files(self) -> None:
        """A disk without free files has no room, one that counts none has."""
        self.files = 10 * room.FILES, room.FILES
        self.assertFalse(self.room.is_there(1, "/a", KB))
        self.files = 0, 0
        self.assertTrue(self.room.is_there(2, "/a", KB))
