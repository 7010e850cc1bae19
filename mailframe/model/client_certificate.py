"""What a client's TLS certificate says, when it was verified."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate, in the words mail filters know.

    Attributes:
        subject: The common name it has, ``""`` for none.
        issuer: The common name of who signed it, else the organization.
        fingerprint: Its SHA-256, octets in hex with colons between.
        key_fingerprint: That of its public key (SubjectPublicKeyInfo).
    """

    subject: str
    issuer: str
    fingerprint: str
    key_fingerprint: str


NO_CERTIFICATE = ClientCertificate("", "", "", "")
"""What is told of a client without one."""
