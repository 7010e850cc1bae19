"""Tests of :mod:`mailframe.auth.verified_cache`."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.verified_cache import VerifiedCache


class VerifiedCacheTests(SynchronousTestCase):
    """A password that was right is remembered, for a while and for its user."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.cache = VerifiedCache(self.clock.seconds, ttl=10, size=2)
        self.cache.remember("a@b", "{X}h", b"secret")

    def test_known(self) -> None:
        """User, hash and password must all be the same."""
        self.assertTrue(self.cache.knows("a@b", "{X}h", b"secret"))
        self.assertFalse(self.cache.knows("c@b", "{X}h", b"secret"))
        self.assertFalse(self.cache.knows("a@b", "{X}i", b"secret"))
        self.assertFalse(self.cache.knows("a@b", "{X}h", b"other"))

    def test_ends(self) -> None:
        """After its time it is forgotten."""
        self.clock.advance(9)
        self.assertTrue(self.cache.knows("a@b", "{X}h", b"secret"))
        self.clock.advance(1)
        self.assertFalse(self.cache.knows("a@b", "{X}h", b"secret"))

    def test_bound(self) -> None:
        """Beyond its size the oldest goes; one that was renewed is not that."""
        self.cache.remember("2", "{X}h", b"secret")
        self.cache.remember("a@b", "{X}h", b"secret")
        self.cache.remember("3", "{X}h", b"secret")
        self.assertTrue(self.cache.knows("a@b", "{X}h", b"secret"))
        self.assertFalse(self.cache.knows("2", "{X}h", b"secret"))
        self.assertTrue(self.cache.knows("3", "{X}h", b"secret"))

    def test_nothing_kept(self) -> None:
        """Nothing in the cache has the password in it, or its plain digest."""
        import hashlib

        held = repr(vars(self.cache))
        self.assertNotIn("secret", held)
        self.assertNotIn(repr(hashlib.sha256(b"secret").digest())[2:-1], held)
