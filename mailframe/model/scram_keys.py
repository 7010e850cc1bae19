"""What is kept of a password for SCRAM, and how it is made.

Whoever has it cannot log in with it, but can try passwords against it.

Source: RFC 5802 section 3, RFC 7677 section 3.
"""

import hashlib
import hmac
from dataclasses import dataclass, field

DIGESTS = ("sha1", "sha256")
"""Hash functions SCRAM is used with here, as :mod:`hashlib` names them."""

ITERATIONS = 4096
"""Iterations of new keys: the least RFC 7677 section 4 allows; small devices
compute them at each login."""

MAX_ITERATIONS = 1_000_000
"""Iterations of keys that are still taken from others; about a second."""


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """The keys of one password for one hash function.

    Attributes:
        digest: One of :data:`DIGESTS`.
        iterations: How often the password was hashed.
        salt: Octets that make the keys differ between users.
        stored_key: Proves the client right. Not shown.
        server_key: Proves the server right. Not shown.
        known: Whether there is a user with these keys; if not, they look like
            a user's and fit no password.
    """

    digest: str
    iterations: int
    salt: bytes
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    known: bool = True

    def proves(self, auth_message: bytes, proof: bytes) -> bool:
        """Tell whether ``proof`` was made with the password of these keys.

        Takes a time that tells nothing of the keys.

        Args:
            auth_message: ``AuthMessage`` of the dialogue.
            proof: ``ClientProof`` as the client sent it, decoded.

        Source: RFC 5802 section 3.
        """
        # StoredKey = H(ClientKey)
        # ClientProof = ClientKey XOR HMAC(StoredKey, AuthMessage)
        signature = hmac.digest(self.stored_key, auth_message, self.digest)
        client_key = xor(signature, proof)
        made = hashlib.new(self.digest, client_key).digest()
        right = hmac.compare_digest(made, self.stored_key)
        return right and self.known and len(proof) == len(signature)

    def server_signature(self, auth_message: bytes) -> bytes:
        """Return what proves to the client that we have the keys."""
        return hmac.digest(self.server_key, auth_message, self.digest)


@dataclass(frozen=True, slots=True)
class ScramSecret:
    """What a client computes of a password: enough to log in.

    Attributes:
        keys: What the server has of it.
        client_key: ``ClientKey``. Not shown.
    """

    keys: ScramKeys
    client_key: bytes = field(repr=False)

    def proof(self, auth_message: bytes) -> bytes:
        """Return ``ClientProof``."""
        digest = self.keys.digest
        return xor(
            self.client_key, hmac.digest(self.keys.stored_key, auth_message, digest)
        )


def derived(
    password: bytes, salt: bytes, iterations: int, digest: str = "sha256"
) -> ScramSecret:
    """Return what SCRAM makes of a password; takes time by ``iterations``.

    Args:
        password: After SASLprep, in UTF-8.
        salt: Any octets, not empty.
        iterations: 1 at least.
        digest: One of :data:`DIGESTS`.

    Source: RFC 5802 section 3.
    """
    # Hi() is PBKDF2 with HMAC as its function and one block of output.
    salted = hashlib.pbkdf2_hmac(digest, password, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", digest)
    return ScramSecret(
        ScramKeys(
            digest=digest,
            iterations=iterations,
            salt=salt,
            stored_key=hashlib.new(digest, client_key).digest(),
            server_key=hmac.digest(salted, b"Server Key", digest),
        ),
        client_key,
    )


def xor(one: bytes, other: bytes) -> bytes:
    """Return the octets of ``one``, each combined with that of ``other``."""
    return bytes(a ^ b for a, b in zip(one, other, strict=False))
