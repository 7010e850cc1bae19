"""Tests of :mod:`mailframe.cli_app_password`."""

import getpass
import io
import os
import re
import sys
import time
from base64 import b32decode
from urllib.parse import parse_qs, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.app_passwords import AppPasswordFile
from mailframe.auth.totp import code_at
from mailframe.cli import main

NOW = 1_800_000_000


class AppPasswordTests(SynchronousTestCase):
    """``mailframe app-password`` does what it says, or says in one line why not."""

    def setUp(self) -> None:
        self.state_dir = self.mktemp()
        os.mkdir(self.state_dir)
        self.patch(time, "time", lambda: NOW)
        self.type("")

    def type(self, text: str, *, terminal: bool = False) -> None:
        """Give standard input to read."""
        stdin = io.StringIO(text)
        self.patch(stdin, "isatty", lambda: terminal)
        self.patch(sys, "stdin", stdin)

    def run_command(self, action: str, *arguments: str) -> int:
        """Run it; keep what it says."""
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)
        return main(["app-password", action, "--state-dir", self.state_dir, *arguments])

    def assert_refused(self, words: str, action: str, *arguments: str) -> None:
        """Make sure there is one line of complaint, with these words."""
        self.assertEqual(self.run_command(action, *arguments), 1)
        text = self.err.getvalue()
        self.assertEqual(text.count("\n"), 1, text)
        self.assertIn(words, text)

    def add(self, *arguments: str) -> int:
        """Make a password of one user."""
        return self.run_command(
            "add", "alice@example.org", "--label", "phone", *arguments
        )

    def file(self) -> AppPasswordFile:
        """Return what there is now."""
        return AppPasswordFile(os.path.join(self.state_dir, "app-passwords"))

    def enrol(self) -> bytes:
        """Give the user an authenticator app; return its key."""
        self.assertEqual(self.run_command("enrol", "alice@example.org"), 0)
        said = parse_qs(urlsplit(self.out.getvalue().strip()).query)
        return b32decode(said["secret"][0])

    def test_add(self) -> None:
        """The secret is shown, once; scope and expiry are kept."""
        self.assertEqual(
            self.add(*["--scope", "imap", "--scope", "pop3", "--days", "2"]), 0
        )
        shown = re.match(r"(\S{31})    \(ID (\w+); ", self.out.getvalue())
        assert shown
        [made] = self.file().list()
        self.assertEqual(made.id, shown[2])
        self.assertEqual(made.scope, {"imap", "pop3"})
        self.assertEqual(made.expires, NOW + 2 * 86_400)
        with open(os.path.join(self.state_dir, "app-passwords")) as file:
            self.assertNotIn(shown[1], file.read())

    def test_all_services(self) -> None:
        """Without a scope it opens all, without days for ever."""
        self.add()
        [made] = self.file().list()
        self.assertEqual((len(made.scope), made.expires), (3, 0))

    def test_list_and_delete(self) -> None:
        """A line for each; one is taken away by its ID."""
        self.add("--scope", "imap", "--days", "30")
        self.add()
        one, two = self.file().list()
        self.assertEqual(self.run_command("list"), 0)
        lines = self.out.getvalue().splitlines()
        self.assertRegex(
            lines[0], rf"alice@example.org  {one.id}  imap  2027-02-\d\d  phone"
        )
        self.assertIn("imap,pop3,submission  always  phone", lines[1])
        self.assertEqual(self.run_command("list", "bob@example.org"), 0)
        self.assertEqual(self.out.getvalue(), "")
        self.assertEqual(self.run_command("del", "alice@example.org", one.id), 0)
        self.assertEqual(self.file().list(), [two])
        self.assert_refused("no app password", "del", "alice@example.org", one.id)

    def test_code(self) -> None:
        """Who has an authenticator app must show a code, each once."""
        key = self.enrol()
        code = code_at(key, NOW // 30)
        for text in ("", "123\n"):
            self.type(text)
            self.assertEqual(self.add(), 1)
        self.type(f"{code}\n")
        self.assertEqual(self.add(), 0)
        self.type(f"{code}\n")
        self.assertEqual(self.add(), 1)
        self.assertEqual(len(self.file().list()), 1)
        self.assertEqual(self.run_command("unenrol", "alice@example.org"), 0)
        self.assertEqual(self.add(), 0)
        self.assert_refused("no authenticator", "unenrol", "alice@example.org")

    def test_code_at_prompt(self) -> None:
        """At a terminal it is asked for, and not shown."""
        code = code_at(self.enrol(), NOW // 30)
        self.type("", terminal=True)
        self.patch(getpass, "getpass", lambda prompt: code)
        self.assertEqual(self.add(), 0)

        def end(prompt: str) -> str:
            raise EOFError

        self.patch(getpass, "getpass", end)
        self.assertEqual(self.add(), 1)
        self.assertIn("no code", self.err.getvalue())

    def test_refused(self) -> None:
        """What cannot be is told in one line."""
        self.assert_refused("address", "add", "alice", "--label", "x")
        self.assert_refused("label", "add", "a@b", "--label", "")
        self.assert_refused("--days", "add", "a@b", "--label", "x", "--days", "-1")
        self.assert_refused("address", "enrol", "alice")
        self.assertEqual(self.run_command("add", "a@b"), 2)
        self.assertEqual(self.add("--scope", "smtp"), 2)
        self.state_dir = os.path.join(self.state_dir, "none")
        self.assert_refused("No such file", "add", "a@b", "--label", "x")
