"""Remember for a while which passwords were right, without keeping them.

Hashes are made to be slow; a client that comes every few seconds is not made to
pay each time.

Source: https://docs.python.org/3/library/hashlib.html#keyed-hashing
"""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable


class VerifiedCache:
    """Passwords that were right, each as a keyed digest.

    The key is random and never leaves the process, so a digest is of no use to
    whoever gets hold of it. Of wrong passwords nothing is kept.
    """

    def __init__(
        self, seconds: Callable[[], float], ttl: float = 300.0, size: int = 10_000
    ) -> None:
        """Begin empty.

        Args:
            seconds: A clock.
            ttl: Seconds a password is remembered for, from its verification.
            size: Passwords remembered; the oldest goes first.
        """
        self._seconds = seconds
        self._ttl = ttl
        self._size = size
        self._key = os.urandom(32)
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def remember(self, address: str, stored: str, secret: bytes) -> None:
        """Note that ``secret`` was right for this user and stored hash."""
        digest = self._digest(address, stored, secret)
        self._until[digest] = self._seconds() + self._ttl
        self._until.move_to_end(digest)
        if len(self._until) > self._size:
            self._until.popitem(last=False)

    def knows(self, address: str, stored: str, secret: bytes) -> bool:
        """Tell whether that was noted, not too long ago."""
        digest = self._digest(address, stored, secret)
        until = self._until.get(digest)
        if until is None:
            return False
        if until <= self._seconds():
            del self._until[digest]
            return False
        return True

    def _digest(self, address: str, stored: str, secret: bytes) -> bytes:
        # With the stored hash: a changed password is forgotten at once.
        # Neither of the first two has a NUL, so the joint is unambiguous.
        octets = b"\0".join((address.encode(), stored.encode(), secret))
        return hashlib.blake2b(octets, key=self._key, digest_size=32).digest()
