"""Handshakes of clients with certificates, and what is stapled for them."""

import ssl
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.model.client_certificate import ClientCertificate
from mailframe.net.tls import CHECK_INTERVAL, ClientCertificates, ServerTLS
from mailframe.net.tls_files import TLSFileError
from mailframe.net.tls_info import client_name, tls_info
from tests.net.authority import Certificate
from tests.net.test_tls_files import ocsp_response


def shake_hands(tls: ServerTLS, client: SSL.Connection) -> SSL.Connection:
    """Let a client (with a memory BIO) and the server talk; return the server.

    Raises:
        SSL.Error: One of them does not want the other.
    """
    server = SSL.Connection(tls.getContext(), None)
    server.set_accept_state()
    client.set_connect_state()
    for _ in range(6):
        for one, other in ((client, server), (server, client)):
            try:
                one.do_handshake()
                one.recv(1)
            except SSL.WantReadError:
                pass
            try:
                other.bio_write(one.bio_read(65_536))
            except SSL.WantReadError:
                pass
    return server


def _take_note(connection: SSL.Connection, octets: bytes, found: Any) -> bool:
    found.append(octets)
    return True


def _is_resumed(connection: Any) -> bool:
    # pyOpenSSL has no public name for it.
    library: Any = getattr(SSL, "_lib", None)
    return bool(library.SSL_session_reused(connection._ssl))


def _colons(digest: bytes) -> str:
    return ":".join(f"{octet:02X}" for octet in digest)


class ClientTests(SynchronousTestCase):
    """What a server with an authority for clients takes."""

    def setUp(self) -> None:
        """Make a host, an authority for clients, and files."""
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.directory)
        self.clock = Clock()
        self.clock.advance(time.time())
        self.root = Certificate("Root", authority=True)
        self.host = Certificate("mx.example.org", issuer=self.root)
        self.pem = self.directory / "mx.pem"
        self.pem.write_bytes(self.host.pem + self.host.key_pem)
        self.authority = Certificate("Clients", authority=True)
        self.ca = self.directory / "clients.pem"
        self.ca.write_bytes(self.authority.pem)

    def tls(self, **clients: Any) -> ServerTLS:
        """Return a server that asks for certificates."""
        return ServerTLS(
            [self.pem], None, self.clock.seconds, ClientCertificates(self.ca, **clients)
        )

    def client(self, certificate: Certificate | None = None) -> SSL.Connection:
        """Return a client, with a certificate or without."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if certificate is not None:
            context.use_certificate(certificate.certificate)
            context.use_privatekey(certificate.key)
        return SSL.Connection(context, None)

    def test_name(self) -> None:
        """A client of the authority is known by its name."""
        alice = Certificate("alice@example.org", issuer=self.authority)
        server = shake_hands(self.tls(), self.client(alice))
        self.assertEqual(tls_info(server).client_subject, "alice@example.org")

    def test_described(self) -> None:
        """What mail filters are told of it, as ``openssl x509 -fingerprint`` does."""
        alice = Certificate("alice@example.org", issuer=self.authority)
        found = tls_info(shake_hands(self.tls(), self.client(alice))).client_certificate
        self.assertEqual(
            found,
            ClientCertificate(
                "alice@example.org",
                "Clients",
                _colons(sha256(alice.der).digest()),
                _colons(alice.spki),
            ),
        )

    def test_optional(self) -> None:
        """Whoever has none is let in without a name; unless one is required."""
        server = shake_hands(self.tls(), self.client())
        self.assertIsNone(tls_info(server).client_subject)
        with self.assertRaises(SSL.Error):
            shake_hands(self.tls(required=True), self.client())

    def test_others(self) -> None:
        """A certificate of nobody we know, or out of its time, is not taken."""
        stranger = Certificate("alice@example.org", issuer=self.root)
        late = Certificate("alice@example.org", issuer=self.authority, days=-1)
        for certificate in (stranger, late, Certificate("alice@example.org")):
            with self.assertRaises(SSL.Error):
                shake_hands(self.tls(), self.client(certificate))

    def test_not_asked(self) -> None:
        """Where there is no authority no certificate is asked for."""
        tls = ServerTLS([self.pem], None, self.clock.seconds)
        alice = Certificate("alice@example.org", issuer=self.authority)
        server = shake_hands(tls, self.client(alice))
        self.assertIsNone(tls_info(server).client_subject)

    def test_authorities_read_again(self) -> None:
        """A new file of authorities counts soon."""
        tls = self.tls()
        alice = Certificate("alice@example.org", issuer=self.root)
        self.ca.write_bytes(self.root.pem + self.authority.pem)
        self.clock.advance(CHECK_INTERVAL)
        server = shake_hands(tls, self.client(alice))
        self.assertEqual(tls_info(server).client_subject, "alice@example.org")

    def test_junk(self) -> None:
        """A file of authorities that is none is refused by name."""
        self.ca.write_text("junk")
        with self.assertRaises(TLSFileError) as caught:
            self.tls()
        self.assertIn("clients.pem", str(caught.exception))

    def test_names_in_certificates(self) -> None:
        """One address, or else one common name; never one that hides another."""

        def named(*common: str, mail: tuple[str, ...] = ()) -> str | None:
            builder = (
                x509.CertificateBuilder()
                .subject_name(
                    x509.Name(
                        [x509.NameAttribute(NameOID.COMMON_NAME, one) for one in common]
                    )
                )
                .issuer_name(self.root.certificate.subject)
                .public_key(self.host.key.public_key())
                .serial_number(1)
                .not_valid_before(self.host.certificate.not_valid_before_utc)
                .not_valid_after(self.host.certificate.not_valid_after_utc)
            )
            if mail:
                builder = builder.add_extension(
                    x509.SubjectAlternativeName(map(x509.RFC822Name, mail)), False
                )
            return client_name(builder.sign(self.root.key, hashes.SHA256()))

        self.assertEqual(named("Alice", mail=("a@example.org",)), "a@example.org")
        self.assertEqual(named("Alice", mail=("a@b", "c@d")), "Alice")
        self.assertEqual(named("alice"), "alice")
        self.assertIsNone(named("alice", "bob"))
        self.assertIsNone(named("alice\0bob"))
        self.assertIsNone(named())

    def test_stapled(self) -> None:
        """A client that asks gets the OCSP response, while it is worth something."""
        (self.directory / "mx.ocsp").write_bytes(ocsp_response(self.host, self.root, 5))
        tls = ServerTLS([self.pem], None, self.clock.seconds)
        for days, wanted in ((0, ocsp_response(self.host, self.root, 5)), (6, b"")):
            self.clock.advance(days * 86_400)
            found: list[bytes] = []
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.set_ocsp_client_callback(_take_note, found)
            client = SSL.Connection(context, None)
            client.request_ocsp()
            shake_hands(tls, client)
            self.assertEqual([bool(one) for one in found], [bool(wanted)])

    def test_resumed(self) -> None:
        """A session is resumed, for the second certificate too, and by clients'."""
        other = Certificate("other.example.org", issuer=self.root)
        second = self.directory / "other.pem"
        second.write_bytes(other.pem + other.key_pem)
        alice = Certificate("alice@example.org", issuer=self.authority)
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            tls = ServerTLS(
                [self.pem, second],
                None,
                self.clock.seconds,
                ClientCertificates(self.ca),
            )
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.set_max_proto_version(version)
            context.use_certificate(alice.certificate)
            context.use_privatekey(alice.key)
            session = None
            for resumed in (False, True):
                client = SSL.Connection(context, None)
                client.set_tlsext_host_name(b"other.example.org")
                if session is not None:
                    client.set_session(session)
                server = shake_hands(tls, client)
                self.assertEqual(tls_info(server).client_subject, "alice@example.org")
                self.assertEqual(_is_resumed(client), resumed, version)
                session = client.get_session()
                # One that was not closed is not to be resumed.
                client.shutdown()


class OldTests(SynchronousTestCase):
    """What is too old to be spoken."""

    def test_versions(self) -> None:
        """TLS 1.1 and before are refused, whatever the client would like."""
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, directory)
        host = Certificate("mx.example.org")
        (directory / "mx.pem").write_bytes(host.pem + host.key_pem)
        tls = ServerTLS([directory / "mx.pem"], None, time.time)
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        context.set_max_proto_version(SSL.TLS1_1_VERSION)
        with self.assertRaises(SSL.Error):
            shake_hands(tls, SSL.Connection(context, None))
        self.assertTrue(ssl.HAS_TLSv1_3)
