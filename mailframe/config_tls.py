"""Which certificates are served, and to whom: the options, and what becomes of them.

A part of :mod:`mailframe.config_keys`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailframe.config_key import BadConfig, Key
from mailframe.config_value import choice, domains, endpoint, path
from mailframe.model.address import ascii_domain

TLS_KEYS: tuple[Key, ...] = (
    Key(
        "tls-certificate",
        "list",
        "PEM file with the certificate chain, or a directory of them (NAME.pem, or"
        " NAME/fullchain.pem as ACME clients keep them); repeatable, chosen by server"
        " name, read again when changed; NAME.ocsp beside it is stapled"
        " [default: one made once]",
    ),
    Key(
        "tls-key",
        "text",
        "PEM file with the key [default: in the certificate's, or NAME.key beside it]",
    ),
    Key(
        "tls-client-ca",
        "text",
        "PEM file of authorities: clients of IMAP, POP3 and submission are asked for"
        " a certificate of theirs, with which they may log in (SASL EXTERNAL)",
    ),
    Key(
        "tls-client-certificate",
        "text",
        "whether such a certificate is optional or required [default: optional]",
    ),
    Key(
        "acme",
        "text",
        "get certificates from this authority, the URL of an ACME directory or"
        " letsencrypt, and renew them; naming it agrees to its terms"
        " (docs/howto/tls.rst)",
    ),
    Key(
        "acme-domain",
        "list",
        "a name to get a certificate for; repeatable [default: the hostname]",
    ),
    Key("acme-contact", "text", "mail address the authority may write to"),
    Key(
        "acme-http",
        "list",
        "endpoint on which the authority finds our proof (HTTP-01); it connects to"
        " port 80 [default: tcp:80, unless --acme-tls]",
    ),
    Key(
        "acme-tls",
        "list",
        "endpoint for the proof by TLS (TLS-ALPN-01); it connects to port 443",
    ),
    Key(
        "acme-ca",
        "text",
        "PEM file to trust for the authority's web server [default: the system's]",
    ),
)
"""What can be set of it."""

_LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


@dataclass(frozen=True, slots=True)
class ACMEConfig:
    """Where to get certificates.

    Attributes:
        directory: URL.
        names: DNS names, A-labels.
        contact: Mail address, or ``None``.
        http: Endpoints for HTTP-01.
        tls: Endpoints for TLS-ALPN-01.
        ca: PEM file to trust for the authority, or ``None``.
    """

    directory: str
    names: tuple[str, ...]
    contact: str | None
    http: tuple[str, ...]
    tls: tuple[str, ...]
    ca: Path | None


@dataclass(frozen=True, slots=True)
class TLSConfig:
    """Which certificates are served, and to whom.

    Attributes:
        certificates: PEM files and directories; empty to make one.
        key: PEM file, or ``None``.
        client_ca: PEM file of authorities of clients' certificates, or ``None``.
        client_required: Whether clients must have such a certificate.
        acme: Where to get certificates, or ``None``.
    """

    certificates: tuple[Path, ...] = ()
    key: Path | None = None
    client_ca: Path | None = None
    client_required: bool = False
    acme: ACMEConfig | None = None


def tls_config(given: Mapping[str, Any], hostname: str) -> TLSConfig:
    """Return what the keys of :data:`TLS_KEYS` say.

    Args:
        given: Values by key name.
        hostname: Our name.

    Raises:
        BadConfig: A value is wrong, or says nothing without another.
    """
    config = TLSConfig(
        tuple(Path(text).absolute() for text in given.get("tls-certificate", ())),
        path(given.get("tls-key")),
        path(given.get("tls-client-ca")),
        choice(given, "tls-client-certificate", ("optional", "required")) == 1,
        _acme(given, hostname),
    )
    if config.key and len(config.certificates) != 1:
        raise BadConfig("--tls-key needs one --tls-certificate")
    if config.client_required and not config.client_ca:
        raise BadConfig("--tls-client-certificate needs --tls-client-ca")
    return config


def _acme(given: Mapping[str, Any], hostname: str) -> ACMEConfig | None:
    directory = given.get("acme")
    if directory is None:
        for name in given:
            if name.startswith("acme-"):
                raise BadConfig(f"--{name} needs --acme")
        return None
    if directory == "letsencrypt":
        directory = _LETS_ENCRYPT
    if not directory.startswith("https://"):
        raise BadConfig(f"--acme {directory}: not an https URL, nor letsencrypt")
    by_http, by_tls = (
        tuple(endpoint(name, text) for text in given.get(name, ()))
        for name in ("acme-http", "acme-tls")
    )
    return ACMEConfig(
        directory,
        tuple(map(ascii_domain, domains(given, "acme-domain") or (hostname,))),
        given.get("acme-contact"),
        by_http if by_http or by_tls else ("tcp:80",),
        by_tls,
        path(given.get("acme-ca")),
    )
