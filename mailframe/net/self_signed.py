"""A certificate of our own, made once, for hosts that were given none."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailframe.replaced_file import replace_file

VALID_DAYS = 3650


def self_signed(directory: Path, names: Sequence[str]) -> tuple[Path, Path]:
    """Return certificate and key in ``directory``, made if they are not there.

    Args:
        directory: Created with mode 0700 when missing.
        names: The DNS names it is for; the first is its subject. Loopback
            addresses are always added.

    Returns:
        The paths of the certificate and of the key, PEM both.

    Raises:
        OSError: They cannot be written.
    """
    certificate_path = directory / "certificate.pem"
    key_path = directory / "key.pem"
    if not (certificate_path.exists() and key_path.exists()):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        replace_file(
            key_path,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        certificate = _certificate(key, names)
        replace_file(
            certificate_path, certificate.public_bytes(serialization.Encoding.PEM)
        )
    return certificate_path, key_path


def _certificate(
    key: ec.EllipticCurvePrivateKey, names: Sequence[str]
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    now = datetime.now(UTC)
    subjects: list[x509.GeneralName] = [
        x509.DNSName(_ascii(name)) for name in dict.fromkeys(names)
    ]
    subjects += [
        x509.IPAddress(ipaddress.ip_address(one)) for one in ("127.0.0.1", "::1")
    ]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(
            x509.SubjectAlternativeName(subjects),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


def _ascii(name: str) -> str:
    return name if name.isascii() else name.encode("idna").decode("ascii")
