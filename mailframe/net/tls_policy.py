"""TLS towards other servers: how much of it, and whether it was right.

A handshake is never broken off for the certificate: what is wrong with it is
noted, and judged before the first octet of mail goes out. So the same evidence
is there whether it is demanded or only wished for.

Source: RFC 3207 section 4.1, RFC 9525 section 6 (names, by service-identity),
RFC 7672, RFC 8461 section 4, RFC 8460 section 4.3 (names of failures).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

from mailframe.net import dane
from mailframe.net.dane import TLSARecord

LEVELS = ("none", "may", "encrypt", "verify")
"""From nothing to a certificate that must be right."""

_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED."""


@dataclass(frozen=True, slots=True)
class Security:
    """What one hop demands.

    Attributes:
        level: One of ``LEVELS``.
        names: The names its certificate may have; the first is asked for.
        tlsa: The records that must match, instead of public authorities; only
            with ``verify``.
    """

    level: str
    names: tuple[str, ...]
    tlsa: tuple[TLSARecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a handshake showed.

    Attributes:
        version: ``TLSv1.3`` or the like.
        cipher: The cipher suite.
        problem: What is wrong with the certificate, in the words of RFC 8460
            section 4.3; ``None`` when it is right.
        detail: The same for people, ``""`` for nothing.
    """

    version: str
    cipher: str
    problem: str | None = None
    detail: str = ""

    def __str__(self) -> str:
        """Return one word group for a log."""
        judged = "verified" if self.problem is None else "not verified"
        return f"{self.version} {self.cipher} {judged}"


class TLSLevels:
    """The level for each domain, as the operator wants it."""

    def __init__(
        self, levels: Mapping[str, str] | None = None, default: str = "may"
    ) -> None:
        """Take the table.

        Args:
            levels: By domain; ``.example.org`` is all below ``example.org``.
            default: For every other domain.

        Raises:
            ValueError: There is no such level.
        """
        self._levels = {key.lower(): level for key, level in (levels or {}).items()}
        self._default = default
        for level in (default, *self._levels.values()):
            if level not in LEVELS:
                raise ValueError(f"{level}: not one of {', '.join(LEVELS)}")

    def configured(self, domain: str) -> str | None:
        """Return the level the table has for a domain, ``None`` when not in it."""
        domain = domain.lower()
        if domain in self._levels:
            return self._levels[domain]
        while "." in domain:
            domain = domain.partition(".")[2]
            if f".{domain}" in self._levels:
                return self._levels[f".{domain}"]
        return None

    def level(self, domain: str) -> str:
        """Return the level for a domain."""
        return self.configured(domain) or self._default


class TrustRoots:
    """The authorities that are believed; made once, used for every connection."""

    def __init__(self, files: Iterable[Path] = ()) -> None:
        """Read them.

        Args:
            files: PEM files; none for those of the operating system.

        Raises:
            OSError: A file cannot be read.
        """
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self._context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        paths = list(files)
        if not paths:
            self._context.set_default_verify_paths()
        for path in paths:
            try:
                self._context.load_verify_locations(str(path))
            except SSL.Error:
                raise OSError(0, "no PEM certificate in it", str(path)) from None
        self._context.set_verify(SSL.VERIFY_PEER, _note)

    def connection(self) -> SSL.Connection:
        """Return a connection that notes what is wrong with certificates."""
        connection = SSL.Connection(self._context, None)
        _errors[connection] = []
        return connection


_errors: WeakKeyDictionary[SSL.Connection, list[int]] = WeakKeyDictionary()
"""What is wrong with the chain, for each connection there is."""


def _note(
    connection: SSL.Connection, certificate: Any, error: int, depth: int, good: int
) -> bool:
    """Note an error of the chain, and go on."""
    if not good:
        _errors[connection].append(error)
    return True


@implementer(IOpenSSLClientConnectionCreator)
@dataclass(eq=False)
class ClientTLS:
    """TLS for one connection.

    Attributes:
        security: What is demanded.
        roots: Whom to believe.
    """

    security: Security
    roots: TrustRoots
    _connection: SSL.Connection | None = field(default=None, init=False)

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N803
        """Return the connection, with the name of the server (RFC 6066 section 3)."""
        self._connection = connection = self.roots.connection()
        name = self.security.names[0] if self.security.names else ""
        if name and not _is_address(name):
            connection.set_tlsext_host_name(name.encode("ascii"))
        return connection

    def judge(self) -> Evidence:
        """Return what the handshake, which is over, has shown."""
        connection = self._connection
        assert connection is not None
        problem, detail = self._problem(connection)
        return Evidence(
            connection.get_protocol_version_name(),
            connection.get_cipher_name() or "",
            problem,
            detail,
        )

    def _problem(self, connection: SSL.Connection) -> tuple[str | None, str]:
        chain = connection.get_peer_cert_chain(as_cryptography=True) or []
        if not chain:
            return "validation-failure", "no certificate"
        check_name = True
        if self.security.tlsa:
            right, check_name = dane.is_named(self.security.tlsa, chain)
            if not right:
                return "validation-failure", "no TLSA record matches"
        else:
            errors = _errors[connection]
            if _EXPIRED in errors:
                return "certificate-expired", "the certificate has expired"
            if errors:
                detail = f"the certificate is not trusted (error {errors[0]})"
                return "certificate-not-trusted", detail
        if check_name and not any(
            _has_name(connection, name) for name in self.security.names
        ):
            detail = f"the certificate is not for {' or '.join(self.security.names)}"
            return "certificate-host-mismatch", detail
        return None, ""


def _has_name(connection: SSL.Connection, name: str) -> bool:
    verify = verify_ip_address if _is_address(name) else verify_hostname
    try:
        verify(connection, name)
    except (VerificationError, CertificateError, ValueError):
        return False
    return True


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
