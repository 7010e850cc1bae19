"""What the tests of the spool on disk have in common: one without threads."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from mailframe.queue.spool import DiskSpool
from mailframe.storage import journal as journal_module
from mailframe.storage.journal import Journal
from mailframe.storage.os_layer import REAL, OSLayer
from mailframe.storage.writer import BatchWriter, at_once
from mailframe.testing.spool_contract import START


class EagerWriter:
    """A batch writer that runs each job at once, in the calling thread."""

    def __init__(self, journal: Journal, **more: Any) -> None:
        self.writer = BatchWriter(
            journal,
            call_from_thread=lambda call, *args: call(*args),
            start_thread=lambda run: None,
            beside=at_once,
            **more,
        )

    def submit(self, job: Callable[[Any], Any]) -> "Deferred[Any]":
        """Run a job."""
        deferred = self.writer.submit(job)
        self.writer.run_pending()
        return deferred

    def stop(self) -> "Deferred[None]":
        """Stop."""
        deferred = self.writer.stop()
        self.writer.run_pending()
        return deferred


def sync_all(files: OSLayer, directory: str) -> None:
    """Do what ``syncfs`` does, through ``files``."""
    for path, _, names in os.walk(directory):
        for name in names:
            if path.endswith("/content"):
                fd = files.open(os.path.join(path, name), os.O_RDWR)
                try:
                    files.fsync(fd)
                finally:
                    files.close(fd)
        files.fsync_dir(path)


def make_spool(
    directory: str, clock: Clock, files: OSLayer = REAL, **more: Any
) -> DiskSpool:
    """Return a spool that needs no reactor; it is not open yet."""
    journal = Journal(f"{directory}/journal", os_layer=files, size_limit=20_000)
    return DiskSpool(
        f"{directory}/spool",
        journal=journal,
        open_writer=partial(EagerWriter, journal),
        run=maybeDeferred,
        files=files,
        sync=partial(sync_all, files),
        now=clock.seconds,
        **more,
    )


class SpoolTestCase(TestCase):
    """A test with an open spool on disk."""

    files: OSLayer = REAL

    def setUp(self) -> None:
        """Make directory and clock."""
        # Little, and not so little that most of what is done is writing zeros.
        self.patch(journal_module, "ZEROS", bytes(4096))
        self.root = os.path.abspath(self.mktemp())
        os.mkdir(self.root)
        self.clock = Clock()
        self.clock.advance(START)

    def open_spool(self, **more: Any) -> DiskSpool:
        """Return a spool, closed when the test ends."""
        spool = make_spool(self.root, self.clock, self.files, **more)
        spool.open()
        self.addCleanup(lambda: self.wait(spool.close()))
        return spool

    def wait(self, awaitable: Any) -> Any:
        """Return the result of what needs no waiting."""
        return self.successResultOf(ensureDeferred(awaitable))
