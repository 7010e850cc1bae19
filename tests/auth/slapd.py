"""A real slapd of the test's own: its directory, its certificates, on loopback."""

import shutil
import socket
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.host import free_ports, signal_whole, until
from tests.peers import require

BASE = "dc=example,dc=org"
SERVICE_DN = f"cn=mailframe,{BASE}"
SERVICE_PASSWORD = "s3rvice"

_CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
attributetype ( 1.3.6.1.4.1.4203.666.1.1 NAME 'mailAlternateAddress'
    EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
attributetype ( 1.3.6.1.4.1.4203.666.1.2 NAME 'mailQuota'
    EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.4203.666.2.1 NAME 'mailAccount' SUP top AUXILIARY
    MAY ( mailAlternateAddress $ mailQuota ) )
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
TLSVerifyClient try
sizelimit size.soft=20 size.hard=unlimited size.prtotal=unlimited
authz-regexp "cn=postmaster" "{service}"
authz-regexp "gidNumber=.*,cn=peercred,cn=external,cn=auth" "{service}"
database mdb
maxsize 10485760
suffix "{base}"
rootdn "cn=admin,{base}"
directory {folder}/data
dbnosync
access to attrs=userPassword
    by dn.exact="{service}" compare
    by anonymous auth
    by self read
    by * none
access to *
    by dn.exact="{service}" read
    by self read
    by anonymous auth
    by * none
"""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    return free_ports(1)[0]


def make_certificates(folder: Path) -> None:
    """Write ``ca.pem``, ``server.pem``, ``client.pem`` and their keys.

    The server's is for ``localhost`` only.
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own: one is looked for by its name.
    issuer = f"CA of {folder.name}"
    ca = _certificate(issuer, ca_key, issuer, ca_key, [])
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    certificates: tuple[tuple[str, str, list[x509.GeneralName]], ...] = (
        ("server", "ldap", [x509.DNSName("localhost")]),
        ("address", "ldap", [x509.IPAddress(ip_address("127.0.0.1"))]),
        ("client", "postmaster", []),
    )
    for name, common, alternatives in certificates:
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(common, key, issuer, ca_key, alternatives)
        (folder / f"{name}.pem").write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
        )
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    alternatives: list[x509.GeneralName],
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(name == issuer, None), critical=True)
    )
    if alternatives:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False
        )
    return builder.sign(issuer_key, hashes.SHA256())


class Slapd:
    """One server; it can be stopped and started again on the same ports."""

    def __init__(self, entries: str, certificate: str = "server") -> None:
        """Load the directory, and start.

        Args:
            entries: What there is, as LDIF.
            certificate: Which of :func:`make_certificates` it shows.
        """
        self._program = require("slapd")
        # Short, for the path of the Unix socket.
        self.folder = Path(tempfile.mkdtemp(prefix="slapd"))
        (self.folder / "data").mkdir()
        make_certificates(self.folder)
        if certificate != "server":
            for suffix in (".pem", ".key"):
                shutil.copy(
                    self.folder / f"{certificate}{suffix}",
                    self.folder / f"server{suffix}",
                )
        (self.folder / "slapd.conf").write_text(
            _CONFIG.format(folder=self.folder, base=BASE, service=SERVICE_DN)
        )
        (self.folder / "entries.ldif").write_text(entries)
        subprocess.run(
            [
                require("slapadd"),
                *("-q", "-f", self.folder / "slapd.conf"),
                *("-l", self.folder / "entries.ldif"),
            ],
            check=True,
            capture_output=True,
        )
        self.port, self.tls_port = free_port(), free_port()
        self.socket = str(self.folder / "ldapi")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def ca(self) -> str:
        """The CA's certificate."""
        return str(self.folder / "ca.pem")

    def url(self, host: str = "localhost") -> str:
        """Where it is, for StartTLS."""
        return f"ldap://{host}:{self.port}"

    def tls_url(self, host: str = "localhost") -> str:
        """Where it is, with TLS from the first octet."""
        return f"ldaps://{host}:{self.tls_port}"

    def socket_url(self) -> str:
        """Where its Unix socket is."""
        return "ldapi://" + self.socket.replace("/", "%2F")

    def start(self) -> None:
        """Start it and wait until it listens."""
        urls = (
            f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
            f" {self.socket_url()}"
        )
        self._process = subprocess.Popen(
            [
                self._program,
                *("-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", urls),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._listens_or_ended, lambda: "slapd does not start")
        assert self._process.poll() is None, "slapd ended"

    def _listens_or_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None or self._listens()

    def _listens(self) -> bool:
        """Tell whether it takes connections wherever it should."""
        try:
            for port in (self.port, self.tls_port):
                socket.create_connection(("127.0.0.1", port), 1).close()
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.socket)
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it, its connections with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        signal_whole(self._process.pid, number)

    def close(self) -> None:
        """End it and remove all it had."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
