"""Tests of :mod:`mailframe.testing.faults`: what a power loss can take back."""

import errno
import os
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from mailframe.testing.faults import FaultyOS, PowerLoss

MAKE = os.O_RDWR | os.O_CREAT | os.O_EXCL


class CrashTests(SynchronousTestCase):
    """Only what was synced is sure; anything else may or may not be there."""

    def setUp(self) -> None:
        """Make a directory with one durable file."""
        self.root = self.mktemp()
        os.mkdir(self.root)
        self.put("old", b"old")
        self.system = FaultyOS(self.root)

    def put(self, name: str, octets: bytes) -> None:
        """Write a file without the layer."""
        with open(f"{self.root}/{name}", "wb") as file:
            file.write(octets)

    def make(self, name: str, octets: bytes, *, sync: bool = False) -> int:
        """Write a file through the layer."""
        fd = self.system.open(f"{self.root}/{name}", MAKE)
        self.addCleanup(self.system.close, fd)
        self.system.write(fd, octets)
        if sync:
            self.system.fdatasync(fd)
        return fd

    def found(self) -> dict[str, bytes]:
        """Return all files and their octets."""
        result = {}
        for path, _, names in os.walk(self.root):
            for name in names:
                with open(os.path.join(path, name), "rb") as file:
                    result[os.path.relpath(file.name, self.root)] = file.read()
        return result

    def test_name_not_synced(self) -> None:
        """A synced file whose directory was not synced may be gone."""
        self.make("new", b"new", sync=True)
        self.system.crash(False)
        self.assertEqual(self.found(), {"old": b"old"})

    def test_octets_not_synced(self) -> None:
        """A name that was synced may be that of an empty file."""
        self.make("new", b"new")
        self.system.fsync_dir(self.root)
        self.system.crash(False)
        self.assertEqual(self.found(), {"old": b"old", "new": b""})

    def test_synced(self) -> None:
        """What was synced, file and name, is there."""
        fd = self.make("new", b"new", sync=True)
        self.system.fsync_dir(self.root)
        self.system.pwritev(fd, [b"xx", b"x"], 1)
        self.system.crash(False)
        self.assertEqual(self.found()["new"], b"new")

    def test_everything(self) -> None:
        """All may survive as well."""
        fd = self.make("new", b"new")
        self.system.pwritev(fd, [b"xx", b"x"], 1)
        self.system.truncate(fd, 3)
        self.system.unlink(f"{self.root}/old")
        self.system.mkdir(f"{self.root}/sub")
        self.system.link(f"{self.root}/new", f"{self.root}/sub/other")
        self.system.crash(True)
        self.assertEqual(self.found(), {"new": b"nxx", "sub/other": b"nxx"})

    def test_rename_is_one_step(self) -> None:
        """After a rename between directories the file has one name, or both."""
        for seed in range(20):
            name = f"d{seed}"
            self.system.mkdir(f"{self.root}/{name}")
            self.system.fsync_dir(self.root)
            self.system.rename(f"{self.root}/old", f"{self.root}/{name}/old")
            if seed % 2:
                self.system.fsync_dir(f"{self.root}/{name}")
            self.system.crash(Random(seed))
            found = self.found()
            self.assertTrue({"old", f"{name}/old"} & set(found), seed)
            if f"{name}/old" in found:
                self.assertEqual(found[f"{name}/old"], b"old")
                os.rename(f"{self.root}/{name}/old", f"{self.root}/old")
            self.system = FaultyOS(self.root)

    def test_source_synced(self) -> None:
        """Syncing the directory a file left makes its arrival durable too."""
        self.system.mkdir(f"{self.root}/sub")
        self.system.rename(f"{self.root}/old", f"{self.root}/sub/old")
        self.system.fsync_dir(self.root)
        self.system.crash(False)
        self.assertEqual(self.found(), {"sub/old": b"old"})

    def test_directory_renamed(self) -> None:
        """A directory moves with all that is in it."""
        self.system.mkdir(f"{self.root}/sub")
        self.make("sub/new", b"new", sync=True)
        self.system.fsync_dir(f"{self.root}/sub")
        self.system.rename(f"{self.root}/sub", f"{self.root}/other")
        self.make("other/more", b"more")
        self.system.fsync_dir(self.root)
        self.system.crash(False)
        self.assertEqual(self.found(), {"old": b"old", "other/new": b"new"})

    def test_random(self) -> None:
        """Chance tears writes: what is there is old or new, octet by octet."""
        seen = set()
        for seed in range(40):
            with open(f"{self.root}/old", "wb") as file:
                file.write(b"o" * 2000)
            self.system = FaultyOS(self.root)
            fd = self.system.open(f"{self.root}/old", os.O_RDWR)
            self.system.write(fd, b"n" * 2000)
            self.system.close(fd)
            self.system.crash(Random(seed))
            found = self.found()["old"]
            self.assertEqual((len(found), set(found) - set(b"on")), (2000, set()))
            seen.add(found)
        self.assertGreater(len(seen), 5)

    def test_failed_sync(self) -> None:
        """Octets that one sync could not write are not in a later one's promise."""
        fd = self.make("new", b"new")
        self.system.fsync_dir(self.root)
        self.system.fail(errno.EIO, "fdatasync")
        self.assertRaises(OSError, self.system.fdatasync, fd)
        self.system.fdatasync(fd)
        self.system.crash(False)
        self.assertEqual(self.found()["new"], b"")

    def test_foreign_files(self) -> None:
        """Files made without the layer survive."""
        self.put("foreign", b"x")
        self.system.crash(False)
        self.assertEqual(self.found(), {"old": b"old", "foreign": b"x"})

    def test_power_loss(self) -> None:
        """From the call on that loses power all raise, until the crash."""
        self.system.lose_power(2)
        fd = self.make_until_loss()
        self.assertRaises(PowerLoss, self.system.fsync, fd)
        self.assertRaises(PowerLoss, self.system.fsync_dir, self.root)
        self.system.crash(True)
        self.assertEqual(self.found()["new"], b"new")
        self.system.fsync_dir(self.root)

    def make_until_loss(self) -> int:
        """Open a file, and lose power while it is written to."""
        fd = self.system.open(f"{self.root}/new", MAKE)
        self.addCleanup(self.system.close, fd)
        self.assertRaises(PowerLoss, self.system.writev, fd, [b"n", b"ew"])
        return fd

    def test_fail(self) -> None:
        """The n-th call of a name fails, so many times, the others do not."""
        self.system.fail(errno.EIO, "fsync_dir", at=2, times=2)
        self.system.fsync_dir(self.root)
        self.system.mkdir(f"{self.root}/sub")
        self.assertRaises(OSError, self.system.fsync_dir, self.root)
        self.assertRaises(OSError, self.system.fsync_dir, self.root)
        self.system.fsync_dir(self.root)
        self.assertEqual(self.system.calls.count("fsync_dir"), 4)

    def test_short_write(self) -> None:
        """A full disk may take a part first."""
        self.system.fail(errno.ENOSPC, "write", short=True)
        fd = self.system.open(f"{self.root}/new", MAKE)
        self.addCleanup(self.system.close, fd)
        self.assertEqual(self.system.write(fd, b"1234"), 2)
        self.assertRaises(OSError, self.system.write, fd, b"34")
        self.assertEqual(self.found()["new"], b"12")
