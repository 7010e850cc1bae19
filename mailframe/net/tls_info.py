"""What a TLS session is, read off the connection.

Source: RFC 5280 section 4.1.2.6 (subjects), RFC 8446.
"""

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from mailframe.interfaces.connection import TLSInfo
from mailframe.model.client_certificate import ClientCertificate


def tls_info(connection: Any) -> TLSInfo:
    """Describe a pyOpenSSL connection; before the handshake, as far as known."""
    found = connection.get_peer_certificate()
    certificate = found.to_cryptography() if found else None
    name = connection.get_servername()
    return TLSInfo(
        version=connection.get_protocol_version_name(),
        cipher=connection.get_cipher_name() or "",
        bits=connection.get_cipher_bits() or 0,
        server_name=name.decode("ascii", "replace") if name else None,
        client_subject=client_name(certificate) if certificate else None,
        client_certificate=_described(certificate) if certificate else None,
    )


def _described(certificate: x509.Certificate) -> ClientCertificate:
    """Return what mail filters want to know of a certificate, as Postfix tells it."""
    key = Hash(SHA256())
    key.update(
        certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
    )
    issuer = certificate.issuer
    organization = _only(_names(issuer, NameOID.ORGANIZATION_NAME))
    return ClientCertificate(
        subject=_only(_names(certificate.subject, NameOID.COMMON_NAME)) or "",
        issuer=_only(_names(issuer, NameOID.COMMON_NAME)) or organization or "",
        fingerprint=certificate.fingerprint(SHA256()).hex(":").upper(),
        key_fingerprint=key.finalize().hex(":").upper(),
    )


def client_name(certificate: x509.Certificate) -> str | None:
    """Return whose a client's certificate is, for SASL EXTERNAL.

    The address it is for, when it is for exactly one; else its common name.

    Args:
        certificate: One that was verified.

    Returns:
        The name, or ``None`` when there is none, or it could be read as another.

    Source: RFC 5280 sections 4.1.2.6 and 4.2.1.6.
    """
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.RFC822Name)
    except (x509.ExtensionNotFound, ValueError):
        names = []
    if len(names) != 1:
        names = _names(certificate.subject, NameOID.COMMON_NAME)
    return _only(names)


def _names(names: x509.Name, kind: x509.ObjectIdentifier) -> list[str]:
    return [str(one.value) for one in names.get_attributes_for_oid(kind)]


def _only(names: list[str]) -> str | None:
    """Return the one name, ``None`` unless it is the only one and shows."""
    if len(names) != 1 or not names[0].isprintable():
        return None
    return names[0] or None
