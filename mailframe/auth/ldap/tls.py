"""TLS with a server that has shown that it is the one we want.

Source: RFC 4513 section 3.1.3 (the server's identity), RFC 6125 section 6.
"""

import ipaddress
import ssl
from typing import Any

import ldap3
from cryptography import x509
from service_identity import VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from service_identity.exceptions import CertificateError


class VerifyingTLS(ldap3.Tls):  # type: ignore[misc]
    """TLS as our context has it, and the name checked by service-identity.

    Attributes:
        trouble: Why the server is not trusted, for the log; ``""`` if it is.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        """Use ``context``, which verifies the chain and not the name."""
        super().__init__()
        self._context = context
        self.trouble = ""

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Do the handshake and verify who is there.

        Source: RFC 6125 section 6, RFC 4513 section 3.1.3.
        """
        host = connection.server.host
        try:
            wrapped = self._context.wrap_socket(
                connection.socket,
                server_hostname=host,
                do_handshake_on_connect=True,
                suppress_ragged_eofs=True,
            )
        except ssl.SSLCertVerificationError as error:
            self.trouble = f"the certificate is not trusted: {error.verify_message}"
            raise
        except ssl.SSLError as error:
            self.trouble = f"no TLS: {error.reason}"
            raise
        # The old socket gave its descriptor away; this one is closed from now on.
        connection.socket = wrapped
        octets = wrapped.getpeercert(binary_form=True)
        assert octets is not None
        try:
            _verify(x509.load_der_x509_certificate(octets), host)
        except (VerificationError, CertificateError, ValueError):
            self.trouble = f"the certificate is not one for {host}"
            connection.socket = None
            wrapped.close()
            raise


def _verify(certificate: x509.Certificate, host: str) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        verify_certificate_hostname(certificate, host)
    else:
        verify_certificate_ip_address(certificate, host)
