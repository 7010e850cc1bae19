"""Base64, as it stands in lines and messages of SASL.

Source: RFC 4648 section 4, RFC 5802 section 7.
"""

import binascii

from mailframe.errors import BadSyntax


def encoded(octets: bytes) -> bytes:
    """Return octets in base64, without line ends."""
    return binascii.b2a_base64(octets, newline=False)


def decoded(octets: bytes) -> bytes:
    """Return what is in base64.

    Raises:
        BadSyntax: It is not base64; nothing of it is told.
    """
    try:
        return binascii.a2b_base64(octets, strict_mode=True)
    except binascii.Error:
        pass
    raise BadSyntax("base64")
