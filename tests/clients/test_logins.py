"""Logins put together by a configuration file, by option strings, and misused."""

import imaplib
import poplib
import re
import smtplib
import socket
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.host import Host, environment, run
from tests.peers import require

CONFIG = """\
[auth]
checkers = [
  "passwd:{directory}/users",
  {{ use = "passwd:{directory}/old", migrate-to = "{directory}/moved" }},
  {{ use = "htpasswd:{directory}/web", cache = 60 }},
]
[auth.domains."example.net"]
checkers = ["passwd:{directory}/net"]
[auth.masters]
checkers = ["passwd:{directory}/masters"]
[auth.app-passwords]
[auth.throttle]
free = 3
first = 0.5
most = 0.5
exempt = []
[auth.networks.submission]
deny = ["127.0.0.9"]
[auth.users."bob@example.org"]
allow = ["127.0.0.2"]
services = ["imap", "submission"]
"""

FILES = {
    "users": "alice@example.org:{PLAIN}alice-secret\nbob:{PLAIN}bob-secret\n",
    "old": "carol@example.org:{PLAIN}carol-secret\n",
    "moved": "",
    "web": "dave@example.org:{SHA}Ztuad/ftNAIlMYv8uco6C0z8hVQ=\n",
    "net": "erin:{PLAIN}erin-secret\n",
    "masters": "root:{PLAIN}root-secret\n",
}
SECRETS = ("alice-secret", "bob-secret", "carol-secret", "erin-secret", "root-secret")


class LoginCase(SynchronousTestCase):
    """A host, and ways into it."""

    host: Host

    def imap(self, user: str, password: str, source: str = "127.0.0.1") -> bool:
        """Tell whether IMAP lets somebody in."""
        port = self.host.port["imap"]
        imap = _IMAPFrom(source, port)
        try:
            imap.login(f'"{user}"', password)
        except imaplib.IMAP4.error as error:
            self.assertIn("AUTHENTICATIONFAILED", str(error))
            return False
        finally:
            imap.shutdown()
        return True

    def pop3(self, user: str, password: str) -> bool:
        """Tell whether POP3 does."""
        pop = poplib.POP3("127.0.0.1", self.host.port["pop3"], timeout=20)
        try:
            pop.user(user)
            pop.pass_(password)
            pop.quit()
        except poplib.error_proto as error:
            self.assertIn("[AUTH]", str(error))
            return False
        finally:
            pop.close()
        return True

    def smtp(self, user: str, password: str, source: str = "127.0.0.1") -> bool:
        """Tell whether submission does."""
        port = self.host.port["submission"]
        with smtplib.SMTP(
            "127.0.0.1", port, source_address=(source, 0), timeout=20
        ) as smtp:
            smtp.ehlo("client.example")
            # login() would try once more by LOGIN.
            smtp.user, smtp.password = user, password  # type: ignore[attr-defined]
            try:
                smtp.auth("PLAIN", smtp.auth_plain)  # type: ignore[arg-type]
            except smtplib.SMTPAuthenticationError as error:
                self.assertEqual(error.smtp_code, 535)
                return False
        return True

    def no_secret_is_said(self, *more: str) -> str:
        """See that the log has none; return it."""
        said: str = self.host.program.said()
        for secret in (*SECRETS, *more):
            self.assertNotIn(secret, said)
            self.assertNotIn(b64encode(secret.encode()).decode(), said)
        return said


class _IMAPFrom(imaplib.IMAP4):
    """A client with an address of its own."""

    def __init__(self, source: str, port: int) -> None:
        self._source = source
        super().__init__("127.0.0.1", port, timeout=20)

    def _create_socket(self, timeout: Any) -> socket.socket:
        return socket.create_connection(
            (self.host, self.port), timeout, (self._source, 0)
        )


class ComposedTests(LoginCase):
    """One configuration file with all of it."""

    def setUp(self) -> None:
        """Start a host with it."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        for name, text in FILES.items():
            (self.directory / name).write_text(text)
        config = self.directory / "mailframe.toml"
        config.write_text(CONFIG.format(directory=self.directory))
        self.host = Host(
            f"--config={config}",
            "--domain=example.net",
            services=("imap", "pop3", "submission"),
        )
        self.addCleanup(self.host.close)

    def app_password(self, *arguments: str) -> str:
        """Make one."""
        said = run(
            *(sys.executable, "-m", "mailframe.cli", "app-password"),
            *("add", "--state-dir", str(self.host.state_dir), "--label", "phone"),
            *arguments,
            env=environment(),
        ).stdout
        time.sleep(1.1)
        return said.split()[0].decode()

    def test_fallback_and_domains(self) -> None:
        """Checkers are asked in order; a domain has its own."""
        self.assertTrue(self.imap("alice@example.org", "alice-secret"))
        self.assertTrue(self.imap("alice", "alice-secret"))
        self.assertTrue(self.pop3("erin@example.net", "erin-secret"))
        self.assertFalse(self.pop3("erin", "erin-secret"))
        self.assertFalse(self.imap("alice@example.net", "alice-secret"))
        self.assertTrue(self.smtp("dave@example.org", "dave-secret"))
        self.no_secret_is_said("dave-secret")

    def test_masters(self) -> None:
        """A master is any user who exists, and nobody else is."""
        self.assertTrue(self.imap("alice*root", "root-secret"))
        self.assertTrue(self.pop3("erin@example.net*root", "root-secret"))
        self.assertFalse(self.imap("nobody*root", "root-secret"))
        self.assertFalse(self.imap("root", "root-secret"))
        self.assertFalse(self.imap("alice*root", "alice-secret"))
        self.assertFalse(self.pop3("bob*root", "root-secret"))
        said = self.no_secret_is_said()
        self.assertIn('user="alice*root" as="alice@example.org"', said)

    def test_networks(self) -> None:
        """Services and users have their networks; bob has his services."""
        self.assertTrue(self.smtp("alice", "alice-secret", "127.0.0.8"))
        self.assertFalse(self.smtp("alice", "alice-secret", "127.0.0.9"))
        self.assertTrue(self.imap("bob", "bob-secret", "127.0.0.2"))
        self.assertFalse(self.imap("bob", "bob-secret", "127.0.0.3"))
        self.assertFalse(self.pop3("bob", "bob-secret"))
        said = self.no_secret_is_said()
        self.assertEqual(len(re.findall("reason=(?:network|service)", said)), 3)

    def test_app_passwords(self) -> None:
        """They open what they are for, until they are taken away."""
        secret = self.app_password("--scope", "imap", "alice@example.org")
        self.assertTrue(self.imap("alice", secret))
        self.assertFalse(self.pop3("alice", secret))
        self.assertFalse(self.smtp("alice", secret))
        self.assertFalse(self.imap("carol", secret))
        self.assertTrue(self.imap("alice", "alice-secret"))
        listed = self.host.state_dir / "app-passwords"
        self.assertNotIn(secret, listed.read_text())
        listed.write_text("")
        time.sleep(1.1)
        self.assertFalse(self.imap("alice", secret))
        self.assertIn("reason=scope", self.no_secret_is_said(secret))

    def test_migrate(self) -> None:
        """A hash of the password moves at login; then the new file decides."""
        self.assertFalse(self.imap("carol", "wrong"))
        moved = self.directory / "moved"
        self.assertEqual(moved.read_text(), "")
        self.assertTrue(self.imap("carol", "carol-secret"))
        self.assertIn("carol@example.org:{ARGON2ID}", moved.read_text())
        self.assertNotIn("carol-secret", moved.read_text())
        (self.directory / "old").write_text("carol@example.org:{PLAIN}other\n")
        time.sleep(1.1)
        self.assertTrue(self.imap("carol", "carol-secret"))
        self.assertFalse(self.imap("carol", "other"))

    def test_cache(self) -> None:
        """A right password is right for a while though its file is gone."""
        self.assertTrue(self.imap("dave", "dave-secret"))
        (self.directory / "web").write_text("")
        time.sleep(1.1)
        self.assertTrue(self.imap("dave", "dave-secret"))
        self.assertFalse(self.imap("dave", "dave-other"))

    def test_guesses(self) -> None:
        """Who guesses waits, on all ports together, and a filter finds him."""
        # So long that no busy machine makes up for it.
        config = self.directory / "mailframe.toml"
        config.write_text(config.read_text().replace("= 0.5", "= 3"))
        self.host.program.stop()
        self.host.start()
        ways: tuple[Callable[..., bool], ...] = (self.imap, self.pop3, self.smtp)

        def spent(way: Callable[..., bool]) -> float:
            begun = time.monotonic()
            self.assertFalse(way("nobody", "alice-secret"))
            return time.monotonic() - begun

        for way in ways:
            self.assertLess(spent(way), 2.9)
        with ThreadPoolExecutor() as threads:
            self.assertGreater(min(threads.map(spent, ways)), 2.9)
        said = self.no_secret_is_said()
        log = self.directory / "log"
        log.write_text(said)
        found = run(
            require("fail2ban-regex"),
            *("-o", "ip", str(log)),
            str(Path(__file__).parents[2] / "docs" / "fail2ban" / "mailframe.conf"),
        ).stdout
        self.assertEqual(found.split(), [b"127.0.0.1"] * 6)

    def test_attempts(self) -> None:
        """A connection has three of them."""
        port = self.host.port["pop3"]
        pop = poplib.POP3("127.0.0.1", port, timeout=20)
        for _ in range(3):
            pop.user("alice")
            self.assertRaises(poplib.error_proto, pop.pass_, "wrong")
        self.assertRaises((poplib.error_proto, OSError), pop.noop)
        pop.close()
        for service, line, wrong in (
            ("submission", b"AUTH PLAIN AGEAYg==\r\n", b"535"),
            ("imap", b"a LOGIN a b\r\n", b"a NO"),
        ):
            with socket.create_connection(("127.0.0.1", self.host.port[service])) as s:
                s.sendall((b"EHLO x\r\n" if service != "imap" else b"") + line * 5)
                heard = b""
                while piece := s.recv(4096):
                    heard += piece
            self.assertEqual(heard.count(wrong) + heard.count(b"\r\n421 "), 3, heard)


class OptionTests(LoginCase):
    """The same by ``--auth`` alone, with Twisted's own checkers."""

    def start(self, *auth: str) -> None:
        """Start a host."""
        self.host = Host(*auth, services=("imap", "pop3", "submission", "lmtp"))
        self.addCleanup(self.host.close)

    def test_twisted(self) -> None:
        """``memory``, ``file`` and ``unix`` in their order, and who gets mail."""
        path = Path(self.mktemp()).absolute()
        path.write_text("bob:bob-secret\nalice:bob-secret\n")
        self.start(
            "--auth=memory:alice:alice-secret", f"--auth=file:{path}", "--auth=unix"
        )
        for way in (self.imap, self.pop3, self.smtp):
            self.assertTrue(way("alice", "alice-secret"))
            self.assertTrue(way("alice@example.org", "bob-secret"))
            self.assertTrue(way("bob", "bob-secret"))
            self.assertFalse(way("nobody", "bob-secret"))
            self.assertFalse(way("alice", ""))
        with smtplib.LMTP("127.0.0.1", self.host.port["lmtp"]) as lmtp:
            refused = lmtp.sendmail(
                "x@example.net", ["bob@example.org", "no@example.org"], "Subject: x\n\n"
            )
        self.assertEqual(list(refused), ["no@example.org"])
        self.no_secret_is_said()

    def test_anonymous(self) -> None:
        """``anonymous`` is offered beside another, and is nobody else."""
        self.start("--auth=anonymous", "--auth=memory:alice:alice-secret")
        with imaplib.IMAP4("127.0.0.1", self.host.port["imap"]) as imap:
            self.assertIn("AUTH=ANONYMOUS", imap.capabilities)
            imap.authenticate("ANONYMOUS", lambda challenge: b"trace")
            self.assertEqual(imap.select()[0], "OK")
        self.assertTrue(self.imap("alice", "alice-secret"))
        self.assertFalse(self.imap("anonymous", "x"))
        self.assertIn('as="anonymous@example.org"', self.no_secret_is_said())
