"""A user name and a password off the wire, as credentials.

IMAP's LOGIN and POP3's PASS make theirs here too, so that the same secrets are
refused whichever way they come.

Source: RFC 4616 section 2, RFC 4013 section 2.3.
"""

import re

from mailframe.interfaces.auth import UnauthorizedLogin, UsernamePassword

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
    for octets in (username, password):
        try:
            text = octets.decode("utf-8")
        except UnicodeDecodeError:
            raise UnauthorizedLogin("not UTF-8") from None
        if not text or _CONTROL.search(text):
            raise UnauthorizedLogin("empty, or with a control character")
    return UsernamePassword(username, password)
