"""The crash rules of ``docs/queue.rst``, proved: power goes at every write."""

import contextlib
import errno
import os
from random import Random
from typing import Any

from twisted.internet.defer import ensureDeferred

from mailframe.errors import InsufficientStorage, MessageGone, TemporaryFailure
from mailframe.memory_content import MemoryContent
from mailframe.queue import store as store_module
from mailframe.queue.contract import Outcome, Settled, State
from mailframe.queue.index import Index
from mailframe.testing.faults import FaultyOS, PowerLoss
from mailframe.testing.spool_contract import DEFERRED, DELIVERED, START, envelope
from tests.queue.spool_case import SpoolTestCase, make_spool

SMALL, LARGE = 1500, 6000
LATER = START + 60


def octets_for(name: str, size: int) -> bytes:
    """Return a content that differs by ``name``."""
    return (name.encode() * size)[:size]


class Life:
    """One life of a spool, in which the power may go, and what was promised.

    Attributes:
        known: What must be there: by queue ID the content, and by recipient
            attempts, due time, and whether held.
        unsure: What the change that was not answered would have made of it.
    """

    def __init__(self, test: Any, system: Any) -> None:
        self.test, self.system = test, system
        self.known = {}
        self.unsure: Any = None
        self.lost = False
        self.spool = make_spool(test.root, test.clock, system, journal_max=5000)

    def do(self, awaitable: Any) -> Any:
        """Return what a call answers; ``None`` when the power goes."""
        result, failure = [], []
        ensureDeferred(awaitable).addCallbacks(result.append, failure.append)
        if failure:
            failure[0].trap(PowerLoss, TemporaryFailure)
            self.lost = True
            return None
        return result[0]

    def change(self, awaitable: Any, after: Any) -> None:
        """Make a change, of which ``after`` is the state that follows."""
        if self.lost:
            awaitable.close()
            return
        self.unsure = after
        self.do(awaitable)
        if not self.lost:
            self.known, self.unsure = after, None

    def add(self, name: Any, size: Any, *recipients: Any) -> Any:
        """Queue a message; return its ID."""
        if self.lost:
            return None
        content = octets_for(name, size)
        state = dict.fromkeys(recipients, (0, START, False))
        self.unsure = {**self.known, "?": (content, state)}
        queue_id = self.do(
            self.spool.add(envelope(*recipients), MemoryContent(content), START)
        )
        if queue_id is not None:
            self.known = {**self.known, queue_id: (content, state)}
            self.unsure = None
        return queue_id

    def without(self, queue_id: Any, *recipients: Any, **more: Any) -> Any:
        """Return the known state without recipients; ``more`` are replaced."""
        content, state = self.known[queue_id]
        state = {
            one: more.get("rest", found)
            for one, found in state.items()
            if one not in recipients
        }
        known = {key: one for key, one in self.known.items() if key != queue_id}
        return {**known, queue_id: (content, state)} if state else known

    def live(self) -> None:
        """Do a bit of everything."""
        try:
            self.spool.open()
        except (PowerLoss, TemporaryFailure):
            self.lost = True
            return
        a = self.add("a", SMALL, "a@x.example", "b@x.example", "c@y.example")
        b = self.add("b", LARGE, "a@x.example")
        parcels = self.do(self.spool.take_for("x.example", START, 1))
        if not self.lost:
            (parcel,) = parcels
            self.change(
                self.spool.record(
                    parcel, [Settled(0, DELIVERED), Settled(1, DEFERRED)], LATER
                ),
                {
                    **self.known,
                    a: (
                        self.known[a][0],
                        {
                            "b@x.example": (1, LATER, False),
                            "c@y.example": (0, START, False),
                        },
                    ),
                },
            )
        c = self.add("c", SMALL, "d@z.example")
        if not self.lost:
            self.change(self.spool.settle(c, [0], None), self.without(c, "d@z.example"))
        d = self.add("d", SMALL, "e@z.example")
        if not self.lost:
            held = {"rest": (0, START, True)}
            self.change(self.spool.hold(d, True), self.without(d, **held))
        for name in "efgh":
            self.add(name, SMALL, f"{name}@w.example")
        if not self.lost:
            self.change(self.spool.remove(b), self.without(b, "a@x.example"))
        self.add("i", LARGE, "i@w.example")
        self.do(self.spool.close())

    def found(self) -> Any:
        """Return what is there, in the form of ``known``."""
        found = {}
        for parcels in self.do(self.spool.entries(None, 1000)):
            content = self.do(self.spool.content(parcels[0].queue_id))
            octets = self.do(content.read(0, 10**6))
            content.close()
            found[parcels[0].queue_id] = (
                octets,
                {
                    str(one.path.address): (parcel.attempts, parcel.due, parcel.held)
                    for parcel in parcels
                    for one in parcel.recipients
                },
            )
        return found


def same(found: Any, wanted: Any) -> Any:
    """Tell whether two states are the same; ``?`` stands for a new ID."""
    named = {key: one for key, one in wanted.items() if key != "?"}
    others = [one for key, one in found.items() if key not in named]
    return {**found, **named} == found and others == [
        one for key, one in wanted.items() if key == "?"
    ]


class CrashTests(SpoolTestCase):
    """Whatever was answered is there after a crash; nothing is there twice."""

    def setUp(self) -> None:
        super().setUp()
        # Some contents are in files soon, some at the next checkpoint only.
        self.patch(store_module, "BEHIND", 2000)
        self.synced = b""
        sync = Index.sync

        def keep(index: Any) -> None:
            sync(index)
            path = f"{self.root}/spool/index"
            with open(path, "rb") as file:
                self.synced = file.read()

        self.patch(Index, "sync", keep)

    def fresh(self) -> Any:
        """Return an empty directory's system."""
        self.synced = b""
        self.root = os.path.abspath(self.mktemp())
        os.mkdir(self.root)
        return FaultyOS(self.root)

    def crash(self, life: Any, survives: Any, stale: Any) -> None:
        """Lose the power; with ``stale`` the index loses all since its last sync."""
        life.spool._store.close()
        with contextlib.suppress(PowerLoss):
            life.spool._journal.close()
        self.flushLoggedErrors()
        life.system.crash(survives)
        if stale and os.path.isdir(f"{self.root}/spool"):
            for name in os.listdir(f"{self.root}/spool"):
                if name.startswith("index"):
                    os.unlink(f"{self.root}/spool/{name}")
            if self.synced:
                with open(f"{self.root}/spool/index", "wb") as file:
                    file.write(self.synced)

    def check(self, life: Any) -> None:
        """Open the spool again and compare it with what was promised."""
        again = Life(self, life.system)
        again.spool.open()
        found = again.found()
        expected = [life.known] + ([life.unsure] if life.unsure is not None else [])
        self.assertTrue(
            any(same(found, one) for one in expected),
            f"{_short(found)} is none of {[_short(one) for one in expected]}",
        )
        self.assertEqual(
            sorted(os.listdir(f"{self.root}/spool/content")), sorted(found)
        )
        again.do(again.spool.close())

    def calls(self) -> Any:
        """Return how many calls a whole life makes."""
        life = Life(self, self.fresh())
        life.live()
        self.assertFalse(life.lost)
        self.check(life)
        return len(life.system.calls)

    def test_every_write(self) -> None:
        """The power goes at each call, and anything not flushed may survive."""
        ways = ((False, True), (True, False), (None, True), (None, False))
        for at in range(1, self.calls() + 1):
            for survives, stale in (ways[at % 2], ways[2 + at % 2]):
                life = Life(self, self.fresh())
                life.system.lose_power(at)
                life.live()
                self.crash(life, Random(at) if survives is None else survives, stale)
                self.check(life)

    def test_twice(self) -> None:
        """The power goes again at each call of the next start."""
        for first in (40, 75):
            at = 0
            while True:
                at += 1
                life = Life(self, self.fresh())
                life.system.lose_power(first)
                life.live()
                self.crash(life, Random(at), True)
                life.system.lose_power(at)
                second = Life(self, life.system)
                try:
                    second.spool.open()
                except (PowerLoss, TemporaryFailure):
                    self.crash(second, Random(at), at % 2 == 0)
                    self.check(life)
                    continue
                self.crash(second, Random(at), True)
                self.check(life)
                break

    def test_kill(self) -> None:
        """A process that is killed loses nothing, wherever it was."""
        for at in range(1, self.calls() + 1, 3):
            life = Life(self, self.fresh())
            life.system.lose_power(at)
            life.live()
            # What was written is in the system's memory: it all survives.
            self.crash(life, True, False)
            self.check(life)


def _short(state: Any) -> Any:
    return {key: (octets[:1], len(octets), one) for key, (octets, one) in state.items()}


class DiskFullTests(SpoolTestCase):
    """A full disk refuses new messages, and loses none."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(store_module, "BEHIND", 0)
        self.files = self.system = FaultyOS(self.root)
        self.spool = self.open_spool(journal_max=5000)

    def add(self, size: Any = SMALL) -> Any:
        """Queue a message."""
        return ensureDeferred(
            self.spool.add(
                envelope("a@x.example"), MemoryContent(octets_for("a", size)), START
            )
        )

    def contents(self) -> Any:
        """Return the octets of all messages."""
        found = []
        for parcels in self.successResultOf(
            ensureDeferred(self.spool.entries(None, 99))
        ):
            content = self.wait(self.spool.content(parcels[0].queue_id))
            found.append(self.wait(content.read(0, 10**6)))
            content.close()
        return found

    def wait(self, awaitable: Any) -> Any:
        return self.successResultOf(ensureDeferred(awaitable))

    def test_journal(self) -> None:
        """When the journal cannot be written nothing is kept."""
        self.wait_for_one()
        self.system.fail(errno.ENOSPC, "pwritev")
        self.failureResultOf(self.add(), InsufficientStorage)
        self.assertEqual(len(self.contents()), 1)
        self.wait_for_one()
        self.assertEqual(len(self.contents()), 2)

    def wait_for_one(self) -> None:
        """Queue a message that is taken."""
        self.successResultOf(self.add())

    def test_large(self) -> None:
        """When a large content cannot be written nothing is kept."""
        for name in ("writev", "fsync", "fsync_dir"):
            self.system.fail(errno.ENOSPC, name)
            self.failureResultOf(self.add(LARGE), InsufficientStorage)
        self.assertEqual(self.contents(), [])
        self.assertEqual(os.listdir(f"{self.root}/spool/content"), [])

    def test_large_and_journal(self) -> None:
        """The same when the journal fails after it."""
        self.system.fail(errno.EIO, "fdatasync")
        self.failureResultOf(self.add(LARGE), TemporaryFailure)
        self.assertEqual(os.listdir(f"{self.root}/spool/content"), [])

    def test_content_file(self) -> None:
        """A content file that cannot be written is written later."""
        self.system.fail(errno.ENOSPC, "writev", times=2)
        self.wait_for_one()
        self.assertEqual(self.contents(), [octets_for("a", SMALL)])
        self.wait_for_one()
        self.wait_for_one()
        self.assertEqual(len(os.listdir(f"{self.root}/spool/content")), 3)

    def test_file_cannot_be_removed(self) -> None:
        """A file that cannot be removed goes at the next start."""
        queue_id = self.successResultOf(self.add())
        self.system.fail(errno.EIO, "unlink")
        self.wait(self.spool.remove(queue_id))
        self.failureResultOf(ensureDeferred(self.spool.content(queue_id)), MessageGone)
        self.assertEqual(os.listdir(f"{self.root}/spool/content"), [queue_id])
        self.wait(self.spool.close())
        self.spool = self.open_spool()
        self.assertEqual(os.listdir(f"{self.root}/spool/content"), [])

    def test_recorded_state_survives(self) -> None:
        """All that an attempt left is there after a restart."""
        queue_id = self.successResultOf(self.add())
        (parcel,) = self.wait(self.spool.take(START, 1))
        outcome = Outcome(State.DEFERRED, "4.2.0", "450 busy", "mx", True)
        self.wait(self.spool.record(parcel, [Settled(0, outcome, True)], LATER))
        (before,) = self.wait(self.spool.entry(queue_id))
        self.wait(self.spool.close())
        self.spool = self.open_spool()
        self.assertEqual(self.wait(self.spool.entry(queue_id)), [before])
        self.assertEqual(before.recipients[0].last, outcome)
        self.assertTrue(before.recipients[0].warned)
