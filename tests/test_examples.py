"""The example programs run and do what they say."""

import imaplib
import shutil
import smtplib
import sys
import tempfile
import urllib.request
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.host import ROOT, Program, environment, free_ports, twistd

EXAMPLES = ROOT / "examples"


class ExampleTests(SynchronousTestCase):
    """Each example as its own program."""

    def setUp(self) -> None:
        """Have an empty directory."""
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-example-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def run_program(
        self, arguments: list[str], ports: list[int], env: dict[str, str]
    ) -> Program:
        """Start a program that is stopped after the test."""
        program = Program(arguments, self.directory, ports, env)
        self.addCleanup(program.stop)
        return program

    def test_imap_memory(self) -> None:
        """A note posted to the web page can be read over IMAP."""
        web, imap = free_ports(2)
        self.run_program(
            [sys.executable, str(EXAMPLES / "imap_memory.py"), str(web), str(imap)],
            [web, imap],
            environment(),
        )
        with imaplib.IMAP4("127.0.0.1", imap) as client:
            client.login("guest@localhost", "guest")
            client.select()
            url = f"http://127.0.0.1:{web}/"
            with urllib.request.urlopen(url, b"Nice page.", 10) as answer:
                self.assertEqual(answer.read(), b"thank you, note 1\n")
            client.noop()
            self.assertEqual(client.untagged_responses["EXISTS"][-1], b"1")
            _, found = client.fetch("1", "BODY.PEEK[TEXT]")
            self.assertEqual(found[0][1], b"Nice page.\r\n")

    def test_smtp_sink(self) -> None:
        """A message to anybody is taken and counted."""
        (port,) = free_ports(1)
        program = self.run_program(
            [sys.executable, str(EXAMPLES / "smtp_sink.py"), str(port)],
            [port],
            environment(),
        )
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.sendmail("a@b.example", ["c@d.example", "e@f.example"], "hello\n")
        self.assertIn("sink-1: 7 octets for 2", program.said())

    def test_whole_host(self) -> None:
        """The host is one service of an application of its own."""
        smtp, imap = free_ports(2)
        state = self.directory / "example-mail"
        state.mkdir()
        (state / "passwd").write_text("alice@example.org:{PLAIN}wonderland\n")
        self.run_program(
            twistd("-noy", str(EXAMPLES / "whole_host.py")),
            [smtp, imap],
            {
                **environment(),
                "SMTP": f"tcp:{smtp}:interface=127.0.0.1",
                "IMAP": f"tcp:{imap}:interface=127.0.0.1",
            },
        )
        self.deliver_and_read(smtp, imap, "alice@example.org", "wonderland")

    def test_custom_checker(self) -> None:
        """A checker found through its dropin lets its users in."""
        smtp, imap = free_ports(2)
        (self.directory / "secret").write_text("wonderland\n")
        self.run_program(
            twistd(
                "-n",
                "mailframe",
                "--domain=example.org",
                "--auth=shared:example.org:secret",
                f"--smtp=tcp:{smtp}:interface=127.0.0.1",
                f"--imap=tcp:{imap}:interface=127.0.0.1",
            ),
            [smtp, imap],
            environment(EXAMPLES / "custom_checker"),
        )
        self.deliver_and_read(smtp, imap, "anybody@example.org", "wonderland")

    def test_custom_realm(self) -> None:
        """A realm found through its dropin keeps the mail."""
        smtp, imap = free_ports(2)
        state = self.directory / "state"
        state.mkdir()
        (state / "passwd").write_text(
            "alice@example.org:{PLAIN}a\nbob@example.org:{PLAIN}b\n"
        )
        self.run_program(
            twistd(
                "-n",
                "mailframe",
                "--domain=example.org",
                "--realm=team:",
                f"--state-dir={state}",
                f"--smtp=tcp:{smtp}:interface=127.0.0.1",
                f"--imap=tcp:{imap}:interface=127.0.0.1",
            ),
            [smtp, imap],
            environment(EXAMPLES / "custom_realm"),
        )
        self.deliver_and_read(smtp, imap, "alice@example.org", "a")
        with imaplib.IMAP4("127.0.0.1", imap) as client:
            client.login("bob@example.org", "b")
            self.assertEqual(client.select()[1], [b"1"])

    def deliver_and_read(self, smtp: int, imap: int, user: str, password: str) -> None:
        """Send a message to a user and have the user read it."""
        with smtplib.SMTP("127.0.0.1", smtp, timeout=10) as client:
            client.sendmail("x@example.net", [user], "Subject: hello\n\nworld\n")
        with imaplib.IMAP4("127.0.0.1", imap) as client:
            client.login(user, password)
            self.assertEqual(client.select()[1], [b"1"])
            _, found = client.fetch("1", "BODY.PEEK[TEXT]")
            self.assertEqual(found[0][1], b"world\r\n")
