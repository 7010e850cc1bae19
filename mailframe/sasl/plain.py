"""PLAIN: name and password in one message.

Source: RFC 4616.
"""

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import IUsernamePassword, UnauthorizedLogin
from mailframe.sasl.mechanism import ClientMechanism, Mechanism, Success
from mailframe.sasl.password import password_credentials


class Plain(Mechanism):
    """The client says who it is and its password, at once."""

    name = "PLAIN"
    credentials_interface = IUsernamePassword

    def respond(self, octets: bytes) -> Success:
        """Take the one message.

        Acting as somebody else is not offered: an authorization identity must
        be missing or the same as the authentication identity.

        Raises:
            BadSyntax: It is not three parts.
            UnauthorizedLogin: Another authorization identity, or what
                ``password_credentials`` refuses.

        Source: RFC 4616 section 2.
        """
        # message = [authzid] UTF8NUL authcid UTF8NUL passwd
        parts = octets.split(b"\0")
        if len(parts) != 3:
            raise BadSyntax("[authzid] NUL authcid NUL passwd")
        authzid, authcid, password = parts
        if authzid and authzid != authcid:
            raise UnauthorizedLogin("another authorization identity")
        return Success(password_credentials(authcid, password))


class PlainClient(ClientMechanism):
    """Say name and password."""

    name = "PLAIN"

    def __init__(self, username: bytes, password: bytes) -> None:
        """Log in as ``username``."""
        self._message = b"\0%b\0%b" % (username, password)

    def initial(self) -> bytes:
        """Return the one message."""
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        """Refuse to go on: there is nothing to ask.

        Raises:
            BadSyntax: Always.
        """
        raise BadSyntax("no challenge")
