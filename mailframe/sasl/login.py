"""LOGIN: name and password in two answers; obsolete, and still what some send.

Source: draft-murchison-sasl-login-00.
"""

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import IUsernamePassword
from mailframe.interfaces.connection import IConnection
from mailframe.sasl.mechanism import Challenge, ClientMechanism, Mechanism, Success
from mailframe.sasl.password import password_credentials


class Login(Mechanism):
    """The client answers two prompts.

    An initial response counts as the answer to the first one.
    """

    name = "LOGIN"
    credentials_interface = IUsernamePassword

    def __init__(self, connection: IConnection) -> None:
        """Begin before the name."""
        super().__init__(connection)
        self._username: bytes | None = None

    def begin(self) -> Challenge:
        """Ask for the name."""
        return Challenge(b"Username:")

    def respond(self, octets: bytes) -> Challenge | Success:
        """Take the name, then the password.

        Raises:
            UnauthorizedLogin: What ``password_credentials`` refuses; after the
                password, so that the name alone tells nothing.
        """
        if self._username is None:
            self._username = octets
            return Challenge(b"Password:")
        return Success(password_credentials(self._username, octets))


class LoginClient(ClientMechanism):
    """Answer the two prompts, whatever they say."""

    name = "LOGIN"

    def __init__(self, username: bytes, password: bytes) -> None:
        """Log in as ``username``."""
        self._answers = [password, username]

    def respond(self, challenge: bytes) -> bytes:
        """Return the name, then the password."""
        if not self._answers:
            raise BadSyntax("no third prompt")
        return self._answers.pop()
