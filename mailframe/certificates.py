"""Which certificates a host serves, and to whom: TLS from configuration.

Part of :mod:`mailframe.wiring`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from mailframe.config import BadConfig, HostConfig
from mailframe.net.self_signed import self_signed
from mailframe.net.tls import ClientCertificates, ServerTLS
from mailframe.net.tls_files import TLSFileError


def make_tls(
    config: HostConfig, now: Callable[[], float]
) -> tuple[ServerTLS, ServerTLS]:
    """Return what protects mail from other hosts, and our users' sessions.

    Only the latter are asked for certificates: a host that has one offers it for
    its own reasons.

    Args:
        config: Of the host; without a certificate one is made.
        now: Seconds since 1970.

    Raises:
        BadConfig: A certificate cannot be used or made.
    """
    certificates: Sequence[Path] = config.tls_certificates
    key = config.tls_key
    if not certificates:
        names = (config.hostname, *config.domains, "localhost")
        try:
            made, key = self_signed(config.state_dir / "tls", names)
        except OSError as error:
            raise BadConfig(f"{error.filename}: {error.strerror}") from None
        certificates = [made]
    try:
        public = ServerTLS(certificates, key, now)
        if config.tls_client_ca is None:
            return public, public
        clients = ClientCertificates(config.tls_client_ca, config.tls_client_required)
        return public, ServerTLS(certificates, key, now, clients)
    except TLSFileError as error:
        raise BadConfig(f"TLS: {error}") from None
