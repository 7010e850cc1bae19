"""TLS as others see it: testssl.sh, curl and openssl against a running host."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from shutil import rmtree

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from tests.host import Host, run, until
from tests.net.authority import Certificate
from tests.net.test_tls_files import ocsp_response
from tests.peers import require

# Protocols, ciphers, forward secrecy, what the server offers, vulnerabilities.
CHECKS = ("-p", "-s", "-f", "-S", "-U")

# Where the settings are those of another service: protocols and Heartbleed.
FEWER = ("-p", "-H")

ABOVE_LOW = ("MEDIUM", "HIGH", "CRITICAL")

SERVICES = {
    "imaps": CHECKS,
    "pop3s": FEWER,
    "submissions": FEWER,
    "smtp": ("-t", "smtp", *CHECKS),
}


class TLSTests(SynchronousTestCase):
    """A host with a certificate of an authority, and one for its clients."""

    def setUp(self) -> None:
        """Make the certificates and start it."""
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.directory)
        self.root = Certificate("Root", authority=True)
        self.mine = Certificate(
            *("mail.example.org", "127.0.0.1"),
            issuer=self.root,
            days=90,
            extensions=(
                x509.AuthorityInformationAccess(
                    [
                        x509.AccessDescription(
                            x509.OID_OCSP,
                            x509.UniformResourceIdentifier("http://ocsp.example.org/"),
                        )
                    ]
                ),
            ),
        )
        self.clients = Certificate("Clients", authority=True)
        self.write("host.pem", self.mine.pem + self.mine.key_pem)
        self.write("host.ocsp", ocsp_response(self.mine, self.root, 5))
        self.write("root.pem", self.root.pem)
        self.write("clients.pem", self.clients.pem)
        self.host = Host(
            f"--tls-certificate={self.directory}/host.pem",
            f"--tls-client-ca={self.directory}/clients.pem",
        )
        self.addCleanup(self.host.close)

    def write(self, name: str, octets: bytes) -> str:
        """Write a file and return its path."""
        path = self.directory / name
        path.write_bytes(octets)
        return str(path)

    def test_testssl(self) -> None:
        """It finds nothing above LOW on any service."""
        program = require("testssl")
        running = {
            service: subprocess.Popen(
                [
                    *(program, "--quiet", "--color", "0", "--warnings", "batch"),
                    *("--ip", "one", "--add-ca", f"{self.directory}/root.pem"),
                    *("--jsonfile", f"{self.directory}/{service}.json"),
                    *checks,
                    f"127.0.0.1:{self.host.port[service]}",
                ],
                # No answer within its ten seconds would be a bug of the server's.
                env={**os.environ, "MAX_WAITSOCK": "60"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for service, checks in SERVICES.items()
        }
        for process in running.values():
            process.wait(300)
        for service in running:
            found = json.loads((self.directory / f"{service}.json").read_text())
            # It looked, and it looked at TLS.
            kinds = {one["id"]: one["severity"] for one in found}
            self.assertEqual(kinds.get("TLS1_3"), "OK", service)
            self.assertEqual(kinds.get("heartbleed"), "OK", service)
            worse = [
                one
                for one in found
                if one["severity"] in ("MEDIUM", "HIGH", "CRITICAL")
            ]
            self.assertEqual(worse, [], service)

    def curl(self, user: str, certificate: Certificate | None, status: int) -> str:
        """Log in to IMAP with EXTERNAL and return what curl shows."""
        mine = []
        if certificate is not None:
            path = self.write("client.pem", certificate.pem + certificate.key_pem)
            mine = ["--cert", path]
        done = run(
            *(require("curl"), "--silent", "--show-error", "--cacert"),
            *(f"{self.directory}/root.pem", *mine, "--login-options", "AUTH=EXTERNAL"),
            *(
                "--user",
                f"{user}:",
                "--max-time",
                "20",
                "-X",
                "STATUS INBOX (MESSAGES)",
            ),
            f"imaps://127.0.0.1:{self.host.port['imaps']}/",
            status=status,
        )
        return done.stdout.decode()

    def test_external(self) -> None:
        """Who shows a certificate of the authority is its user, and nobody else."""
        alice = Certificate("alice@example.org", issuer=self.clients)
        self.assertIn("STATUS INBOX", self.curl("alice@example.org", alice, 0))
        self.curl("bob@example.org", alice, 67)
        stranger = Certificate("alice@example.org", issuer=self.root)
        self.curl("alice@example.org", stranger, 56)

    def openssl(self, *arguments: str) -> str:
        """Return what ``openssl s_client`` says of the host."""
        done = run(
            *(require("openssl"), "s_client", "-connect"),
            f"127.0.0.1:{self.host.port['pop3s']}",
            *("-CAfile", f"{self.directory}/root.pem", *arguments),
            octets=b"QUIT\n",
            status=None,
        )
        return done.stdout.decode(errors="replace")

    def test_stapled(self) -> None:
        """A client that asks is given the OCSP response."""
        said = self.openssl("-status")
        self.assertIn("OCSP Response Status: successful", said)
        self.assertIn("Cert Status: good", said)
        self.assertIn("Verify return code: 0 (ok)", said)

    def test_renewed(self) -> None:
        """A new certificate is served without a restart; sessions go on."""
        with subprocess.Popen(
            [
                *("openssl", "s_client", "-quiet", "-connect"),
                f"127.0.0.1:{self.host.port['pop3s']}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as session:
            assert session.stdin is not None and session.stdout is not None
            self.assertIn(b"+OK", session.stdout.readline())
            new = Certificate("renewed.example.org", "127.0.0.1", issuer=self.root)
            (self.directory / "host.ocsp").unlink()
            self.write("host.new", new.pem + new.key_pem)
            (self.directory / "host.new").replace(self.directory / "host.pem")
            until(lambda: "renewed.example.org" in self.openssl())
            session.stdin.write(b"QUIT\r\n")
            session.stdin.flush()
            self.assertIn(b"+OK", session.stdout.readline())
