"""Tests of :mod:`mailframe.net.collection`."""

import gc

from twisted.trial.unittest import SynchronousTestCase

from mailframe.net.collection import FIRST, collect_rarely


class CollectionTests(SynchronousTestCase):
    """The collector of a process that is a server."""

    def test_rarely(self) -> None:
        """It looks rarely, but it looks, and not at what was there before."""
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        collect_rarely()
        self.assertTrue(gc.isenabled())
        self.assertEqual(gc.get_threshold()[0], FIRST)
        self.assertGreater(gc.get_freeze_count(), 1000)
