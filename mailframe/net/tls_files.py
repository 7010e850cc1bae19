"""Certificates, keys and OCSP responses in files: found, read and checked.

Source: RFC 7468 (PEM), RFC 8446 section 4.4.2 (the order of a chain), RFC 6960
(OCSP).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import ocsp
from OpenSSL import crypto


class TLSFileError(Exception):
    """A certificate or key cannot be used; the text is one line for people."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where one certificate is.

    Attributes:
        certificate: PEM: the certificate, then the chain above it.
        key: PEM; may be the same file.
        staple: DER: an OCSP response, if there is such a file.
    """

    certificate: Path
    key: Path
    staple: Path


@dataclass(frozen=True, slots=True)
class Staple:
    """An OCSP response to hand out with the certificate.

    Attributes:
        octets: As they go out, DER.
        expires: Seconds since 1970 from which it is worth nothing.
    """

    octets: bytes
    expires: float


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """A certificate that can be used.

    Attributes:
        path: Where it was.
        chain: The certificate and those above it, in order.
        key: Its private key.
        staple: An OCSP response, or ``None``.
    """

    path: Path
    chain: tuple[x509.Certificate, ...]
    key: crypto.PKey
    staple: Staple | None

    @property
    def names(self) -> tuple[str, ...]:
        """The DNS names it is for, lower case."""
        try:
            extension = self.chain[0].extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
        except x509.ExtensionNotFound:
            return ()
        found: list[str] = extension.value.get_values_for_type(x509.DNSName)
        return tuple(name.lower() for name in found)

    @property
    def expires(self) -> float:
        """Seconds since 1970 until which it holds."""
        return self.chain[0].not_valid_after_utc.timestamp()


def find(paths: Sequence[Path], key: Path | None) -> list[Files]:
    """Return where the certificates are.

    Args:
        paths: PEM files, or directories: of ``*.pem`` files, or of directories
            with ``fullchain.pem`` and ``privkey.pem`` as ACME clients keep them.
        key: The key of the only path, if it is a file; ``None`` when keys are in
            the certificates' files or beside them in ``NAME.key``.

    Raises:
        TLSFileError: There is none in a directory.
    """
    found: list[Files] = []
    for path in paths:
        before = len(found)
        found += _in_directory(path) if path.is_dir() else [_files(path, key)]
        if len(found) == before:
            raise TLSFileError(f"{path}: there is no *.pem in it")
    return found


def _in_directory(path: Path) -> Iterator[Files]:
    for one in sorted(path.iterdir()):
        if one.suffix == ".pem":
            yield _files(one, None)
        elif (chain := one / "fullchain.pem").exists():
            yield Files(chain, one / "privkey.pem", chain.with_suffix(".ocsp"))


def _files(path: Path, key: Path | None) -> Files:
    if key is None:
        beside = path.with_suffix(".key")
        key = beside if beside.exists() else path
    return Files(path, key, path.with_suffix(".ocsp"))


def names_for(host: str) -> tuple[str, str]:
    """Return the names of which a certificate for a host has at least one."""
    return host, "*." + host.partition(".")[2]


def look(files: Sequence[Files], *more: Path) -> tuple[Any, ...]:
    """Return what changes when one of the files does."""
    paths = [path for one in files for path in (one.certificate, one.key, one.staple)]
    return tuple(map(_stamp, dict.fromkeys((*paths, *more))))


def _stamp(path: Path) -> tuple[Any, ...]:
    try:
        found = path.stat()
    except OSError:
        return (str(path),)
    return (str(path), found.st_mtime_ns, found.st_size, found.st_ino)


def read(files: Files) -> CertificateFile:
    """Read and check one certificate.

    Raises:
        TLSFileError: It cannot be used: unreadable, not PEM, a key that is
            another's or has a password, a chain out of order.
    """
    path = files.certificate
    try:
        octets = path.read_bytes()
        key_octets = files.key.read_bytes()
        staple = files.staple.read_bytes() if files.staple.exists() else b""
    except OSError as error:
        raise TLSFileError(f"{error.filename}: {error.strerror}") from None
    try:
        chain = tuple(x509.load_pem_x509_certificates(octets))
    except ValueError:
        raise TLSFileError(f"{path}: no PEM certificate in it") from None
    try:
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, key_octets, b"")
    except (crypto.Error, ValueError):
        raise TLSFileError(
            f"{files.key}: no PEM private key without a password in it"
        ) from None
    if key.to_cryptography_key().public_key() != chain[0].public_key():  # type: ignore[union-attr]
        raise TLSFileError(f"{files.key}: not the key of the certificate in {path}")
    _check_order(path, chain)
    found = None
    if staple:
        found = _staple(files.staple, staple, chain[0])
    return CertificateFile(path, chain, key, found)


def _check_order(path: Path, chain: tuple[x509.Certificate, ...]) -> None:
    """See that each certificate was issued by the next.

    Source: RFC 8446 section 4.4.2.
    """
    for number, (one, above) in enumerate(pairwise(chain), 2):
        try:
            one.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            raise TLSFileError(
                f"{path}: certificate {number} in it did not issue the one before;"
                " the order is: the host's, then each issuer"
            ) from None


def _staple(path: Path, octets: bytes, certificate: x509.Certificate) -> Staple:
    """Return an OCSP response, seen to be for ``certificate``.

    Source: RFC 6960 section 4.2.
    """
    try:
        response = ocsp.load_der_ocsp_response(octets)
    except ValueError:
        raise TLSFileError(f"{path}: no OCSP response (DER) in it") from None
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise TLSFileError(f"{path}: the OCSP responder did not answer")
    if response.serial_number != certificate.serial_number:
        raise TLSFileError(f"{path}: the OCSP response of another certificate")
    end = response.next_update_utc or datetime.max.replace(tzinfo=UTC)
    return Staple(octets, end.timestamp())
