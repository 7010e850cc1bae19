"""Compare a password with what the system's ``crypt(3)`` made of it.

The system's own library knows every scheme that its ``passwd`` may have used, such
as yescrypt, and lets other threads run meanwhile.

Source: crypt(3), crypt(5).
"""

import ctypes
import hmac
from functools import cache
from typing import Any

from mailframe.auth.password_hash import is_usable, verify

_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")

_ROOM = 32768
"""Octets of ``struct crypt_data``, crypt(3)."""


def verify_system(secret: bytes, stored: str) -> bool:
    """Tell whether ``secret`` is the password that ``stored`` was made of.

    Takes as long as the scheme was meant to take: call it in a thread.

    Args:
        secret: The password.
        stored: A field of ``/etc/shadow``. Empty, or beginning with ``!`` or
            ``*``: nobody's password.

    Raises:
        ValueError: The system does not know the scheme, or the hash is
            damaged; the text repeats nothing of it.
    """
    if not stored or stored[0] in "!*" or not is_usable(secret):
        return False
    crypt_rn = _crypt_rn()
    if crypt_rn is None:
        return verify(secret, stored)
    octets = stored.encode()
    room = ctypes.create_string_buffer(_ROOM)
    try:
        made = crypt_rn(secret, octets, room, _ROOM)
        if made is None or len(made) < len("ab") + 11:
            raise ValueError("a hash that this system's crypt does not know")
        return hmac.compare_digest(made, octets)
    finally:
        # It had the password in it.
        ctypes.memset(room, 0, _ROOM)


@cache
def _crypt_rn() -> Any:
    """Return the function of libxcrypt, or ``None`` where there is none."""
    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt_rn
        except (OSError, AttributeError):
            continue
        function.restype = ctypes.c_char_p
        function.argtypes = [
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_int,
        ]
        return function
    return None
