"""What OAUTHBEARER and XOAUTH2 share: a token, and how its refusal is told.

Source: RFC 7628 section 3, RFC 6750 section 2.1.
"""

import re
from typing import ClassVar

from mailframe.interfaces.credentials import BearerToken, IBearerToken
from mailframe.model.secret import Secret
from mailframe.sasl.mechanism import Challenge, Mechanism, Success
from mailframe.sasl.password import check_name

# credentials = "Bearer" 1*SP b64token                 ; RFC 6750 section 2.1
_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)\Z")


class Bearer(Mechanism):
    """The client shows a token.

    When the portal refuses it the client is told why as JSON; the client then
    has to answer with anything, and is refused.

    Attributes:
        refusal: What the client is told.
    """

    credentials_interface = IBearerToken
    refusal: ClassVar[bytes]

    def refused(self) -> Challenge:
        """Return the error as JSON.

        Source: RFC 7628 section 3.2.2.
        """
        self.over = True
        return Challenge(self.refusal)

    def credentials(
        self, authorization: bytes, username: bytes | None
    ) -> Challenge | Success:
        """Return the credentials; without a bearer token, the error at once.

        Args:
            authorization: The value of ``auth``.
            username: Whom the client wants to be, or ``None``.

        Raises:
            UnauthorizedLogin: The name cannot be one.
        """
        found = _BEARER.match(authorization)
        if found is None:
            # An empty one asks for what the error tells (RFC 7628 section 4.3).
            return self.refused()
        if username is not None:
            check_name(username)
        return Success(BearerToken(Secret(found[1]), username))
