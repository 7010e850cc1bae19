"""Names inside messages whose parts commas part.

Source: RFC 5801 section 4 (``saslname``).
"""

import re

from mailframe.errors import BadSyntax

_ESCAPE = re.compile(rb"=(2C|3D)?")


def escaped(name: bytes) -> bytes:
    """Return a name as it stands in a message."""
    return name.replace(b"=", b"=3D").replace(b",", b"=2C")


def unescaped(name: bytes) -> bytes:
    """Return the name that stands in a message.

    Raises:
        BadSyntax: An ``=`` begins no escape.
    """
    return _ESCAPE.sub(_octet, name)


def _octet(found: re.Match[bytes]) -> bytes:
    if found[1] is None:
        raise BadSyntax("=2C or =3D after =")
    return b"," if found[1] == b"2C" else b"="
