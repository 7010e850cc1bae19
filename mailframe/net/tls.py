"""TLS contexts of servers: a certificate for each name, read again when it changes.

Source: RFC 8314 section 4.1 (TLS 1.2 at least), RFC 6066 sections 3 (SNI) and 8
(OCSP stapling).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.net.tls_files import (
    CertificateFile,
    Files,
    Staple,
    TLSFileError,
    find,
    look,
    names_for,
    read,
)

_log = Logger()

CHECK_INTERVAL = 5.0
"""Seconds between two looks at the files."""


# With forward secrecy and authenticated encryption only;
# those of TLS 1.3 are all of this kind.
_CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(  # type: ignore[no-untyped-call]
    "TLS13-AES-256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES-128-GCM-SHA256:"
    "ECDHE+AESGCM:ECDHE+CHACHA20"
)


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """That clients are asked for certificates.

    Attributes:
        authorities: PEM file of those whose certificates are taken. A client with
            a certificate of anybody else is not let in.
        required: Whether a client without one is not let in either.
    """

    authorities: Path
    required: bool = False


@dataclass(frozen=True, slots=True)
class _Identity:
    """One certificate, ready to serve."""

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
        self,
        certificates: Sequence[Path],
        key: Path | None,
        now: Callable[[], float],
        clients: ClientCertificates | None = None,
    ) -> None:
        """Read the files.

        Args:
            certificates: PEM files and directories, as :func:`.tls_files.find`
                takes them; the first found serves who asks for no known name.
            key: PEM file with the key; ``None`` when it is in the certificate's
                file or beside it.
            now: Seconds since 1970.
            clients: How clients are asked for certificates; ``None``: not.

        Raises:
            TLSFileError: They cannot be used.
        """
        self._certificates = certificates
        self._key = key
        self._now = now
        self._clients = clients
        self._checked = now()
        files = find(certificates, key)
        self._seen = self._look(files)
        self._identities = self._read(files)

    def getContext(self) -> SSL.Context:
        """Return the context of the next handshake."""
        now = self._now()
        if now - self._checked >= CHECK_INTERVAL:
            self._checked = now
            self._reload()
        return self._identities[0].context

    def _reload(self) -> None:
        try:
            files = find(self._certificates, self._key)
            seen = self._look(files)
            if seen == self._seen:
                return
            # Whatever comes of it, it is not tried again until something changes.
            self._seen = seen
            self._identities = self._read(files)
        except (OSError, TLSFileError) as error:
            _log.error("TLS goes on as before: {error}", error=str(error))
        else:
            _log.info("read the files of TLS again")

    def _look(self, files: Sequence[Files]) -> tuple[Any, ...]:
        return look(files, *([self._clients.authorities] if self._clients else []))

    def _read(self, files: Sequence[Files]) -> list[_Identity]:
        return [self._identity(read(one)) for one in files]

    def _identity(self, found: CertificateFile) -> _Identity:
        context = _context(found)
        if self._clients is not None:
            _ask_clients(context, self._clients)
        context.set_tlsext_servername_callback(self._choose)
        if found.staple is not None:
            context.set_ocsp_server_callback(self._stapled, found.staple)
        if found.expires <= self._now():
            _log.warn("{path}: the certificate has expired", path=str(found.path))
        return _Identity(context, found.names)

    def _stapled(self, connection: SSL.Connection, staple: Any) -> bytes:
        """Return the OCSP response, while it is worth something."""
        response: Staple = staple
        return response.octets if self._now() < response.expires else b""

    def _choose(self, connection: SSL.Connection) -> None:
        """Take the certificate for the name the client asks for, or the first."""
        asked = connection.get_servername()
        if asked is None:
            return
        name = asked.decode("ascii", "replace").lower()
        for wanted in names_for(name):
            for identity in self._identities:
                if wanted in identity.names:
                    connection.set_context(identity.context)
                    return


def _context(found: CertificateFile) -> SSL.Context:
    first, *above = map(crypto.X509.from_cryptography, found.chain)
    try:
        context = CertificateOptions(
            privateKey=found.key,
            certificate=first,
            extraCertChain=above,
            raiseMinimumTo=TLSVersion.TLSv1_2,
            acceptableCiphers=_CIPHERS,
            enableSessions=True,
            enableSessionTickets=True,
        ).getContext()
    except SSL.Error:
        raise TLSFileError(
            f"{found.path}: this key or certificate is too weak to serve"
        ) from None
    # A session is resumed before the name is known: the contexts of all names
    # share their sessions.
    context.set_session_id(b"mailframe")
    # No application protocols to choose from: whatever a client names, the
    # handshake goes on without one (ALPN).
    context.set_alpn_select_callback(_no_application_protocol)
    return context


def _ask_clients(context: SSL.Context, clients: ClientCertificates) -> None:
    """Have clients asked for a certificate.

    Source: RFC 8446 section 4.3.2.
    """
    path = str(clients.authorities)
    try:
        context.load_verify_locations(path)
        context.load_client_ca(path.encode())
    except SSL.Error:
        raise TLSFileError(f"{path}: no PEM certificates in it") from None
    mode = SSL.VERIFY_PEER
    if clients.required:
        mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.set_verify(mode)


def _no_application_protocol(connection: SSL.Connection, offered: list[bytes]) -> Any:
    return SSL.NO_OVERLAPPING_PROTOCOLS
