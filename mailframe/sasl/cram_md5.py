"""CRAM-MD5: a keyed digest of the server's challenge; for old clients.

The checker needs the password itself, nothing proves who the server is, and
whoever reads the exchange can try passwords on it fast: it is offered only where
PLAIN is, too.

Source: RFC 2195.
"""

import binascii
import hmac
import re

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import IUsernameHashedPassword
from mailframe.interfaces.connection import IConnection
from mailframe.sasl.mechanism import Challenge, ClientMechanism, Mechanism, Success
from mailframe.sasl.password import KeyedDigest, check_name

# user name, space, and 16 octets in hexadecimal; the name may have spaces.
_RESPONSE = re.compile(rb"(.+) ([0-9a-f]{32})\Z", re.DOTALL)

_NONCE_OCTETS = 16


class CramMD5(Mechanism):
    """The client answers a challenge that never comes again."""

    name = "CRAM-MD5"
    credentials_interface = IUsernameHashedPassword
    takes_initial_response = False

    def __init__(self, connection: IConnection) -> None:
        """Begin before the challenge."""
        super().__init__(connection)
        self._challenge = b""

    def begin(self) -> Challenge:
        """Return a challenge in the form of a message identifier."""
        nonce = binascii.hexlify(self.connection.nonce(_NONCE_OCTETS))
        self._challenge = b"<%b@mailframe>" % nonce
        return Challenge(self._challenge)

    def respond(self, octets: bytes) -> Success:
        """Take name and digest.

        Raises:
            BadSyntax: It is not these two.
            UnauthorizedLogin: The name cannot be one.

        Source: RFC 2195 section 2.
        """
        found = _RESPONSE.match(octets)
        if found is None:
            raise BadSyntax("a name, a space and 32 hexadecimal digits")
        username, digest = found.groups()
        check_name(username)
        return Success(KeyedDigest(username, self._challenge, digest))


class CramMD5Client(ClientMechanism):
    """Answer the one challenge."""

    name = "CRAM-MD5"

    def __init__(self, username: bytes, password: bytes) -> None:
        """Log in as ``username``."""
        self._username = username
        self._password = password
        self._asked = False

    def respond(self, challenge: bytes) -> bytes:
        """Return name and digest."""
        if self._asked:
            raise BadSyntax("no second challenge")
        self._asked = True
        digest = hmac.digest(self._password, challenge, "md5")
        return self._username + b" " + binascii.hexlify(digest)
