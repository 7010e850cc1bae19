"""SCRAM keys as a passwd-file keeps them: ``{SCRAM-SHA-256}4096,salt,key,key``.

Source: https://doc.dovecot.org/main/core/config/auth/schemes.html, RFC 5802
section 3.
"""

import base64
import binascii
import hmac
import os
import re

from mailframe.model.saslprep import saslprep
from mailframe.model.scram_keys import (
    ITERATIONS,
    MAX_ITERATIONS,
    ScramKeys,
    ScramSecret,
    derived,
)

_SALT_OCTETS = 16

# iterations "," salt "," StoredKey "," ServerKey, the last three in base64
_KEYS = re.compile(rb"([1-9][0-9]{0,9}),([^,]+),([^,]+),([^,]+)\Z")


def parse_scram(octets: bytes, digest: str) -> ScramKeys:
    """Return the keys that are written after the scheme.

    Args:
        octets: What follows ``{SCRAM-SHA-256}`` or ``{SCRAM-SHA-1}``.
        digest: ``sha256`` or ``sha1``.

    Raises:
        ValueError: It is not that, or asks for more iterations than is sane.
    """
    found = _KEYS.match(octets)
    if found is None:
        raise ValueError("not iterations,salt,key,key")
    iterations = int(found[1])
    try:
        salt, stored, server = (
            binascii.a2b_base64(one, strict_mode=True) for one in found.groups()[1:]
        )
    except binascii.Error:
        raise ValueError("not base64") from None
    size = len(hmac.digest(b"", b"", digest))
    if iterations > MAX_ITERATIONS or len(stored) != size or len(server) != size:
        raise ValueError("not keys of this hash function")
    return ScramKeys(digest, iterations, salt, stored, server)


def scram_of(
    secret: bytes, salt: bytes, iterations: int, digest: str
) -> ScramSecret | None:
    """Return what a password gives, ``None`` if SASLprep prohibits it.

    Takes time by ``iterations``: call it in a thread.
    """
    try:
        prepared = saslprep(secret.decode("utf-8")).encode()
    except ValueError:
        return None
    return derived(prepared, salt, iterations, digest)


def verify_scram(secret: bytes, stored: bytes, digest: str) -> bool:
    """Tell whether ``secret`` is the password that the keys were made of.

    Raises:
        ValueError: They are no keys.
    """
    keys = parse_scram(stored, digest)
    made = scram_of(secret, keys.salt, keys.iterations, digest)
    return made is not None and hmac.compare_digest(
        made.keys.stored_key, keys.stored_key
    )


def hash_scram(
    secret: bytes, digest: str = "sha256", iterations: int = ITERATIONS
) -> str:
    """Return ``{SCRAM-SHA-256}`` and new keys of ``secret``, with their own salt.

    Args:
        secret: The password, in UTF-8.
        digest: ``sha256`` or ``sha1``.
        iterations: 4096 at least; more make guessing and each login slower.

    Raises:
        ValueError: It cannot be a password.
    """
    made = scram_of(secret, os.urandom(_SALT_OCTETS), iterations, digest)
    if made is None or not secret:
        raise ValueError("a password has no control characters, and is not empty")
    keys = made.keys
    fields = (keys.salt, keys.stored_key, keys.server_key)
    encoded = ",".join(base64.b64encode(one).decode("ascii") for one in fields)
    name = {"sha1": "SCRAM-SHA-1", "sha256": "SCRAM-SHA-256"}[digest]
    return f"{{{name}}}{iterations},{encoded}"
