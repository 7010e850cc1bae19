"""What an operator does wrong: one clear line, and no traceback."""

import imaplib
import shutil
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.host import START_TIMEOUT, Host, environment, free_ports, twistd
from tests.nursery import Forked


class OperatorErrorTests(SynchronousTestCase):
    """The program ends, or goes on, and says why."""

    def setUp(self) -> None:
        """Have an empty directory."""
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-errors-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def refused(self, *options: str) -> str:
        """Run with options that are wrong; return the one line that is said."""
        path = self.directory / "said.txt"
        with path.open("wb") as file:
            program = Forked(
                twistd("-n", "mailframe", *options),
                cwd=self.directory,
                env=environment(),
                stdout=file,
            )
        self.addCleanup(program.kill)
        status = program.wait(START_TIMEOUT)
        said = path.read_text()
        self.assertNotEqual(status, 0, said)
        self.assertNotIn("Traceback", said)
        lines = [line for line in said.splitlines() if line.strip()]
        wanted = [line for line in lines if "mailframe:" in line or "--" in line]
        self.assertTrue(wanted, said)
        return lines[-1]

    def test_options(self) -> None:
        """A wrong option is named."""
        for options, expected in (
            (["--imap=nonsense"], "--imap"),
            (["--imap=bogus:1"], "--imap"),
            (["--auth=nosuch:x"], "--auth"),
            (["--realm=nosuch:x"], "--realm"),
            (["--realm=maildir:"], "--realm"),
            (["--domain=not a domain"], "--domain"),
            (["--config=missing.toml"], "missing.toml"),
            (["--tls-key=key.pem"], "--tls-certificate"),
            (["--check=nosuch:x"], "nosuch"),
            (["--relay-from=nonsense"], "nonsense"),
            (["--raise-priority=everybody"], "--raise-priority"),
            (["--priority-policy=two words"], "--priority-policy"),
            (["--public-address=mx.example.org"], "--public-address"),
            (["--virtual=nosuch:x"], "--virtual"),
        ):
            self.assertIn(expected, self.refused(*options), options)

    def test_planned(self) -> None:
        """What comes later is refused by name."""
        for option in (
            "--realm=postgresql:x",
            "--workers=4",
        ):
            line = self.refused(option)
            self.assertIn(option.partition("=")[0], line)
            self.assertIn("not part of this version", line)

    def test_config_key(self) -> None:
        """An unknown key of the file is answered with the nearest known one."""
        (self.directory / "host.toml").write_text('domian = "example.org"\n')
        line = self.refused("--config=host.toml")
        self.assertIn("'domian'", line)
        self.assertIn("'domain'", line)

    def test_certificate(self) -> None:
        """A certificate that cannot be read, or is none."""
        (self.directory / "junk.pem").write_text("junk\n")
        self.assertIn("missing.pem", self.refused("--tls-certificate=missing.pem"))
        self.assertIn("junk.pem", self.refused("--tls-certificate=junk.pem"))

    def test_port_in_use(self) -> None:
        """A port somebody else has."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            line = self.refused(f"--imap=tcp:{port}:interface=127.0.0.1")
        self.assertIn(f"tcp:{port}", line)
        self.assertIn("in use", line)

    def test_bad_passwd_line(self) -> None:
        """A bad line is named with its number; other users still log in."""
        host = Host(services=("imap",))
        self.addCleanup(host.close)
        with host.passwd.open("a") as file:
            file.write("carol@example.org:{NOSUCH}x\n")
            file.write("dave@example.org:{PLAIN}dave-secret\n")
        host.program.stop()
        host.start()
        with imaplib.IMAP4("127.0.0.1", host.port["imap"]) as imap:
            imap.login("dave@example.org", "dave-secret")
        with imaplib.IMAP4("127.0.0.1", host.port["imap"]) as imap:
            with self.assertRaises(imaplib.IMAP4.error):
                imap.login("carol@example.org", "x")
        self.assertIn("line 3", host.program.said())
        self.assertNotIn("dave-secret", host.program.said())

    def test_toml(self) -> None:
        """The file has the same keys as the command line."""
        (port,) = free_ports(1)
        config = self.directory / "host.toml"
        config.write_text(
            'hostname = "mail.example.org"\n'
            'domain = ["example.org", "example.net"]\n'
            f'imap = "tcp:{port}:interface=127.0.0.1"\n'
        )
        host = Host(f"--config={config}", services=("pop3",))
        self.addCleanup(host.close)
        host.program.wait_for(port)
        with imaplib.IMAP4("127.0.0.1", port) as imap:
            self.assertIn(b"mail.example.org", imap.welcome)
