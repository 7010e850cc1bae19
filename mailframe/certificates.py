"""Which certificates a host serves, and to whom: TLS from configuration.

Part of :mod:`mailframe.wiring`.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application import strports

from mailframe.config import BadConfig, HostConfig
from mailframe.net.acme.responders import http_factory, tls_factory
from mailframe.net.acme.service import ACMEService
from mailframe.net.self_signed import self_signed
from mailframe.net.tls import ClientCertificates, ServerTLS
from mailframe.net.tls_files import TLSFileError


def make_acme(
    config: HostConfig, run: Callable[..., Awaitable[bytes]], reactor: Any
) -> ACMEService | None:
    """Return what gets our certificate and renews it, with its listeners.

    Args:
        config: Of the host.
        run: Calls a function in a thread.
        reactor: The reactor to listen in.

    Raises:
        BadConfig: The library is not installed, or nothing can be written.
    """
    wanted = config.tls.acme
    if wanted is None:
        return None
    try:
        from mailframe.net.acme.client import Authority, obtain
    except ImportError:
        raise BadConfig("--acme needs the package acme: mailframe[acme]") from None
    directory = config.state_dir / "acme"
    kinds = ("http-01",) * bool(wanted.http) + ("tls-alpn-01",) * bool(wanted.tls)
    authority = Authority(
        wanted.directory, directory / "account.pem", wanted.contact, wanted.ca, kinds
    )
    try:
        service = ACMEService(
            directory, wanted.names, partial(obtain, authority), run, reactor
        )
    except OSError as error:
        raise BadConfig(f"{error.filename}: {error.strerror}") from None
    listening: Any = strports.service
    adopt: Any = service.addService
    for endpoints, factory_of in (
        (wanted.http, http_factory),
        (wanted.tls, tls_factory),
    ):
        for endpoint in endpoints:
            factory = factory_of(service.challenges, reactor)
            try:
                adopt(listening(endpoint, factory, reactor))
            except (ValueError, TypeError, KeyError) as error:
                raise BadConfig(f"--acme: {endpoint}: {error}") from None
    return service


def make_tls(
    config: HostConfig, acme: ACMEService | None, now: Callable[[], float]
) -> tuple[ServerTLS, ServerTLS]:
    """Return what protects mail from other hosts, and our users' sessions.

    Only the latter are asked for certificates: a host that has one offers it for
    its own reasons.

    Args:
        config: Of the host; without a certificate one is made.
        acme: What has a certificate for us, or ``None``.
        now: Seconds since 1970.

    Raises:
        BadConfig: A certificate cannot be used or made.
    """
    certificates: Sequence[Path] = config.tls.certificates
    key = config.tls.key
    if acme is not None:
        certificates = [acme.path, *certificates]
    elif not certificates:
        names = (config.hostname, *config.domains, "localhost")
        try:
            made, key = self_signed(config.state_dir / "tls", names)
        except OSError as error:
            raise BadConfig(f"{error.filename}: {error.strerror}") from None
        certificates = [made]
    try:
        public = ServerTLS(certificates, key, now)
        if config.tls.client_ca is None:
            return public, public
        clients = ClientCertificates(config.tls.client_ca, config.tls.client_required)
        return public, ServerTLS(certificates, key, now, clients)
    except TLSFileError as error:
        raise BadConfig(f"TLS: {error}") from None
