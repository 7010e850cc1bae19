"""Tests of a journal's next file, which takes its space before it is wanted."""

import errno
import os

from mailframe.storage import journal as journal_module
from mailframe.testing.faults import FaultyOS
from tests.storage.test_journal import JournalTestCase


class SpareTests(JournalTestCase):
    """It is made while the current file is written to."""

    def setUp(self) -> None:
        """Make a journal that wants one."""
        super().setUp()
        self.system = FaultyOS(self.root)
        self.writing = self.opened(self.system)
        self.assertFalse(self.writing.wants_spare())
        self.writing.write([(1, [bytes(800)])])
        self.assertTrue(self.writing.wants_spare())

    def left(self) -> list[str]:
        """Return which files there are."""
        return sorted(os.listdir(self.directory))

    def test_next_file(self) -> None:
        """It becomes the next file, which takes no more space until it is full."""
        self.writing.make_spare()
        self.assertFalse(self.writing.wants_spare())
        mark = self.writing.begin_checkpoint()
        self.assertEqual(self.left(), ["journal.1", "journal.2", "lock"])
        size = os.path.getsize(self.newest())
        self.assertGreaterEqual(size, 1000)
        before = len(self.system.calls)
        self.writing.write([(1, [bytes(800)])])
        self.assertEqual(self.system.calls[before:], ["pwritev", "fdatasync"])
        self.assertEqual(os.path.getsize(self.newest()), size)
        self.writing.end_checkpoint(mark)
        self.assertTrue(self.writing.wants_spare())
        self.writing.close()
        self.assertEqual(self.replayed(), [(1, bytes(800))])

    def test_no_room(self) -> None:
        """A disk with little room, or none, is left alone, and asked only once."""
        self.patch(journal_module, "SPARE_ROOM", 1 << 62)
        self.writing.make_spare()
        self.assertFalse(self.writing.wants_spare())
        self.patch(journal_module, "SPARE_ROOM", 0)
        for call in ("open", "pwritev", "fdatasync"):
            self.system.fail(errno.ENOSPC, call)
            self.writing.make_spare()
            self.assertEqual(self.left(), ["journal.1", "lock"])
        self.writing.end_checkpoint(self.writing.begin_checkpoint())
        self.writing.write([(1, [b"x"])])
        self.writing.close()
        self.assertEqual(self.replayed(), [(1, b"x")])

    def test_not_begun(self) -> None:
        """If it cannot be begun, the next to write begins another one."""
        self.writing.make_spare()
        self.system.fail(errno.EIO, "rename")
        mark = self.writing.begin_checkpoint()
        self.writing.write([(1, [b"x"])])
        self.writing.end_checkpoint(mark)
        self.writing.close()
        self.assertEqual(self.replayed(), [(1, b"x")])

    def test_goes_away(self) -> None:
        """It goes with the journal, be it killed."""
        self.writing.make_spare()
        self.assertIn("spare", self.left())
        self.writing.close()
        self.assertNotIn("spare", self.left())
        with open(f"{self.directory}/spare", "wb") as file:
            file.write(b"torn")
        self.assertEqual(self.replayed(), [(1, bytes(800))])
        self.assertNotIn("spare", self.left())
