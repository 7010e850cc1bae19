"""Directories, databases and identity providers behind a whole host."""

import imaplib
import json
import os
import smtplib
import sqlite3
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.auth.ldap_world import ENTRIES
from tests.auth.slapd import BASE, SERVICE_DN, SERVICE_PASSWORD, Slapd
from tests.auth.test_oauth import ISSUER, KEYS, RSA, token
from tests.clients.test_logins import LoginCase
from tests.host import Host, run
from tests.peers import require


class BackendCase(LoginCase):
    """A host whose users are elsewhere."""

    def start(self, kind: str, text: str, *more: str) -> None:
        """Start one with a file of options."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        path = self.directory / f"{kind}.toml"
        path.write_text(dedent(text))
        self.host = Host(
            f"--auth={kind}:{path}",
            *more,
            services=("imap", "pop3", "submission", "lmtp"),
        )
        self.addCleanup(self.host.close)

    def recipients(self, *names: str) -> list[int]:
        """Return the codes of RCPT TO."""
        with smtplib.LMTP("127.0.0.1", self.host.port["lmtp"]) as lmtp:
            lmtp.ehlo("client.example")
            lmtp.mail("x@example.net")
            return [lmtp.rcpt(f"{name}@example.org")[0] for name in names]

    def deferred(self, user: str, password: str) -> None:
        """See that every protocol says: later."""
        port = self.host.port
        with imaplib.IMAP4("127.0.0.1", port["imap"]) as imap:
            with self.assertRaisesRegex(imaplib.IMAP4.error, "UNAVAILABLE"):
                imap.login(user, password)
        with smtplib.SMTP("127.0.0.1", port["submission"]) as smtp:
            smtp.ehlo("client.example")
            with self.assertRaises(smtplib.SMTPAuthenticationError) as failed:
                smtp.login(user, password)
            self.assertEqual(failed.exception.smtp_code, 454)
        with self.assertRaisesRegex(AssertionError, "SYS/TEMP"):
            self.pop3(user, password)
        self.assertEqual(self.recipients("bob", "nobody"), [451, 451])

    def quota(self, user: str, password: str) -> bytes:
        """Return what IMAP says of it."""
        with imaplib.IMAP4("127.0.0.1", self.host.port["imap"]) as imap:
            imap.login(user, password)
            found: Any = imap.getquotaroot("INBOX")
            octets: bytes = found[1][1][0]
            return octets

    def ways(self) -> tuple[Callable[..., bool], ...]:
        """Return the ways in."""
        return self.imap, self.pop3, self.smtp


class SQLTests(BackendCase):
    """SQLite, with all a query can say."""

    def test_sql(self) -> None:
        """Logins, recipients, aliases, quota and forward come from the tables."""
        path = Path(self.mktemp()).absolute()
        with sqlite3.connect(path) as database:
            database.executescript(
                """
                CREATE TABLE users (address, password, quota, forward, nologin);
                INSERT INTO users VALUES
                    ('alice@example.org', '{PLAIN}alice-secret', '2M', NULL, NULL),
                    ('bob@example.org', '{PLAIN}bob-secret', NULL,
                     'alice@example.org', NULL),
                    ('eve@example.org', '{PLAIN}eve-secret', NULL, NULL, 'y');
                CREATE TABLE aliases (alias, address);
                INSERT INTO aliases VALUES ('sales@example.org', 'alice@example.org');
                """
            )
        self.start(
            "sql",
            f"""
            database = "sqlite:{path}"
            [login]
            query = "SELECT password, address FROM users WHERE address = :user"
            [find]
            query = '''SELECT address, quota, forward, nologin FROM users
                WHERE address = :user OR address =
                    (SELECT address FROM aliases WHERE alias = :user)'''
            [aliases]
            query = "SELECT alias FROM aliases WHERE address = :user"
            [cache]
            positive = 0
            negative = 0
            """,
        )
        for way in self.ways():
            self.assertTrue(way("alice@example.org", "alice-secret"))
            self.assertFalse(way("alice@example.org", "bob-secret"))
            self.assertFalse(way("eve@example.org", "eve-secret"))
            self.assertFalse(way("' OR 1=1 --@example.org", "alice-secret"))
        found = self.recipients("alice", "sales", "eve", "nobody")
        self.assertEqual(found, [250, 250, 250, 550])
        with smtplib.LMTP("127.0.0.1", self.host.port["lmtp"]) as lmtp:
            lmtp.sendmail("x@example.net", ["bob@example.org"], "Subject: x\n\n")
        self.assertIn(b"(STORAGE 1 2048)", self.quota("alice", "alice-secret"))
        os.rename(path, f"{path}.away")
        self.deferred("alice@example.org", "alice-secret")
        os.rename(f"{path}.away", path)
        self.assertTrue(self.imap("alice@example.org", "alice-secret"))
        self.no_secret_is_said()


class LDAPTests(BackendCase):
    """A slapd, with the file of the how-to."""

    def test_ldap(self) -> None:
        """The same from a directory, which may go away and come again."""
        slapd = Slapd(ENTRIES)
        self.addCleanup(slapd.close)
        self.start(
            "ldap",
            f"""
            servers = ["{slapd.url()}"]
            ca = "{slapd.ca}"
            base = "ou=people,{BASE}"
            [service]
            dn = "{SERVICE_DN}"
            password = "{SERVICE_PASSWORD}"
            [login]
            filter = "(|(uid={{local}})(mail={{user}}))"
            [attributes]
            quota = "employeeNumber"
            home = "homeDirectory"
            [limits]
            retry = 0.1
            [cache]
            positive = 0
            negative = 0
            """,
        )
        for way in self.ways():
            self.assertTrue(way("bob@example.org", "bob"))
            self.assertFalse(way("bob@example.org", "wrong"))
            self.assertFalse(way("bob@example.org", ""))
            self.assertFalse(way("*@example.org", "bob"))
        self.assertEqual(self.recipients("bob", "sales", "no"), [250, 250, 550])
        slapd.stop()
        self.deferred("bob@example.org", "bob")
        slapd.start()
        self.assertTrue(self.imap("bob@example.org", "bob"))
        self.no_secret_is_said(SERVICE_PASSWORD)


class _Keys(BaseHTTPRequestHandler):
    """Answers with the keys of an issuer."""

    def do_GET(self) -> None:
        """Answer."""
        octets = json.dumps({"keys": KEYS}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Say nothing."""


class OAuthTests(BackendCase):
    """Tokens of an issuer, brought by curl."""

    def test_oauth(self) -> None:
        """A good token opens all services, another none; none is in the log."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Keys)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        users = Path(self.mktemp()).absolute()
        users.write_text("alice@example.org:\n")
        self.start(
            "oauth",
            f"""
            issuer = "{ISSUER}"
            audience = ["mail"]
            keys = "http://127.0.0.1:{server.server_port}/keys"
            """,
            f"--auth=passwd:{users}",
        )
        good = token(RSA)
        for bearer, status in ((good, 0), (token(RSA, exp=1), 67)):
            for service in ("imap", "pop3"):
                done = run(
                    *(require("curl"), "-s", "-v", "--max-time", "20"),
                    f"{service}://127.0.0.1:{self.host.port[service]}/",
                    *("--oauth2-bearer", bearer, "--user", "alice@example.org"),
                    status=None,
                )
                self.assertEqual(done.returncode, status, done.stdout)
        said = self.no_secret_is_said(good)
        self.assertIn('as="alice@example.org"', said)
        self.assertIn("reason=credentials", said)
