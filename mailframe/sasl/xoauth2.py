"""XOAUTH2: OAUTHBEARER's forerunner, which many clients still know only.

Source: https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
"""

import re

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.sasl.bearer import Bearer
from mailframe.sasl.mechanism import Challenge, ClientMechanism, Success

_RESPONSE = re.compile(rb"user=([^\0\x01]+)\x01auth=([^\0\x01]+)\x01\x01\Z")


class XOAuth2(Bearer):
    """The client says who it is, and shows a token."""

    name = "XOAUTH2"
    refusal = b'{"status":"401","schemes":"bearer","scope":"mail"}'

    def respond(self, octets: bytes) -> Challenge | Success:
        """Take the one message.

        Raises:
            BadSyntax: It is not a name and a token.
            UnauthorizedLogin: The name cannot be one.
        """
        found = _RESPONSE.match(octets)
        if found is None:
            raise BadSyntax("user= and auth=")
        return self.credentials(found[2], found[1])


class XOAuth2Client(ClientMechanism):
    """Show a token."""

    name = "XOAUTH2"

    def __init__(self, username: bytes, token: bytes) -> None:
        """Log in as ``username``."""
        self._username = username
        self._token = token

    def initial(self) -> bytes:
        """Return the one message."""
        return b"user=%b\x01auth=Bearer %b\x01\x01" % (self._username, self._token)

    def respond(self, challenge: bytes) -> bytes:
        """Refuse to go on: a challenge says that the token was refused.

        Raises:
            UnauthorizedLogin: Always.
        """
        raise UnauthorizedLogin("the token was refused")
