"""Tests of :mod:`mailframe.auth.passwd_file`."""

import os
import stat
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.passwd_file import PasswdFile

FILE = (
    b"# users of example.org\r\n"
    b"\n"
    b"alice@example.org:{PLAIN}a:1:2::/home:/bin/sh:quota=1G x=a:b\r\n"
    b"rubbish \xff\n"
    b"bob:{PLAIN}b\n"
    b"alice@Example.ORG:{PLAIN}twice"
)

# Adds users that no other process adds, one change after another.
ADDER = """\
import sys
from mailframe.auth.passwd_file import PasswdFile
file = PasswdFile(sys.argv[1])
for number in range(25):
    file.add(f"{sys.argv[2]}{number}@example.org", "{PLAIN}x")
"""


class PasswdFileTests(SynchronousTestCase):
    """One user changes; every other octet stays."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.file = PasswdFile(self.path)

    def write(self, octets: bytes = FILE) -> None:
        """Make the file have these octets."""
        with open(self.path, "wb") as file:
            file.write(octets)

    def read(self) -> bytes:
        """Return the file's octets."""
        with open(self.path, "rb") as file:
            return file.read()

    def mode(self) -> int:
        """Return the file's permissions."""
        return stat.S_IMODE(os.stat(self.path).st_mode)

    def test_new_file(self) -> None:
        """The first user makes the file, for nobody else to read."""
        self.assertEqual(self.file.names(), [])
        self.file.add("alice@Example.ORG", "{PLAIN}x")
        self.assertEqual(self.read(), b"alice@example.org:{PLAIN}x\n")
        self.assertEqual(self.mode(), 0o600)

    def test_add(self) -> None:
        """A user is added on a line of its own."""
        self.write()
        self.file.add("carl", "{PLAIN}c")
        self.assertEqual(self.read(), FILE + b"\ncarl:{PLAIN}c\n")
        self.assertEqual(self.file.names()[-1], "carl")

    def test_add_refused(self) -> None:
        """No second user of a name, and no name that cannot be one."""
        self.write()
        for name in (
            "alice@example.org", "Alice@EXAMPLE.org", "bob", "", "a:b@c", "a b@c",
            "a\n@c", "a@b@c", "@c", "a@", "a\x7f", "a\u2028b",
        ):  # fmt: skip
            self.assertRaises(ValueError, self.file.add, name, "{PLAIN}x")
            self.assertRaises(ValueError, self.file.check_new, name)
        self.assertEqual(self.read(), FILE)

    def test_set_password(self) -> None:
        """The rest of the line stays, and its line end."""
        self.write()
        self.file.set_password("alice@example.org", "{X}new")
        self.file.set_password("bob", "{X}new")
        self.assertEqual(
            self.read(),
            FILE.replace(b"{PLAIN}a", b"{X}new").replace(b"{PLAIN}b", b"{X}new"),
        )

    def test_remove(self) -> None:
        """All lines of the user go: none of them lets anybody in afterwards."""
        self.write()
        self.file.remove("alice@example.org")
        lines = FILE.splitlines(keepends=True)
        self.assertEqual(self.read(), b"".join(lines[:2] + lines[3:5]))
        self.assertEqual(self.file.names(), ["bob"])

    def test_unknown(self) -> None:
        """Who is not there cannot be changed."""
        self.write()
        for call in (
            lambda: self.file.set_password("carl", "{PLAIN}x"),
            lambda: self.file.remove("carl"),
            lambda: self.file.check_known("carl"),
        ):
            self.assertRaises(ValueError, call)
        self.file.check_known("alice@EXAMPLE.org")
        self.assertEqual(self.read(), FILE)

    def test_mode_stays(self) -> None:
        """Permissions stay as they were, and a link stays a link."""
        self.write()
        os.chmod(self.path, 0o640)
        link = self.mktemp()
        os.symlink(os.path.abspath(self.path), link)
        PasswdFile(link).add("carl", "{PLAIN}c")
        self.assertEqual(self.mode(), 0o640)
        self.assertTrue(os.path.islink(link))
        self.assertIn("carl", self.file.names())

    def test_failure_leaves_all(self) -> None:
        """When it cannot be replaced, it is as it was and nothing lies about."""
        self.write()

        def names() -> set[str]:
            return set(os.listdir(os.path.dirname(os.path.abspath(self.path))))

        before = names()

        def fails(*_: object) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "fsync", fails)
        self.assertRaises(OSError, self.file.add, "carl", "{PLAIN}c")
        self.assertEqual(self.read(), FILE)
        self.assertEqual(names() - before, {os.path.basename(self.path) + ".lock"})

    def test_two_processes(self) -> None:
        """Of two who edit at a time neither loses what the other did."""
        running = [
            subprocess.Popen([sys.executable, "-c", ADDER, self.path, name])
            for name in ("a", "b")
        ]
        self.assertEqual([one.wait(60) for one in running], [0, 0])
        self.assertEqual(
            sorted(self.file.names()),
            sorted(f"{name}{n}@example.org" for name in "ab" for n in range(25)),
        )
