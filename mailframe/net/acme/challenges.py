"""The proofs an authority asks for, while it asks for them.

Source: RFC 8555 section 8.3 (HTTP-01), RFC 8737 (TLS-ALPN-01).
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

ALPN = b"acme-tls/1"
"""What the authority calls the protocol it validates by (RFC 8737 section 6.2)."""

_ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")


class Challenges:
    """What is to be shown to the authority; a thread writes it, the reactor reads."""

    def __init__(self) -> None:
        """Have nothing to show."""
        self._by_token: dict[str, str] = {}
        self._contexts: dict[str, SSL.Context] = {}

    def show(self, token: str, name: str, key_authorization: str) -> None:
        """Show a proof until :meth:`clear`.

        Args:
            token: The authority's, URL-safe.
            name: The domain it is for.
            key_authorization: The proof.
        """
        self._by_token[token] = key_authorization
        self._contexts[name] = _context(name, key_authorization)

    def clear(self) -> None:
        """Show nothing any more."""
        self._by_token = {}
        self._contexts = {}

    def by_token(self, token: str) -> str | None:
        """Return the proof for HTTP-01."""
        return self._by_token.get(token)

    def by_name(self, name: str) -> SSL.Context | None:
        """Return what to shake hands with for TLS-ALPN-01."""
        return self._contexts.get(name)


def _context(name: str, key_authorization: str) -> SSL.Context:
    """Return a context with the certificate that is the proof.

    Source: RFC 8737 section 3.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([])
    now = datetime.now(UTC)
    digest = sha256(key_authorization.encode()).digest()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), True)
        .add_extension(
            # The value is an OCTET STRING of 32 octets, in DER.
            x509.UnrecognizedExtension(_ACME_IDENTIFIER, b"\x04\x20" + digest),
            True,
        )
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_alpn_select_callback(_select)
    return context


def _select(connection: SSL.Connection, offered: list[bytes]) -> Any:
    return ALPN if ALPN in offered else SSL.NO_OVERLAPPING_PROTOCOLS
