"""What of the stored passwords CRAM-MD5, APOP and SCRAM can be served with.

A password that is kept as it is serves all of them, SCRAM keys serve SCRAM with
their own hash function, and what other schemes keep serves none.

Source: RFC 2195 section 2, RFC 5802 sections 3 and 9.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from mailframe.auth.password_hash import is_usable, kept_plain, kept_scram, scheme_of
from mailframe.auth.scram_hash import scram_of
from mailframe.interfaces.auth import IUsernameHashedPassword
from mailframe.interfaces.credentials import IScramSHA1, IScramSHA256
from mailframe.model.scram_keys import ITERATIONS, ScramKeys

INTERFACES = (IUsernameHashedPassword, IScramSHA1, IScramSHA256)
"""The credentials that can be checked with what is here."""

_SALT = 16

_PLAIN = frozenset({"PLAIN", "CLEARTEXT", "CLEAR"})
_SERVING: dict[Any, frozenset[str]] = {
    IUsernameHashedPassword: _PLAIN,
    IScramSHA1: _PLAIN | {"SCRAM-SHA-1"},
    IScramSHA256: _PLAIN | {"SCRAM-SHA-256"},
}


class ChallengeSecrets:
    """The secrets of one version of a table of users."""

    def __init__(self, hashes: Sequence[str], decoy_key: bytes) -> None:
        """Look through them once: call it in a thread.

        Args:
            hashes: What is stored of everyone who can log in.
            decoy_key: Secret octets; as long as they are the same, a name that
                is nobody's gets the same salt each time.
        """
        self._hashes = hashes
        self._decoy_key = decoy_key
        schemes = {scheme_of(stored) for stored in hashes} - {None}
        self._served = {
            interface
            for interface, serving in _SERVING.items()
            if schemes and schemes <= serving
        }

    def serves(self, interface: Any) -> bool:
        """Tell whether everyone who can log in can do it with these credentials."""
        return interface in self._served

    def checks(self, stored: str, name: str, credentials: Any) -> bool:
        """Tell whether a keyed digest was made with a user's password.

        Args:
            stored: What is stored of it; ``""`` for nobody's.
            name: The canonical name, in one case whatever the client wrote.
            credentials: Provides ``IUsernameHashedPassword``.
        """
        secret = kept_plain(stored)
        known = secret is not None and is_usable(secret)
        right = credentials.checkPassword(
            secret if known else self._decoy(b"secret", name)
        )
        return known and bool(right)

    def scram_keys(self, stored: str, name: str, digest: str) -> ScramKeys:
        """Return the keys of a user, or a decoy that costs and looks the same.

        Takes time by the number of iterations: call it in a thread.

        Args:
            stored: What is stored of the password; ``""`` for nobody's.
            name: The canonical name, in one case whatever the client wrote.
            digest: ``sha1`` or ``sha256``.
        """
        found = self._keys(stored, name, digest)
        return self._decoy_keys(name, digest) if found is None else found

    def _keys(self, stored: str, name: str, digest: str) -> ScramKeys | None:
        """Return what ``stored`` gives, ``None`` if it gives no keys."""
        secret = kept_plain(stored)
        if secret is None or not is_usable(secret):
            return kept_scram(stored, digest)
        made = scram_of(secret, self._decoy(b"salt", name)[:_SALT], ITERATIONS, digest)
        return None if made is None else made.keys

    def _decoy_keys(self, name: str, digest: str) -> ScramKeys:
        """Return keys that fit no password, for the same name always the same."""
        like = None
        if self._hashes:
            # They cost and look as if they were some user's.
            number = int.from_bytes(self._decoy(b"user", name)[:8], "big")
            stored = self._hashes[number % len(self._hashes)]
            like = self._keys(stored, name, digest)
        size = hashlib.new(digest).digest_size
        return ScramKeys(
            digest=digest,
            iterations=like.iterations if like else ITERATIONS,
            salt=self._decoy(b"salt", name)[: len(like.salt) if like else _SALT],
            stored_key=self._decoy(b"stored key", name)[:size],
            server_key=self._decoy(b"server key", name)[:size],
            known=False,
        )

    def _decoy(self, purpose: bytes, name: str) -> bytes:
        """Return 64 octets that nobody can foresee, the same for the same name."""
        octets = purpose + b"\0" + name.encode()
        return hmac.digest(self._decoy_key, octets, "sha512")
