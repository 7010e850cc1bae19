"""Tests of :mod:`mailframe.storage.maildir.warm`."""

import errno
import os
from ctypes import set_errno
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from mailframe.storage.maildir.warm import WarmFiles


class WarmFilesTests(SynchronousTestCase):
    """Files that were just written are in memory, where the kernel tells of it."""

    def setUp(self) -> None:
        """Write a file."""
        self.path = os.path.abspath(self.mktemp())
        with open(self.path, "wb") as file:
            file.write(b"a" * 10_000)
        self.files = WarmFiles()

    def test_read(self) -> None:
        """All of it, with its size or without."""
        found = self.files.read(self.path, 10_000)
        if found is None:
            raise SkipTest("this kernel or file system does not tell")
        self.assertEqual(found, b"a" * 10_000)
        self.assertEqual(self.files.read(self.path, None), found)

    def test_another_size(self) -> None:
        """A file that is not as it should be is for the reading threads."""
        self.assertIsNone(self.files.read(self.path, 9_999))
        self.assertIsNone(self.files.read(self.path, 10_001))

    def test_not_there(self) -> None:
        """So is one that has another name by now, and what is no file."""
        self.assertIsNone(self.files.read(self.path + "x", 1))
        self.assertIsNone(self.files.read(os.path.dirname(self.path), None))

    def test_kernel_cannot(self) -> None:
        """A kernel without the call is asked once."""
        asked = []

        def call(*arguments: object) -> int:
            asked.append(arguments)
            set_errno(errno.ENOSYS)
            return -1

        self.patch(self.files, "_call", call)
        for _ in range(3):
            self.assertIsNone(self.files.read(self.path, 10_000))
        self.assertLessEqual(len(asked), 1)
