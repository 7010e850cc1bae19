"""OAUTHBEARER: an OAuth 2.0 token in one message.

Source: RFC 7628.
"""

import re

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.sasl.bearer import Bearer
from mailframe.sasl.mechanism import Challenge, ClientMechanism, Success
from mailframe.sasl.saslname import escaped, unescaped

# client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep
# kvpair      = key "=" value kvsep
# gs2-header  = ("n" / "y") "," ["a=" saslname] ","     (nothing is bound here)
_RESPONSE = re.compile(
    rb"[ny],(?:a=([^\0,]+))?,\x01((?:[A-Za-z]+=[\x09\x0a\x0d\x20-\x7e]*\x01)*)\x01\Z"
)


class OAuthBearer(Bearer):
    """The client shows a token, and perhaps where it thinks it is."""

    name = "OAUTHBEARER"
    refusal = b'{"status":"invalid_token"}'

    def respond(self, octets: bytes) -> Challenge | Success:
        """Take the one message.

        Raises:
            BadSyntax: It is not what the grammar allows.
            UnauthorizedLogin: The name cannot be one.

        Source: RFC 7628 section 3.1.
        """
        found = _RESPONSE.match(octets)
        if found is None:
            raise BadSyntax("a GS2 header and key=value pairs")
        pairs: dict[bytes, bytes] = {}
        for pair in found[2].split(b"\x01")[:-1]:
            key, _, value = pair.partition(b"=")
            if pairs.setdefault(key, value) is not value:
                raise BadSyntax("each key once")
        if b"auth" not in pairs:
            raise BadSyntax("auth=")
        username = None if found[1] is None else unescaped(found[1])
        return self.credentials(pairs[b"auth"], username)


class OAuthBearerClient(ClientMechanism):
    """Show a token."""

    name = "OAUTHBEARER"

    def __init__(self, username: bytes, token: bytes) -> None:
        """Log in as ``username``; empty for whom the token says."""
        self._username = username
        self._token = token

    def initial(self) -> bytes:
        """Return the one message."""
        name = b"a=" + escaped(self._username) if self._username else b""
        return b"n,%b,\x01auth=Bearer %b\x01\x01" % (name, self._token)

    def respond(self, challenge: bytes) -> bytes:
        """Refuse to go on: a challenge says that the token was refused.

        Raises:
            UnauthorizedLogin: Always.
        """
        raise UnauthorizedLogin("the token was refused")
