"""Compare a password with what is stored of it, in Dovecot's ``{SCHEME}`` notation.

Every scheme is one row of a table. Comparing takes a time that tells nothing of
the octets, and lets other threads run where the library does.

Source: https://doc.dovecot.org/main/core/config/auth/schemes.html, RFC 9106
section 4 (parameters of Argon2).
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable
from typing import Any

import argon2.low_level
import bcrypt
from passlib.hash import md5_crypt, sha256_crypt, sha512_crypt

from mailframe.auth.scram_hash import parse_scram, verify_scram
from mailframe.errors import TemporaryFailure
from mailframe.model.scram_keys import ScramKeys

_STORED = re.compile(r"\{([A-Za-z0-9-]+)(?:\.(b64|base64|hex))?\}(.*)\Z", re.I | re.S)

SECRET_OCTETS = 1024
"""Octets a password may have; some schemes take time by its length."""

_BCRYPT_OCTETS = 72
"""Octets of a password that bcrypt looks at."""

_MEMORY_KIB = 19_456
_PASSES = 2
_LANES = 1
"""What one new Argon2id hash costs: 19 MiB and two passes, OWASP's first choice
for servers; several logins at a time must fit into memory."""


def verify(secret: bytes, stored: str) -> bool:
    """Tell whether ``secret`` is the password that ``stored`` was made of.

    Takes as long as the scheme was meant to take: call it in a thread.

    Args:
        secret: The password.
        stored: ``{SCHEME}hash``, the scheme in any case and perhaps followed
            by ``.b64`` or ``.hex``; without one it is ``CRYPT``. Empty, or
            beginning with ``!`` or ``*``: nobody's password.

    Raises:
        ValueError: The scheme is not known, or the hash is not one of it; the
            text names the scheme and nothing of the hash.
        TemporaryFailure: There is not the memory that the hash asks for.
    """
    if _is_locked(stored):
        return False
    scheme, check, decoded = _taken_apart(stored)
    if not is_usable(secret):
        return False
    try:
        return check(secret, decoded)
    except ValueError:
        # Not chained: the cause may quote the hash.
        raise ValueError(f"damaged {{{scheme}}} hash") from None


def is_usable(secret: bytes) -> bool:
    """Tell whether ``secret`` can be a password: 1 to 1024 octets, no NUL."""
    return 0 < len(secret) <= SECRET_OCTETS and b"\0" not in secret


def check_scheme(stored: str) -> None:
    """Do nothing if :func:`verify` knows the scheme of ``stored``.

    Raises:
        ValueError: It does not; the text names the scheme.
    """
    if not _is_locked(stored):
        _taken_apart(stored)


def scheme_of(stored: str) -> str | None:
    """Return the name of the scheme in capitals, ``None`` if nobody can log in.

    Args:
        stored: As :func:`verify` takes it.
    """
    if _is_locked(stored):
        return None
    found = _STORED.match(stored)
    return found[1].upper() if found else "CRYPT"


def kept_plain(stored: str) -> bytes | None:
    """Return the password itself, where that is what is stored; else ``None``."""
    if scheme_of(stored) not in ("PLAIN", "CLEARTEXT", "CLEAR"):
        return None
    return _taken_apart_safely(stored)


def kept_scram(stored: str, digest: str) -> ScramKeys | None:
    """Return the SCRAM keys for a hash function, where they are what is stored.

    Args:
        stored: As :func:`verify` takes it.
        digest: ``sha1`` or ``sha256``.
    """
    if scheme_of(stored) != {"sha1": "SCRAM-SHA-1", "sha256": "SCRAM-SHA-256"}[digest]:
        return None
    octets = _taken_apart_safely(stored)
    try:
        return None if octets is None else parse_scram(octets, digest)
    except ValueError:
        # Told of when the user tries a password.
        return None


def _taken_apart_safely(stored: str) -> bytes | None:
    try:
        return _taken_apart(stored)[2]
    except ValueError:
        return None


def hash_argon2id(secret: bytes) -> str:
    """Return ``{ARGON2ID}`` and a new hash of ``secret``, with its own salt.

    Raises:
        ValueError: It cannot be a password.
    """
    if not is_usable(secret):
        raise ValueError(f"a password has 1 to {SECRET_OCTETS} octets and no NUL")
    octets = argon2.low_level.hash_secret(
        secret,
        salt=os.urandom(16),
        time_cost=_PASSES,
        memory_cost=_MEMORY_KIB,
        parallelism=_LANES,
        hash_len=32,
        type=argon2.low_level.Type.ID,
    )
    return "{ARGON2ID}" + octets.decode("ascii")


_Check = Callable[[bytes, bytes], bool]


def _is_locked(stored: str) -> bool:
    return not stored or stored[0] in "!*"


def _taken_apart(stored: str) -> tuple[str, _Check, bytes]:
    """Return the scheme's name, its check, and the hash as the check wants it."""
    found = _STORED.match(stored)
    name, encoding, text = found.groups() if found else ("CRYPT", None, stored)
    scheme = name.upper()
    if scheme not in _SCHEMES:
        raise ValueError(f"unknown password scheme {{{scheme}}}")
    check, size = _SCHEMES[scheme]
    octets = text.encode()
    try:
        if encoding:
            octets = _decoded(octets, encoding.lower() == "hex")
        elif size is not None:
            octets = _decoded(octets, len(octets) == 2 * size)
    except binascii.Error:
        raise ValueError(f"damaged {{{scheme}}} hash") from None
    if scheme == "CRYPT":
        check = _crypt_check(octets)
    return scheme, check, octets


def _decoded(octets: bytes, is_hex: bool) -> bytes:
    if is_hex:
        return binascii.unhexlify(octets)
    # Some tools leave the padding away.
    return base64.b64decode(octets + b"=" * (-len(octets) % 4), validate=True)


def _plain(secret: bytes, stored: bytes) -> bool:
    return bool(stored) and hmac.compare_digest(secret, stored)


def _digest(algorithm: str, salted: bool) -> _Check:
    size = hashlib.new(algorithm).digest_size

    def check(secret: bytes, stored: bytes) -> bool:
        digest, salt = stored[:size], stored[size:]
        if len(digest) < size or bool(salt) > salted:
            raise ValueError("not the digest's length")
        made = hashlib.new(algorithm, secret + salt).digest()
        return hmac.compare_digest(made, digest)

    return check


def _passlib(scheme: Any) -> _Check:
    def check(secret: bytes, stored: bytes) -> bool:
        return bool(scheme.verify(secret, stored))

    return check


def _blowfish(secret: bytes, stored: bytes) -> bool:
    return bcrypt.checkpw(secret[:_BCRYPT_OCTETS], stored)


def _argon2(kind: argon2.low_level.Type) -> _Check:
    def check(secret: bytes, stored: bytes) -> bool:
        try:
            return argon2.low_level.verify_secret(stored, secret, kind)
        except argon2.exceptions.VerifyMismatchError:
            return False
        except argon2.exceptions.VerificationError as error:
            if str(error) == "Memory allocation error":
                raise TemporaryFailure("no memory for Argon2") from None
            raise ValueError("not an Argon2 hash") from error

    return check


def _pbkdf2(secret: bytes, stored: bytes) -> bool:
    # "$1$" salt "$" rounds "$" 40HEXDIG; the salt is used as it is written
    _, one, salt, rounds, digest = stored.split(b"$")
    if one != b"1" or not 0 < len(rounds) < 9 or len(digest) != 40:
        raise ValueError("not $1$salt$rounds$digest")
    made = hashlib.pbkdf2_hmac("sha1", secret, salt, int(rounds))
    return hmac.compare_digest(made, binascii.unhexlify(digest))


def _scram(digest: str) -> _Check:
    def check(secret: bytes, stored: bytes) -> bool:
        return verify_scram(secret, stored, digest)

    return check


def _crypt_check(stored: bytes) -> _Check:
    """Return the check for what crypt(3) would have made."""
    for prefix, check in _CRYPT_PREFIXES:
        if stored.startswith(prefix):
            return check
    raise ValueError("unknown password scheme {CRYPT} without a known $prefix$")


_ARGON2I = _argon2(argon2.low_level.Type.I)
_ARGON2ID = _argon2(argon2.low_level.Type.ID)
_MD5_CRYPT = _passlib(md5_crypt)
_SHA256_CRYPT = _passlib(sha256_crypt)
_SHA512_CRYPT = _passlib(sha512_crypt)

_CRYPT_PREFIXES: tuple[tuple[bytes, _Check], ...] = (
    (b"$1$", _MD5_CRYPT),
    (b"$2a$", _blowfish),
    (b"$2b$", _blowfish),
    (b"$2y$", _blowfish),
    (b"$5$", _SHA256_CRYPT),
    (b"$6$", _SHA512_CRYPT),
    (b"$argon2i$", _ARGON2I),
    (b"$argon2id$", _ARGON2ID),
)

# Name: the check, and for a digest in base64 its octets without the salt (twice
# as many characters then are hexadecimal), None for what is text already.
_SCHEMES: dict[str, tuple[_Check, int | None]] = {
    "PLAIN": (_plain, None),
    "CLEARTEXT": (_plain, None),
    "CLEAR": (_plain, None),
    "CRYPT": (_plain, None),
    "MD5-CRYPT": (_MD5_CRYPT, None),
    "SHA256-CRYPT": (_SHA256_CRYPT, None),
    "SHA512-CRYPT": (_SHA512_CRYPT, None),
    "BLF-CRYPT": (_blowfish, None),
    "ARGON2I": (_ARGON2I, None),
    "ARGON2ID": (_ARGON2ID, None),
    "PBKDF2": (_pbkdf2, None),
    "SHA": (_digest("sha1", False), 20),
    "SHA1": (_digest("sha1", False), 20),
    "SHA256": (_digest("sha256", False), 32),
    "SHA512": (_digest("sha512", False), 64),
    "SSHA": (_digest("sha1", True), 20),
    "SSHA256": (_digest("sha256", True), 32),
    "SSHA512": (_digest("sha512", True), 64),
    "SCRAM-SHA-1": (_scram("sha1"), None),
    "SCRAM-SHA-256": (_scram("sha256"), None),
}
