"""A slow domain with very much mail in the spool on disk, and all the others."""

import os
import shutil
import tempfile
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.queue.destinations import Pace
from mailframe.queue.records import Added, added, pack
from mailframe.queue.spool import DiskSpool
from mailframe.storage.journal import Journal
from mailframe.storage.os_layer import OSLayer
from mailframe.testing.spool_contract import START, envelope, octets_of
from tests.queue.fakes import House
from tests.queue.spool_case import EagerWriter

SLOW = 50_000

QUICK = 300

OLD = 1_000_000
"""Numbers of the messages that wait begin here."""


class Unsynced(OSLayer):
    """Waits for no disk: what a crash leaves is another test's matter."""

    def fsync(self, fd: int) -> None:
        """Do nothing."""

    fdatasync = fsync

    def fsync_dir(self, path: str) -> None:
        """Do nothing."""


def waiting(number: int) -> Added:
    """Return one of the messages for the slow domain, of a hundred senders."""
    octets = octets_of(number)
    message = envelope("a@slow.example", sender=f"u{number % 100}@example.org")
    change = added(OLD + number, message, len(octets), START - 60, START - 60)
    change.octets = octets
    return change


class SlowDomainTests(SynchronousTestCase):
    """50,000 messages for a domain that hardly answers."""

    def setUp(self) -> None:
        """Find them in the spool, as after a restart."""
        # In memory where there is such a place: SQLite waits for a disk.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.root = tempfile.mkdtemp(prefix="mailframe-slow-", dir=memory)
        self.addCleanup(shutil.rmtree, self.root)
        self.clock = Clock()
        self.clock.advance(START)
        files = Unsynced()
        journal = Journal(f"{self.root}/journal", os_layer=files)
        journal.open()
        journal.write([pack(waiting(number)) for number in range(SLOW)])
        journal.close()
        journal = Journal(f"{self.root}/journal", os_layer=files)
        spool = DiskSpool(
            f"{self.root}/spool",
            journal=journal,
            open_writer=partial(EagerWriter, journal),
            run=maybeDeferred,
            files=files,
            sync=lambda directory: None,
            now=self.clock.seconds,
        )
        spool.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(spool.close()))
        self.house = House(spool, self.clock, pace=Pace())
        self.stalled: list[Deferred[None]] = []
        self.house.relay.answers["mx.slow.example"] = self.stall

    def stall(self, hop: Any, message: Any) -> "Deferred[None]":
        """Let an attempt wait."""
        self.stalled.append(Deferred())
        return self.stalled[-1]

    def quick(self) -> int:
        """Return how many messages were tried elsewhere."""
        return sum("quick" in host for host in self.house.relay.hosts())

    def test_no_other_is_delayed(self) -> None:
        """Who comes later is tried at once, though the slow ones are due before."""
        house = self.house
        house.runner.start()
        house.go_on(0)
        self.assertEqual(len(self.stalled), 5)
        for number in range(QUICK):
            house.add(f"a@quick{number % 30}.example")
            house.go_on(0)
            self.assertEqual(self.quick(), number + 1)
            if number % 10 == 0 and self.stalled:
                # Now and then the slow one takes one more, and never rests.
                self.stalled.pop(0).callback(None)
                house.go_on(0)
        for _ in range(QUICK):
            house.add("a@quick.example")
        house.go_on(0)
        self.assertEqual(self.quick(), 2 * QUICK)
        self.assertEqual(house.clock.seconds(), START)
        slow = house.relay.hosts().count("mx.slow.example")
        self.assertEqual(slow, len(self.stalled) + QUICK // 10)
        self.assertGreater(len(self.stalled), 5)
        self.assertLessEqual(len(self.stalled), 20)
        self.assertLessEqual(house.runner.destinations.held, 4000)
        counts = self.successResultOf(Deferred.fromCoroutine(house.spool.counts()))
        self.assertEqual(counts.messages, SLOW - QUICK // 10)
        self.assertNoResult(house.runner.stop())
