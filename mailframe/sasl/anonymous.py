"""ANONYMOUS: for whoever comes.

Source: RFC 4505.
"""

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import IAnonymous, UnauthorizedLogin
from mailframe.interfaces.credentials import AnonymousLogin
from mailframe.sasl.mechanism import Mechanism, Success
from mailframe.sasl.password import check_name

_MAX_CHARACTERS = 255


class Anonymous(Mechanism):
    """The client may say a word of itself."""

    name = "ANONYMOUS"
    credentials_interface = IAnonymous
    plaintext = False

    def respond(self, octets: bytes) -> Success:
        """Take the word.

        Raises:
            BadSyntax: It is not text, or too long.

        Source: RFC 4505 section 2.
        """
        # message = [ email / token ]; token = 1*255TCHAR
        if octets:
            try:
                check_name(octets)
            except UnauthorizedLogin:
                raise BadSyntax("trace information in UTF-8") from None
        trace = octets.decode("utf-8")
        if len(trace) > _MAX_CHARACTERS:
            raise BadSyntax(f"at most {_MAX_CHARACTERS} characters")
        return Success(AnonymousLogin(trace))
