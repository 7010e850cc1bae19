"""TLS contexts from PEM files: one, or a directory of them chosen by name.

Source: RFC 8314 section 4.1 (TLS 1.2 at least), RFC 6066 section 3 (SNI).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from twisted.logger import Logger
from zope.interface import implementer

_log = Logger()

CHECK_INTERVAL = 5.0
"""Seconds between two looks at the files."""


# With forward secrecy and authenticated encryption only;
# those of TLS 1.3 are all of this kind.
_CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(  # type: ignore[no-untyped-call]
    "TLS13-AES-256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES-128-GCM-SHA256:"
    "ECDHE+AESGCM:ECDHE+CHACHA20"
)


class TLSFileError(Exception):
    """A certificate or key cannot be used; the text is one line for people."""


@dataclass(frozen=True, slots=True)
class _Identity:
    """One certificate with its key, ready to serve."""

    context: SSL.Context
    names: tuple[str, ...]


@implementer(IOpenSSLContextFactory)
class ServerTLS:
    """Gives each handshake the context of the certificate its peer asks for.

    The files are looked at again when they have changed; new handshakes use
    the new ones, sessions go on with the old. New files that cannot be used
    change nothing but the log.
    """

    def __init__(
        self, certificate: Path, key: Path | None, now: Callable[[], float]
    ) -> None:
        """Read the files.

        Args:
            certificate: PEM file with certificate and chain, or a directory
                of them (``*.pem``; the key in the same file or in
                ``NAME.key``).
            key: PEM file with the key; ``None`` when it is in ``certificate``.
            now: Seconds, from any beginning, that only go up.

        Raises:
            TLSFileError: They cannot be used.
        """
        self._certificate = certificate
        self._key = key
        self._now = now
        self._checked = now()
        self._seen = self._look()
        self._identities = self._read()

    def getContext(self) -> SSL.Context:
        """Return the context of the next handshake."""
        now = self._now()
        if now - self._checked >= CHECK_INTERVAL:
            self._checked = now
            self._reload()
        return self._identities[0].context

    def _reload(self) -> None:
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._identities = self._read()
        except TLSFileError as error:
            _log.error("TLS goes on as before: {error}", error=str(error))
        else:
            _log.info("read {path} again", path=str(self._certificate))

    def _files(self) -> list[tuple[Path, Path]]:
        """Return pairs of certificate and key file."""
        if not self._certificate.is_dir():
            return [(self._certificate, self._key or self._certificate)]
        found = []
        for path in sorted(self._certificate.glob("*.pem")):
            key = path.with_suffix(".key")
            found.append((path, key if key.exists() else path))
        if not found:
            raise TLSFileError(f"{self._certificate}: there is no *.pem in it")
        return found

    def _look(self) -> tuple[Any, ...]:
        """Return what changes when a file does."""
        try:
            return tuple(
                (str(path), found.st_mtime_ns, found.st_size, found.st_ino)
                for pair in self._files()
                for path in dict.fromkeys(pair)
                for found in (path.stat(),)
            )
        except (OSError, TLSFileError):
            return ()

    def _read(self) -> list[_Identity]:
        identities = [_identity(*pair) for pair in self._files()]
        for identity in identities:
            identity.context.set_tlsext_servername_callback(self._choose)
        return identities

    def _choose(self, connection: SSL.Connection) -> None:
        """Take the certificate for the name the client asks for, or the first."""
        asked = connection.get_servername()
        if asked is None:
            return
        name = asked.decode("ascii", "replace").lower()
        parent = "*." + name.partition(".")[2]
        for wanted in (name, parent):
            for identity in self._identities:
                if wanted in identity.names:
                    connection.set_context(identity.context)
                    return


def _identity(certificate_path: Path, key_path: Path) -> _Identity:
    try:
        chain_octets = certificate_path.read_bytes()
        key_octets = key_path.read_bytes()
    except OSError as error:
        raise TLSFileError(f"{error.filename}: {error.strerror}") from None
    try:
        chain = x509.load_pem_x509_certificates(chain_octets)
    except ValueError:
        raise TLSFileError(f"{certificate_path}: no PEM certificate in it") from None
    try:
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, key_octets, b"")
    except (crypto.Error, ValueError):
        raise TLSFileError(
            f"{key_path}: no PEM private key without a password in it"
        ) from None
    try:
        options = CertificateOptions(
            privateKey=key,
            certificate=crypto.X509.from_cryptography(chain[0]),
            extraCertChain=[crypto.X509.from_cryptography(one) for one in chain[1:]],
            raiseMinimumTo=TLSVersion.TLSv1_2,
            acceptableCiphers=_CIPHERS,
            enableSessions=True,
            enableSessionTickets=True,
        )
        context = options.getContext()
        # No application protocols to choose from: whatever a client names, the
        # handshake goes on without one (ALPN).
        context.set_alpn_select_callback(_no_application_protocol)
        context.check_privatekey()
    except SSL.Error:
        raise TLSFileError(
            f"{key_path}: not the key of the certificate in {certificate_path}"
        ) from None
    return _Identity(context, _names(chain[0]))


def _no_application_protocol(connection: SSL.Connection, offered: list[bytes]) -> Any:
    return SSL.NO_OVERLAPPING_PROTOCOLS


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names a certificate is for, lower case."""
    try:
        extension = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return ()
    found: list[str] = extension.value.get_values_for_type(x509.DNSName)
    return tuple(name.lower() for name in found)
