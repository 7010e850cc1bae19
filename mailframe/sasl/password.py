"""A user name and a password off the wire, as credentials.

IMAP's LOGIN and POP3's PASS make theirs here too, so that the same secrets are
refused whichever way they come.

Source: RFC 4616 section 2, RFC 4013 section 2.3.
"""

import binascii
import hmac
import re
from dataclasses import dataclass, field

from zope.interface import implementer

from mailframe.interfaces.auth import (
    IUsernameHashedPassword,
    UnauthorizedLogin,
    UsernamePassword,
)

# The C0 and C1 controls and DEL (RFC 3454 tables C.2.1 and C.2.2), and the
# Unicode line ends of the latter.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def password_credentials(username: bytes, password: bytes) -> UsernamePassword:
    """Return credentials that a checker for ``IUsernamePassword`` takes.

    The octets are handed on as they came: of SASLprep, what it prohibits is
    refused, and what it would rewrite is left, since stored hashes were made
    of what users type.

    Args:
        username: The login name in UTF-8.
        password: The password in UTF-8.

    Raises:
        UnauthorizedLogin: One of them is empty, not UTF-8, or has a control
            character.

    Source: RFC 4616 section 2, RFC 4013 section 2.3.
    """
    check_name(username)
    check_name(password)
    return UsernamePassword(username, password)


def check_name(octets: bytes) -> None:
    """Do nothing if the octets can be a name or a password.

    Raises:
        UnauthorizedLogin: They are empty, not UTF-8, or have a control
            character.
    """
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise UnauthorizedLogin("not UTF-8") from None
    if not text or _CONTROL.search(text):
        raise UnauthorizedLogin("empty, or with a control character")


@implementer(IUsernameHashedPassword)
@dataclass(frozen=True, slots=True)
class KeyedDigest:
    """What CRAM-MD5 proves a password by.

    Attributes:
        username: The login name in UTF-8.
        challenge: What the client was sent.
        digest: HMAC-MD5 of it with the password as its key, in lower-case
            hexadecimal, as the client sent it.
    """

    username: bytes
    challenge: bytes
    digest: bytes = field(repr=False)

    def checkPassword(self, password: bytes) -> bool:
        """Tell whether the digest was made with ``password``."""
        made = binascii.hexlify(hmac.digest(password, self.challenge, "md5"))
        return hmac.compare_digest(made, self.digest)
