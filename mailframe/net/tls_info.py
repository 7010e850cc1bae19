"""What a TLS session is, read off the connection.

Source: RFC 5280 section 4.1.2.6 (subjects), RFC 8446.
"""

from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from mailframe.interfaces.connection import TLSInfo


def tls_info(connection: Any) -> TLSInfo:
    """Describe a pyOpenSSL connection; before the handshake, as far as known."""
    certificate = connection.get_peer_certificate()
    name = connection.get_servername()
    return TLSInfo(
        version=connection.get_protocol_version_name(),
        cipher=connection.get_cipher_name() or "",
        bits=connection.get_cipher_bits() or 0,
        server_name=name.decode("ascii", "replace") if name else None,
        client_subject=client_name(certificate.to_cryptography())
        if certificate
        else None,
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
        names = [
            str(one.value)
            for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        ]
    if len(names) != 1 or not names[0].isprintable():
        return None
    return names[0] or None
