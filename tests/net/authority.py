"""A certificate authority for tests, its certificates, and TLS servers with them."""

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLContextFactory
from zope.interface import implementer


class Certificate:
    """A certificate with its key, and those above it."""

    def __init__(
        self,
        *names: str,
        issuer: "Certificate | None" = None,
        authority: bool = False,
        days: int = 10,
        extensions: Iterable[x509.ExtensionType] = (),
    ) -> None:
        """Make it.

        Args:
            names: DNS names or addresses; the first is its subject.
            issuer: Who signs it; itself if nobody.
            authority: Whether it may sign others.
            days: How long it holds from now; negative when it has expired.
            extensions: What else it has.
        """
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(map(_name, names)), False)
            .add_extension(x509.BasicConstraints(authority, None), True)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, False)
        signer = issuer.key if issuer else self.key
        self.certificate: x509.Certificate = builder.sign(signer, hashes.SHA256())
        self.above: list[x509.Certificate] = []
        if issuer is not None:
            self.above = [issuer.certificate, *issuer.above]

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def der(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def spki(self) -> bytes:
        """SHA-256 of the public key."""
        return sha256(
            self.key.public_key().public_bytes(
                serialization.Encoding.DER,
                serialization.PublicFormat.SubjectPublicKeyInfo,
            )
        ).digest()

    def server(self) -> "ServerContext":
        """Return what ``startTLS`` takes."""
        return ServerContext(self)


@implementer(IOpenSSLContextFactory)
class ServerContext:
    """Serves one certificate."""

    def __init__(self, certificate: Certificate) -> None:
        """Prepare."""
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self.context.use_certificate(
            crypto.X509.from_cryptography(certificate.certificate)
        )
        for one in certificate.above:
            self.context.add_extra_chain_cert(crypto.X509.from_cryptography(one))
        self.context.use_privatekey(crypto.PKey.from_cryptography_key(certificate.key))

    def getContext(self) -> SSL.Context:
        """Return it."""
        return self.context


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
