"""Clients with SASL libraries of their own: Cyrus, GNU SASL, msmtp, swaks, curl."""

import imaplib
import ssl
from pathlib import Path

from tests.clients.base import PASSWORD, ClientTestCase
from tests.host import run, until
from tests.peers import require

USER = "bob@example.org"
MESSAGE = b"From: bob@example.org\r\nSubject: x\r\n\r\nbody\r\n"
SCRAM = ("SCRAM-SHA-1", "SCRAM-SHA-256")
BOUND = tuple(f"{name}-PLUS" for name in SCRAM)


class SASLTests(ClientTestCase):
    """What we offer, others use."""

    def setUp(self) -> None:
        """Start the host, and wait until it has read who its users are."""
        super().setUp()
        until(self._offered, lambda: "CRAM-MD5 is never offered")

    def _offered(self) -> bool:
        with imaplib.IMAP4("127.0.0.1", self.host.port["imap"]) as imap:
            return "AUTH=CRAM-MD5" in imap.capabilities

    def test_cyrus(self) -> None:
        """Cyrus SASL logs in to all three, by every mechanism of its own."""
        for program, service in (
            ("imtest", "imap"),
            ("pop3test", "pop3"),
            ("smtptest", "submission"),
        ):
            path = _cyrus(program)
            for mechanism in (*SCRAM, "CRAM-MD5", "PLAIN", "LOGIN"):
                said = run(
                    path,
                    *("-m", mechanism, "-a", USER, "-u", USER),
                    *("-w", PASSWORD["bob"], "-p", str(self.host.port[service])),
                    "127.0.0.1",
                    octets=b". LOGOUT\r\nQUIT\r\n",
                    status=None,
                ).stdout
                self.assertIn(b"Authenticated.", said, mechanism)

    def test_cyrus_wrong_password(self) -> None:
        """With a wrong password it does not."""
        for mechanism in (*SCRAM, "CRAM-MD5"):
            said = run(
                _cyrus("imtest"),
                *("-m", mechanism, "-a", USER, "-u", USER, "-w", "wrong"),
                *("-p", str(self.host.port["imap"]), "127.0.0.1"),
                octets=b". LOGOUT\r\n",
                status=None,
            ).stdout
            self.assertIn(b"NO [AUTHENTICATIONFAILED]", said)

    def test_implicit_tls(self) -> None:
        """Where TLS comes first, binding is offered from the greeting on."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        port = self.host.port["imaps"]
        with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=context) as imap:
            self.assertIn(b"AUTH=SCRAM-SHA-256-PLUS", imap.welcome)
            imap.login_cram_md5(USER, PASSWORD["bob"])

    def gsasl(self, protocol: str, mechanism: str, *options: str) -> bytes:
        """Log in with GNU SASL over STARTTLS."""
        service = {"smtp": "submission", "imap": "imap"}[protocol]
        return run(
            require("gsasl"),
            f"--{protocol}",
            f"--connect=127.0.0.1:{self.host.port[service]}",
            f"--mechanism={mechanism}",
            "--x509-ca-file=",
            *(f"--authentication-id={USER}", f"--password={PASSWORD['bob']}"),
            *options,
            octets=b"",
        ).stdout

    def test_gsasl(self) -> None:
        """GNU SASL binds to the TLS session, by 1.3's means and by 1.2's."""
        for protocol in ("smtp", "imap"):
            for mechanism in (*BOUND, "CRAM-MD5"):
                for options in ((), ("--priority=NORMAL:-VERS-TLS1.3",)):
                    said = self.gsasl(protocol, mechanism, *options)
                    self.assertIn(b"server trusted", said)

    def test_msmtp(self) -> None:
        """Msmtp sends mail after logging in."""
        for mechanism in (*SCRAM, "CRAM-MD5", "PLAIN"):
            run(
                require("msmtp"),
                "--host=127.0.0.1",
                f"--port={self.host.port['submission']}",
                f"--auth={mechanism.lower()}",
                *("--tls=on", "--tls-certcheck=off", f"--from={USER}"),
                *(f"--user={USER}", f"--passwordeval=echo {PASSWORD['bob']}"),
                "alice@example.org",
                octets=MESSAGE,
            )

    def test_swaks(self) -> None:
        """Swaks logs in by CRAM-MD5 (it needs libauthen-sasl-perl for none else)."""
        said = run(
            require("swaks"),
            *("--server", "127.0.0.1", "--port", str(self.host.port["submission"])),
            *("--from", USER, "--to", "alice@example.org", "-tls"),
            *("--auth", "CRAM-MD5", "--auth-user", USER),
            *("--auth-password", PASSWORD["bob"]),
        ).stdout
        self.assertIn(b"AUTH CRAM-MD5", said)
        self.assertIn(b"235 2.7.0", said)

    def test_curl(self) -> None:
        """Curl logs in by CRAM-MD5, with what it is built with in Debian."""
        for service in ("imap", "pop3"):
            said = run(
                require("curl"),
                *("-sS", "-k", "-v", "--ssl-reqd", "--login-options", "AUTH=CRAM-MD5"),
                *("-u", f"{USER}:{PASSWORD['bob']}"),
                f"{service}://127.0.0.1:{self.host.port[service]}/",
            ).stdout
            self.assertIn(b"CRAM-MD5", said)

    def test_python(self) -> None:
        """Python's imaplib answers CRAM-MD5."""
        with imaplib.IMAP4("127.0.0.1", self.host.port["imap"]) as imap:
            imap.login_cram_md5(USER, PASSWORD["bob"])
            self.assertEqual(imap.select()[0], "OK")


def _cyrus(program: str) -> str:
    """Return the path of one of cyrus-clients' programs."""
    path = Path("/usr/lib/cyrus/bin", program)
    return str(path) if path.exists() else require(program)
