"""Messages appended to mbox files."""

import errno
import fcntl
import io
import mailbox
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any
from unittest import mock, skipIf

from twisted.trial.unittest import SynchronousTestCase

from mailframe.delivery import mbox_file
from mailframe.delivery.mbox_file import Patience, append, from_line, quoted
from mailframe.delivery.program import SystemUser
from mailframe.delivery.system_owner import owner_of
from mailframe.errors import (
    InsufficientStorage,
    InUse,
    NotPermitted,
    OverQuota,
    TemporaryFailure,
)
from mailframe.model.address import Address

NOW = 1_700_000_000.0
SENDER = Address("ann", "b.example")
FROM = b"From ann@b.example Tue Nov 14 22:13:20 2023\n"

LOCKER = """\
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


class Ticking:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.now = 0.0
        self.slept: Callable[[], object] = lambda: None

    def seconds(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds
        self.slept()


class MboxTestCase(SynchronousTestCase):
    """A file in a directory of its own."""

    def setUp(self) -> None:
        """Make the directory."""
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        self.path = os.path.join(self.directory, "box")
        self.clock = Ticking()

    def append(self, message: bytes, **more: Any) -> None:
        """Append a message."""
        given: dict[str, Any] = {
            "owner": None,
            "most": 0,
            "patience": Patience(10.0, 500.0, self.clock.seconds, self.clock.sleep),
            **more,
        }
        sender = given.pop("sender", SENDER)
        append(self.path, io.BytesIO(message), sender, NOW, **given)

    def content(self) -> bytes:
        """Return what is in the file."""
        with open(self.path, "rb") as file:
            return file.read()


class FormatTests(MboxTestCase):
    """What stands in the file."""

    def test_two(self) -> None:
        """Each has its From_ line and an empty line at its end."""
        self.append(b"A: b\n\nfirst\n")
        self.append(b"A: c\n\nsecond", sender=None)
        second = FROM.replace(b"ann@b.example", b"MAILER-DAEMON")
        self.assertEqual(
            self.content(),
            FROM + b"A: b\n\nfirst\n\n" + second + b"A: c\n\nsecond\n\n",
        )
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        read = mailbox.mbox(self.path)
        self.assertEqual([one["A"] for one in read], ["b", "c"])
        self.assertEqual(os.listdir(self.directory), ["box"])

    def test_quoting(self) -> None:
        """Mboxrd: From, quoted or not, gets one more sign (and can lose it again)."""
        body = b"From x\n>From y\n>>From z\n From w\nFromage\n"
        self.append(b"\n" + body)
        self.assertTrue(
            self.content().endswith(
                b"\n>From x\n>>From y\n>>>From z\n From w\nFromage\n\n"
            )
        )

    def test_pieces(self) -> None:
        """Wherever a block ends, lines are quoted the same."""
        text = b"From a\nx\n>From b\n" + b"y" * 30 + b"\nFrom c\nz"
        whole = b"".join(quoted(io.BytesIO(text)))
        for size in range(1, len(text) + 1):
            with mock.patch.object(mbox_file, "_BLOCK", size):
                if size > len(b">From b\n"):
                    self.assertEqual(b"".join(quoted(io.BytesIO(text))), whole)
        self.assertEqual(b"".join(quoted(io.BytesIO(b""))), b"\n\n")

    def test_from_line(self) -> None:
        """A sender cannot end the line, or stand in two words."""
        self.assertEqual(from_line(SENDER, NOW), FROM)
        line = from_line(Address("a b\nFrom c", "b.example"), 0)
        self.assertEqual(
            line, b'From "a_b_From_c"@b.example Thu Jan  1 00:00:00 1970\n'
        )

    def test_torn_end(self) -> None:
        """What another program left without an empty line gets one."""
        for torn in (b"From x\nhalf", b"From x\nwhole\n"):
            with open(self.path, "wb") as file:
                file.write(torn)
            self.append(b"\n")
            self.assertTrue(self.content().startswith(torn.rstrip() + b"\n\nFrom ann"))


class TroubleTests(MboxTestCase):
    """What goes wrong leaves the file as it was."""

    def test_full_disk(self) -> None:
        """What could not be written whole is taken back."""
        self.append(b"\nfirst\n")
        before = self.content()
        full = OSError(errno.ENOSPC, "No space left on device")
        with mock.patch.object(os, "fsync", side_effect=[full, None]):
            self.assertRaises(InsufficientStorage, self.append, b"\nsecond\n")
        self.assertEqual(self.content(), before)
        self.assertEqual(os.listdir(self.directory), ["box"])

    def test_size(self) -> None:
        """A file may have so many octets."""
        self.assertRaises(OverQuota, self.append, b"x" * 100, most=50)
        self.assertEqual(self.content(), b"")

    def test_no_plain_file(self) -> None:
        """Links, directories and pipes are not written to."""
        target = os.path.join(self.directory, "target")
        with open(target, "wb"):
            pass
        os.symlink(target, self.path)
        self.assertRaises(NotPermitted, self.append, b"")
        os.unlink(self.path)
        os.link(target, self.path)
        self.assertRaises(NotPermitted, self.append, b"")
        os.unlink(self.path)
        os.mkfifo(self.path)
        self.assertRaises(NotPermitted, self.append, b"")
        os.unlink(self.path)
        os.mkdir(self.path)
        self.assertRaises(TemporaryFailure, self.append, b"")

    def test_no_directory(self) -> None:
        """An operator makes the directory one day."""
        self.path = os.path.join(self.directory, "none", "box")
        self.assertRaises(TemporaryFailure, self.append, b"")

    def test_dotlock(self) -> None:
        """A lock file is waited for, and forgotten after a while."""
        lock = self.path + ".lock"
        with open(lock, "wb"):
            pass
        self.assertRaises(InUse, self.append, b"")
        self.assertTrue(os.path.exists(lock))
        self.clock.slept = lambda: os.path.exists(lock) and os.unlink(lock)  # type: ignore[func-returns-value]
        self.append(b"")
        with open(lock, "wb"):
            pass
        self.clock.slept = lambda: None
        os.utime(lock, (0, 0))
        self.append(b"")
        self.assertEqual(os.listdir(self.directory), ["box"])

    def test_fcntl(self) -> None:
        """So is the lock of another process."""
        self.append(b"")
        with subprocess.Popen(
            [sys.executable, "-c", LOCKER, self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as other:
            assert other.stdout is not None
            self.assertEqual(other.stdout.readline(), b"locked\n")
            self.assertRaises(InUse, self.append, b"")
            other.communicate(b"")
        self.append(b"")
        with open(self.path, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@skipIf(os.geteuid() != 0, "needs root")
class OwnerTests(MboxTestCase):
    """A root process writes as the file's owner, and only as that."""

    OTHER = SystemUser("x", 12345, 12346, (), "/")

    def setUp(self) -> None:
        """Have a directory that others come to."""
        super().setUp()
        self.directory = tempfile.mkdtemp(prefix="mailframe-mbox-")
        self.addCleanup(shutil.rmtree, self.directory)
        os.chmod(self.directory, 0o755)
        self.path = os.path.join(self.directory, "box")

    def test_new_file(self) -> None:
        """A new file belongs to whoever is asked for, a system user or that one."""
        self.assertEqual(owner_of(self.path, self.OTHER), (12345, 12346))
        self.assertEqual(owner_of("/none/daemon", self.OTHER), (1, 1))
        self.assertIsNone(owner_of(self.path, None))
        os.chmod(self.directory, 0o777)
        self.append(b"", owner=(12345, 12346))
        found = os.stat(self.path)
        self.assertEqual((found.st_uid, found.st_gid), (12345, 12346))
        self.assertEqual(owner_of(self.path, self.OTHER), (12345, 12346))

    def test_not_allowed(self) -> None:
        """What the owner may not do is not done by root for him."""
        os.chmod(self.directory, 0o700)
        os.chown(self.directory, 12347, 12347)
        self.assertRaises(TemporaryFailure, self.append, b"", owner=(12345, 12346))
        self.append(b"", owner=(12347, 12347))
        # And root is root again.
        self.assertEqual(self.content()[:5], b"From ")
        with open(os.path.join(self.directory, "root"), "wb"):
            pass

    def test_roots(self) -> None:
        """A file of root's stays as it is."""
        self.append(b"")
        self.assertRaises(TemporaryFailure, owner_of, self.path, self.OTHER)

    def test_spool_of_the_system(self) -> None:
        """In /var/mail the group makes the lock file."""
        os.chown(self.directory, 0, 12348)
        os.chmod(self.directory, 0o2775)
        with open(self.path, "wb"):
            pass
        os.chown(self.path, 12345, 12348)
        os.chmod(self.path, 0o660)
        made = []
        unlink = os.unlink

        def noted(name: str) -> None:
            made.append(name)
            unlink(name)

        with mock.patch.object(os, "unlink", noted):
            self.append(b"", owner=(12345, 12348))
        self.assertEqual(made, [self.path + ".lock"])
