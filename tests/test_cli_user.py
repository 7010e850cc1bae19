"""Tests of :mod:`mailframe.cli` and :mod:`mailframe.cli_user`."""

import getpass
import io
import os
import stat
import sys
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from mailframe import cli_user
from mailframe.auth.passwd_file import PasswdFile
from mailframe.auth.passwd_line import parse_line
from mailframe.auth.password_hash import verify
from mailframe.cli import main


class Terminal(io.StringIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


class UserTests(SynchronousTestCase):
    """``mailframe user`` does what it says, or says in one line why not."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)
        self.type("")

    def type(self, text: str) -> None:
        """Give standard input to read."""
        self.patch(sys, "stdin", io.StringIO(text))

    def prompt(self, *answers: str) -> None:
        """Sit at the terminal and answer the prompts."""
        left: Iterator[str] = iter(answers)
        self.patch(sys, "stdin", Terminal())
        self.patch(getpass, "getpass", lambda prompt: next(left))

    def run_user(self, *arguments: str) -> int:
        """Run ``mailframe user``."""
        return main(["user", arguments[0], "--file", self.path, *arguments[1:]])

    def assert_refused(self, code: int, words: str) -> None:
        """Make sure there was one line of complaint, with these words."""
        text = self.err.getvalue()
        self.assertEqual(text.count("\n"), 1, text)
        self.assertIn(words, text)

    def stored(self, name: str) -> str:
        """Return what the file has of somebody's password."""
        with open(self.path, "rb") as file:
            for line in file.read().splitlines():
                found = parse_line(1, line)
                if found and found.name == name:
                    return found.stored
        raise AssertionError(name)

    def test_add_at_prompt(self) -> None:
        """At a terminal the password is asked for twice; only its hash is kept."""
        self.prompt("pä ss", "pä ss")
        self.assertEqual(self.run_user("add", "alice@Example.org"), 0)
        stored = self.stored("alice@example.org")
        self.assertTrue(stored.startswith("{ARGON2ID}"))
        self.assertTrue(verify("pä ss".encode(), stored))

    def test_prompts_differ(self) -> None:
        """Two that differ are refused."""
        self.prompt("one", "other")
        self.assertEqual(self.run_user("add", "alice@example.org"), 1)
        self.assert_refused(1, "differ")
        self.assertFalse(os.path.exists(self.path))

    def test_standard_input(self) -> None:
        """Without a terminal, or when told to, one line of input is the password."""
        self.type("secret\r\nmore\n")
        self.assertEqual(self.run_user("add", "alice@example.org"), 0)
        self.assertTrue(verify(b"secret", self.stored("alice@example.org")))
        self.patch(sys, "stdin", Terminal("other\n"))
        self.assertEqual(self.run_user("passwd", "alice@example.org", "--stdin"), 0)
        self.assertTrue(verify(b"other", self.stored("alice@example.org")))

    def test_bad_passwords(self) -> None:
        """What no login could present is no password."""
        for text in ("", "\n", "a\tb\n", "x" * 1025):
            self.type(text)
            self.assertEqual(self.run_user("add", "alice@example.org"), 1)
        self.assertEqual(self.err.getvalue().count("\n"), 4)
        self.assertFalse(os.path.exists(self.path))

    def test_refused_before_asking(self) -> None:
        """Nobody types a password for a user that cannot be."""
        PasswdFile(self.path).add("alice@example.org", "{PLAIN}x")
        self.patch(cli_user, "_new_hash", lambda arguments: self.fail("asked"))
        self.assertEqual(self.run_user("add", "ALICE@example.org"), 1)
        self.assert_refused(1, "alice@example.org already")
        self.assertEqual(self.run_user("add", "a:b@example.org"), 1)
        self.assertEqual(self.run_user("add", "a\nb@example.org"), 1)
        self.assertEqual(self.run_user("passwd", "bob@example.org"), 1)
        self.assertEqual(self.err.getvalue().count("\n"), 4)

    def test_delete_and_list(self) -> None:
        """Users are listed one a line, and deleted one by one."""
        for name in ("alice@example.org", "bob"):
            PasswdFile(self.path).add(name, "{PLAIN}x")
        self.assertEqual(self.run_user("list"), 0)
        self.assertEqual(self.out.getvalue(), "alice@example.org\nbob\n")
        self.assertEqual(self.run_user("del", "alice@example.org"), 0)
        self.assertEqual(PasswdFile(self.path).names(), ["bob"])
        self.assertEqual(self.run_user("del", "alice@example.org"), 1)
        self.assert_refused(1, "no user alice@example.org")

    def test_state_dir(self) -> None:
        """A state directory is made as the host makes it, for nobody else to read."""
        state_dir = os.path.join(self.mktemp(), "state")
        self.type("secret\n")
        code = main(["user", "add", "--state-dir", state_dir, "alice@example.org"])
        self.assertEqual((code, self.err.getvalue()), (0, ""))
        self.assertEqual(stat.S_IMODE(os.stat(state_dir).st_mode), 0o700)
        self.assertEqual(
            PasswdFile(os.path.join(state_dir, "passwd")).names(), ["alice@example.org"]
        )

    def test_no_such_directory(self) -> None:
        """A file in a directory that is not there is one line, and no traceback."""
        self.type("secret\n")
        path = os.path.join(self.path, "passwd")
        self.assertEqual(main(["user", "add", "--file", path, "alice@a.example"]), 1)
        self.assert_refused(1, "No such file or directory")

    def test_bad_arguments(self) -> None:
        """Wrong arguments are one line and end with 2."""
        for arguments in (
            [], ["user"], ["nothing"], ["user", "add"], ["user", "list", "x"],
            ["user", "list", "--file", "a", "--state-dir", "b"],
        ):  # fmt: skip
            self.err.truncate(0)
            self.err.seek(0)
            self.assertEqual(main(arguments), 2, arguments)
            self.assert_refused(2, "--help")

    def test_help(self) -> None:
        """Asking for help is no error."""
        self.assertEqual(main(["user", "add", "--help"]), 0)
        self.assertIn("--state-dir", self.out.getvalue())

    def test_interrupted(self) -> None:
        """An interrupt ends quietly; an end of input at the prompt is told."""

        def interrupt(prompt: str) -> str:
            raise KeyboardInterrupt

        def end(prompt: str) -> str:
            raise EOFError

        self.prompt()
        self.patch(getpass, "getpass", interrupt)
        self.assertEqual(self.run_user("add", "alice@example.org"), 130)
        self.assertEqual(self.err.getvalue(), "\n")
        self.patch(getpass, "getpass", end)
        self.assertEqual(self.run_user("add", "alice@example.org"), 1)
        self.assertIn("no password", self.err.getvalue())
