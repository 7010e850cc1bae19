"""What ties a login to the TLS session it came by.

Source: RFC 5929, RFC 9266.
"""

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL

_EXPORTER_OCTETS = 32

# The certificate's own hash function, unless that is one of these.
_TOO_WEAK = ("md5", "sha1")


def channel_binding(connection: Any, kind: str) -> bytes | None:
    """Return the binding of a pyOpenSSL connection, or ``None``.

    ``tls-exporter`` is given for TLS 1.3 and ``tls-unique`` before it: each is
    the one that is defined for every session of its version.

    Args:
        connection: A server's, its handshake done.
        kind: A registered name.

    Source: RFC 5929 sections 3 and 4, RFC 9266 sections 2 and 3.
    """
    if kind == "tls-server-end-point":
        return _server_end_point(connection)
    if kind == "tls-exporter":
        return _exporter(connection)
    if kind == "tls-unique":
        return _unique(connection)
    return None


def _exporter(connection: Any) -> bytes | None:
    if connection.get_protocol_version_name() != "TLSv1.3":
        return None
    try:
        exported: bytes = connection.export_keying_material(
            b"EXPORTER-Channel-Binding", _EXPORTER_OCTETS, b""
        )
    except SSL.Error:
        # The handshake is not done.
        return None
    return exported


def _unique(connection: Any) -> bytes | None:
    """Return the first Finished message of the session's handshake."""
    if connection.get_protocol_version_name() != "TLSv1.2":
        return None
    # pyOpenSSL has no public name for these two. Without the extended master
    # secret a resumed session's Finished does not tell one session from another
    # (RFC 7627 section 1).
    library: Any = getattr(SSL, "_lib", None)
    resumed = getattr(library, "SSL_session_reused", None)
    extended = getattr(library, "SSL_get_extms_support", None)
    if resumed is None or extended is None or extended(connection._ssl) != 1:
        return None
    # The client speaks it first in a full handshake, the server in a short one.
    found: bytes | None = (
        connection.get_finished()
        if resumed(connection._ssl)
        else connection.get_peer_finished()
    )
    return found


def _server_end_point(connection: Any) -> bytes | None:
    """Return the hash of our certificate, as it names the hash itself."""
    own = connection.get_certificate()
    if own is None:
        return None
    certificate: x509.Certificate = own.to_cryptography()
    chosen = certificate.signature_hash_algorithm
    if chosen is None:
        return None
    return certificate.fingerprint(
        hashes.SHA256() if chosen.name in _TOO_WEAK else chosen
    )
