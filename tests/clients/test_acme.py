"""Certificates from a real ACME server: Pebble."""

import json
import subprocess
import tempfile
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from tests.host import Host, Program, environment, free_ports, run, until
from tests.net.authority import Certificate
from tests.peers import require


class ACMETests(SynchronousTestCase):
    """An authority to which every name is 127.0.0.1."""

    def setUp(self) -> None:
        """Start the authority and its DNS."""
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.directory)
        root = Certificate("Root", authority=True)
        web = Certificate("127.0.0.1", issuer=root)
        (self.directory / "root.pem").write_bytes(root.pem)
        (self.directory / "web.pem").write_bytes(web.pem)
        (self.directory / "web.key").write_bytes(web.key_pem)
        ports = free_ports(6)
        self.acme, management, self.http, self.tls, dns, control = ports
        config = {
            "pebble": {
                "listenAddress": f"127.0.0.1:{self.acme}",
                "managementListenAddress": f"127.0.0.1:{management}",
                "certificate": f"{self.directory}/web.pem",
                "privateKey": f"{self.directory}/web.key",
                "httpPort": self.http,
                "tlsPort": self.tls,
                "ocspResponderURL": "",
                "externalAccountBindingRequired": False,
            }
        }
        (self.directory / "pebble.json").write_text(json.dumps(config))
        self.start(
            *("pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""),
            *("-dns01", f"127.0.0.1:{dns}", "-http01", "", "-https01", ""),
            *("-tlsalpn01", "", "-management", f"127.0.0.1:{control}"),
            ports=[dns, control],
        )
        self.start(
            *("pebble", "-config", f"{self.directory}/pebble.json"),
            *("-dnsserver", f"127.0.0.1:{dns}"),
            ports=[self.acme],
        )

    def start(self, program: str, *arguments: str, ports: list[int]) -> None:
        """Start a program and wait for its ports."""
        # By itself it turns down every twentieth request, to see what clients do.
        pebble = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        env = {**environment(), **pebble}
        home = self.directory / program
        home.mkdir()
        started = Program([require(program), *arguments], home, ports, env)
        self.addCleanup(started.stop)

    def issued(self, *options: str) -> None:
        """See a host come by a certificate of the authority and serve it."""
        host = Host(
            f"--acme=https://127.0.0.1:{self.acme}/dir",
            *(f"--acme-ca={self.directory}/root.pem", "--acme-domain=mail.example.org"),
            "--acme-domain=imap.example.org",
            *options,
            services=("imaps",),
        )
        self.addCleanup(host.close)

        def served() -> bytes:
            said = run(
                *(require("openssl"), "s_client", "-connect"),
                f"127.0.0.1:{host.port['imaps']}",
                status=None,
            ).stdout
            return said if b"Pebble Intermediate" in said else b""

        said = until(served, host.program.said)
        pem = said[said.index(b"-----BEGIN") : said.index(b"-----END")]
        names = subprocess.run(
            ["openssl", "x509", "-noout", "-ext", "subjectAltName"],
            input=pem + b"-----END CERTIFICATE-----\n",
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        self.assertIn(b"DNS:mail.example.org", names)
        self.assertIn(b"DNS:imap.example.org", names)

    def test_http(self) -> None:
        """The proof by HTTP is believed, and the certificate is served."""
        self.issued(f"--acme-http=tcp:{self.http}:interface=127.0.0.1")

    def test_tls(self) -> None:
        """So is the proof by TLS."""
        self.issued(f"--acme-tls=tcp:{self.tls}:interface=127.0.0.1")
