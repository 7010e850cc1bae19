"""EXTERNAL: the TLS layer knows the client by its certificate.

Source: RFC 4422 appendix A.
"""

from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.interfaces.connection import IConnection
from mailframe.interfaces.credentials import ClientCertificate, IClientCertificate
from mailframe.sasl.mechanism import ClientMechanism, Mechanism, Success
from mailframe.sasl.password import check_name


class External(Mechanism):
    """The client says at most whom it wants to be."""

    name = "EXTERNAL"
    credentials_interface = IClientCertificate
    plaintext = False

    @classmethod
    def usable(cls, connection: IConnection) -> bool:
        """Tell whether there is a verified certificate with a name in it."""
        return connection.tls is not None and bool(connection.tls.client_subject)

    def respond(self, octets: bytes) -> Success:
        """Take a name, or nothing for whom the certificate says.

        Raises:
            UnauthorizedLogin: The name cannot be one, or there is no certificate.
        """
        if not self.usable(self.connection):
            raise UnauthorizedLogin("no certificate")
        if octets:
            check_name(octets)
        subject = self.connection.tls.client_subject
        return Success(ClientCertificate(subject, octets or None))


class ExternalClient(ClientMechanism):
    """Say whom to be."""

    name = "EXTERNAL"

    def __init__(self, username: bytes = b"") -> None:
        """Log in as ``username``; empty for whom the certificate says."""
        self._username = username

    def initial(self) -> bytes:
        """Return the one message."""
        return self._username

    def respond(self, challenge: bytes) -> bytes:
        """Refuse to go on: there is nothing to ask.

        Raises:
            UnauthorizedLogin: Always.
        """
        raise UnauthorizedLogin("the server is not content")
