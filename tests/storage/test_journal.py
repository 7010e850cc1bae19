"""Tests of :mod:`mailframe.storage.journal`: nothing answered is ever lost."""

import contextlib
import errno
import os
from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import InsufficientStorage, TemporaryFailure
from mailframe.storage import journal as journal_module
from mailframe.storage.journal import Journal, JournalBusy, Record, UnknownVersion
from mailframe.storage.os_layer import REAL, OSLayer
from mailframe.storage.records import HEAD_SIZE, HEADER_SIZE
from mailframe.testing.faults import FaultyOS, PowerLoss

Entry = tuple[int, Sequence[bytes]]


def entry(record: Record) -> Entry:
    """Return a record as something to write."""
    return record.kind, [record.payload]


class JournalTestCase(SynchronousTestCase):
    """A directory, and journals in it that are closed at the end."""

    def setUp(self) -> None:
        """Make the directory; take little space ahead, to be quick."""
        self.patch(journal_module, "ZEROS", bytes(64))
        self.root = self.mktemp()
        os.mkdir(self.root)
        self.directory = f"{self.root}/journal"

    def journal(self, os_layer: OSLayer = REAL, size_limit: int = 1000) -> Journal:
        """Return a journal in the directory, not open yet."""
        journal = Journal(self.directory, os_layer=os_layer, size_limit=size_limit)
        self.addCleanup(journal.close)
        return journal

    def opened(self, os_layer: OSLayer = REAL) -> Journal:
        """Return a journal ready for writing."""
        journal = self.journal(os_layer)
        list(journal.replay())
        journal.open()
        return journal

    def replayed(self) -> list[Record]:
        """Return what a new journal finds."""
        journal = self.journal()
        found = list(journal.replay())
        journal.close()
        return found

    def newest(self) -> str:
        """Return the path of the newest file."""
        numbers = [
            int(name.split(".")[1])
            for name in os.listdir(self.directory)
            if name.startswith("journal.") and not name.endswith(".corrupt")
        ]
        return f"{self.directory}/journal.{max(numbers)}"


class WriteTests(JournalTestCase):
    """What is written comes back, in order, at what it should cost."""

    def test_replayed_in_order(self) -> None:
        """Records of several files come back oldest first, as they were."""
        expected = []
        for number in range(3):
            journal = self.opened()
            journal.write([(7, [b"a", b"", b"%d" % number]), (255, [])])
            journal.write([(1, [bytes(3000)])])
            expected += [(7, b"a%d" % number), (255, b""), (1, bytes(3000))]
            journal.close()
        self.assertEqual(self.replayed(), expected)
        self.assertEqual(self.replayed(), expected)

    def test_many_pieces(self) -> None:
        """More pieces than one writev takes are written all the same."""
        journal = self.opened()
        journal.write([(1, [b"%d," % n for n in range(2500)])] * 2)
        journal.close()
        payload = b"".join(b"%d," % n for n in range(2500))
        self.assertEqual(self.replayed(), [(1, payload)] * 2)

    def test_short_write(self) -> None:
        """A write that takes only a part is continued where it stopped."""

        class Sluggish(OSLayer):
            def pwritev(self, fd: int, pieces: Sequence[bytes], offset: int) -> int:
                return os.pwrite(fd, b"".join(pieces)[:7], offset)

        journal = self.opened(Sluggish())
        journal.write([(1, [b"abc", b"", b"defghijk" * 3]), (2, [b"x"])])
        journal.close()
        self.assertEqual(self.replayed(), [(1, b"abc" + b"defghijk" * 3), (2, b"x")])

    def test_one_write_one_sync(self) -> None:
        """A batch costs one write and one fdatasync, no name is synced."""
        system = FaultyOS(self.root)
        journal = self.opened(system)
        del system.calls[:]
        journal.write([(1, [b"abc", b"def"])] * 16)
        self.assertEqual(system.calls, ["pwritev", "fdatasync"])

    def test_permissions(self) -> None:
        """Mail is nobody else's: the directory is 0700, files are 0600."""
        self.opened()
        self.assertEqual(os.stat(self.directory).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(self.newest()).st_mode & 0o777, 0o600)

    def test_kind_bounds(self) -> None:
        """Kind 0 would look like space not written yet; 256 has no room."""
        journal = self.opened()
        for kind in (0, 256, -1):
            self.assertRaises(ValueError, journal.write, [(kind, [b""])])

    def test_busy(self) -> None:
        """Two journals never share a directory."""
        first = self.opened()
        self.assertRaises(JournalBusy, self.journal().replay)
        self.assertRaises(JournalBusy, self.journal().open)
        first.close()
        self.opened()

    def test_clean_end_leaves_nothing(self) -> None:
        """A journal without records leaves no file behind."""
        journal = self.opened()
        journal.write([(1, [b"x"])])
        journal.end_checkpoint(journal.begin_checkpoint())
        journal.close()
        self.assertEqual(os.listdir(self.directory), ["lock"])


class CheckpointTests(JournalTestCase):
    """What the owner made durable is forgotten, nothing else is."""

    def test_forgets_older(self) -> None:
        """Only what was written since the checkpoint began is left."""
        journal = self.opened()
        journal.write([(1, [b"old"])])
        mark = journal.begin_checkpoint()
        journal.write([(1, [b"new"])])
        journal.end_checkpoint(mark)
        journal.close()
        self.assertEqual(self.replayed(), [(1, b"new")])

    def test_full(self) -> None:
        """A checkpoint is due beyond the limit, and not after it began."""
        journal = self.opened()
        journal.write([(1, [bytes(500)])])
        self.assertFalse(journal.full())
        journal.write([(1, [bytes(500)])])
        self.assertTrue(journal.full())
        journal.begin_checkpoint()
        self.assertFalse(journal.full())

    def test_replayed_files(self) -> None:
        """A checkpoint right after the start forgets what was replayed."""
        journal = self.opened()
        journal.write([(1, [b"x"])])
        journal.close()
        journal = self.opened()
        journal.end_checkpoint(journal.begin_checkpoint())
        journal.close()
        self.assertEqual(self.replayed(), [])

    def test_needs_no_space(self) -> None:
        """A full disk does not keep a checkpoint from freeing the journal."""
        system = FaultyOS(self.root)
        journal = self.opened(system)
        journal.write([(1, [b"x"])])
        system.fail(errno.ENOSPC, "open", times=1000)
        system.fail(errno.ENOSPC, "pwritev", times=1000)
        journal.end_checkpoint(journal.begin_checkpoint())
        self.assertEqual(os.listdir(self.directory), ["lock"])

    def test_removal_fails(self) -> None:
        """An older file that cannot be removed goes with the next checkpoint."""
        for call in ("unlink", "fsync_dir"):
            system = FaultyOS(self.root)
            journal = self.opened(system)
            journal.write([(1, [b"x"])])
            system.fail(errno.EIO, call)
            mark = journal.begin_checkpoint()
            self.assertRaises(TemporaryFailure, journal.end_checkpoint, mark)
            journal.end_checkpoint(journal.begin_checkpoint())
            journal.close()
            self.assertEqual(self.replayed(), [])


class DamageTests(JournalTestCase):
    """A torn end is cut; damage further up costs only what is behind it."""

    def write_file(self, records: Sequence[Entry]) -> bytes:
        """Make one closed file, and return its octets."""
        journal = self.opened()
        journal.write(records)
        journal.close()
        with open(self.newest(), "rb") as file:
            return file.read()

    def replace(self, octets: bytes) -> None:
        """Put other octets into the newest file."""
        with open(self.newest(), "wb") as file:
            file.write(octets)

    def test_torn_at_every_octet(self) -> None:
        """Wherever the last record is torn, those before it come back."""
        whole = self.write_file([(1, [b"first"]), (2, [b"second"]), (3, [b"x" * 40])])
        kept: list[tuple[int, bytes]] = [(1, b"first"), (2, b"second")]
        for torn in range(len(whole) - HEAD_SIZE - 40, len(whole)):
            for rest in (b"", bytes(len(whole) - torn), b"\xff" * (len(whole) - torn)):
                self.replace(whole[:torn] + rest)
                self.assertEqual(self.replayed(), kept, torn)
                self.assertEqual(self.replayed(), kept, torn)

    def test_torn_header(self) -> None:
        """A file whose header did not reach the disk is an empty file."""
        whole = self.write_file([(1, [b"first"])])
        for torn in range(HEADER_SIZE):
            self.replace(whole[:torn])
            self.assertEqual(self.replayed(), [], torn)

    def test_goes_on_after_cut(self) -> None:
        """Records written after a torn end was cut off are found."""
        whole = self.write_file([(1, [b"first"]), (2, [b"second"])])
        self.replace(whole[:-1])
        journal = self.opened()
        journal.write([(3, [b"third"])])
        journal.close()
        self.assertEqual(self.replayed(), [(1, b"first"), (3, b"third")])

    def test_older_file_kept_aside(self) -> None:
        """A damaged older file gives what precedes the damage, until kept aside."""
        whole = self.write_file([(1, [b"first"]), (2, [b"second"]), (3, [b"third"])])
        damaged = whole.replace(b"second", b"sekond")
        self.replace(damaged)
        older = self.newest()
        journal = self.journal()
        journal.open()
        journal.write([(4, [b"fourth"])])
        journal.close()
        expected: list[Record] = [Record(1, b"first"), Record(4, b"fourth")]
        self.assertEqual(self.replayed(), expected)
        journal = self.journal()
        self.assertEqual(list(journal.replay()), expected)
        journal.open()
        journal.end_checkpoint(journal.begin_checkpoint())
        journal.close()
        self.assertEqual(self.replayed(), [])
        with open(f"{older}.corrupt", "rb") as file:
            self.assertEqual(file.read(), damaged)

    def test_octets_of_another_file(self) -> None:
        """An intact record of another journal file does not count in this one."""
        first = self.write_file([(1, [b"first"]), (2, [b"stale!"])])
        second = self.write_file([(1, [b"other"]), (2, [b"second"])])
        at = HEADER_SIZE + HEAD_SIZE + 5
        self.replace(second[:at] + first[at:])
        found = self.replayed()
        self.assertEqual(found[2:], [(1, b"other")])

    def test_said_once(self) -> None:
        """Cutting a torn end is logged once, with place and file."""
        whole = self.write_file([(1, [b"first"]), (2, [b"second"])])
        self.replace(whole[:-1])
        with capturedLogs() as events:
            self.replayed()
            self.replayed()
        said = [formatEvent(event) for event in events]
        end = len(whole) - HEAD_SIZE - 6
        expected = f"{self.newest()} ends in a torn record, cut at octet {end}"
        self.assertEqual(said, [expected])

    def test_absurd_length(self) -> None:
        """A length that was never written is not believed."""
        whole = self.write_file([(1, [b"first"])])
        self.replace(whole + b"\xff" * 40)
        self.assertEqual(self.replayed(), [(1, b"first")])

    def test_unknown_version(self) -> None:
        """A file of a later version is left alone, and the start stops."""
        whole = self.write_file([(1, [b"first"])])
        later = whole[:8] + b"\x02" + whole[9:]
        self.replace(later)
        self.assertRaises(UnknownVersion, self.replayed)
        with open(self.newest(), "rb") as file:
            self.assertEqual(file.read(), later)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=50)), min_size=1),
        st.data(),
    )
    def test_any_octet_changed(
        self, records: list[tuple[int, bytes]], data: st.DataObject
    ) -> None:
        """One changed octet costs its record and what follows, nothing before."""
        self.directory = f"{self.mktemp()}"
        whole = self.write_file([(kind, [payload]) for kind, payload in records])
        at = data.draw(st.integers(HEADER_SIZE, len(whole) - 1))
        flip = data.draw(st.integers(1, 255))
        self.replace(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
        before, end = 0, HEADER_SIZE
        for _, payload in records:
            end += HEAD_SIZE + len(payload)
            before += end <= at
        self.assertEqual(self.replayed(), records[:before])


class FailureTests(JournalTestCase):
    """An error is answered as one, and what was durable before stays so."""

    def setUp(self) -> None:
        """Make a journal with one record on a disk that can fail."""
        super().setUp()
        self.system = FaultyOS(self.root)
        self.writing = self.opened(self.system)
        self.writing.write([(1, [b"first"])])

    def after_crash(self) -> list[Record]:
        """Lose what was not synced, and return what is replayed."""
        self.writing.close()
        self.system.crash()
        return self.replayed()

    def test_disk_full(self) -> None:
        """A full disk is said so; nothing of the batch is kept; then it goes on."""
        for code in (errno.ENOSPC, errno.EDQUOT):
            self.system.fail(code, "pwritev", short=True)
            with self.assertRaises(InsufficientStorage):
                self.writing.write([(2, [b"second" * 20])])
        self.writing.write([(3, [b"third"])])
        self.assertEqual(self.after_crash(), [(1, b"first"), (3, b"third")])

    def test_nothing_left_of_a_failed_batch(self) -> None:
        """A whole record of a failed batch never follows a shorter good one."""
        self.system.fail(errno.ENOSPC, "pwritev", short=True)
        with self.assertRaises(InsufficientStorage):
            self.writing.write([(2, [b"a" * 9]), (2, [b"b" * 9]), (2, [bytes(400)])])
        self.writing.write([(3, [b"c" * 9])])
        with open(self.newest(), "rb") as file:
            octets = file.read()
        self.writing.close()
        with open(self.newest(), "wb") as file:
            file.write(octets)  # as it was before close() tidied it
        self.assertEqual(self.replayed(), [(1, b"first"), (3, b"c" * 9)])

    def test_disk_fails(self) -> None:
        """Another error of a write is temporary, and does not say "full"."""
        self.system.fail(errno.EIO, "pwritev")
        with self.assertRaises(TemporaryFailure) as caught:
            self.writing.write([(2, [b"second"])])
        self.assertNotIsInstance(caught.exception, InsufficientStorage)
        self.writing.write([(3, [b"third"])])
        self.assertEqual(self.after_crash(), [(1, b"first"), (3, b"third")])

    def test_sync_fails(self) -> None:
        """After a failed sync the file is left: a later one would prove nothing."""
        before = self.newest()
        self.system.fail(errno.EIO, "fdatasync")
        with self.assertRaises(TemporaryFailure):
            self.writing.write([(2, [b"second"])])
        self.writing.write([(3, [b"third"])])
        self.assertNotEqual(self.newest(), before)
        self.assertEqual(self.after_crash(), [(1, b"first"), (3, b"third")])

    def test_cutting_back_fails(self) -> None:
        """A file that cannot be cut back is left, and not written to again."""
        self.system.fail(errno.ENOSPC, "pwritev", short=True)
        self.system.fail(errno.EIO, "truncate")
        with self.assertRaises(InsufficientStorage):
            self.writing.write([(2, [b"second" * 20])])
        self.writing.write([(3, [b"third"])])
        self.assertEqual(self.after_crash(), [(1, b"first"), (3, b"third")])

    def test_no_new_file(self) -> None:
        """While no new file can be begun each write fails; then it goes on."""
        self.system.fail(errno.EIO, "fdatasync")
        with self.assertRaises(TemporaryFailure):
            self.writing.write([(2, [b"second"])])
        for call in ("open", "pwritev", "fdatasync", "fsync_dir"):
            self.system.fail(errno.ENOSPC, call)
            with self.assertRaises(InsufficientStorage):
                self.writing.write([(2, [b"second"])])
        self.writing.write([(3, [b"third"])])
        self.assertEqual(self.after_crash(), [(1, b"first"), (3, b"third")])

    def test_cannot_open(self) -> None:
        """A journal that cannot begin says why in mail terms."""
        self.writing.close()
        self.system.fail(errno.ENOSPC, "pwritev")
        self.assertRaises(InsufficientStorage, self.journal(self.system).open)


class Owner:
    """Keeps records the way a store does, and knows what may not be lost.

    Attributes:
        begun: All that was ever given to the journal, in order.
        answered: What was answered, so that it must not be lost.
        durable: What a checkpoint made durable here.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.begun: list[bytes] = []
        self.answered: list[bytes] = []
        self.durable: list[bytes] = []

    def live(self, journal: Journal, batches: int) -> None:
        """Start, write and make checkpoints until the power goes."""
        self.take_over([payload for _, payload in journal.replay()])
        journal.open()
        self.checkpoint(journal)
        for _ in range(batches):
            batch = [b"%d" % (len(self.begun) + n) for n in range(3)]
            self.begun += batch
            if journal.wants_spare():
                journal.make_spare()
            journal.write([(1, [text, b"." * 30]) for text in batch])
            self.answered += batch
            if journal.full():
                self.checkpoint(journal)
        journal.close()

    def checkpoint(self, journal: Journal) -> None:
        """Make everything durable here, and let the journal forget."""
        mark = journal.begin_checkpoint()
        self.durable = list(self.answered)
        journal.end_checkpoint(mark)

    def take_over(self, payloads: list[bytes]) -> None:
        """Check what is replayed, and take it as answered.

        Raises:
            AssertionError: Something is lost, invented or out of order.
        """
        found = [payload.rstrip(b".") for payload in payloads]
        places = [self.begun.index(text) for text in found]
        if places != sorted(set(places)):
            raise AssertionError(f"out of order: {found}")
        due = [text for text in self.answered if text not in self.durable]
        if missing := [text for text in due if text not in found]:
            raise AssertionError(f"lost: {missing}")
        if found and found[0] in self.answered:
            since = self.answered[self.answered.index(found[0]) :]
            if found[: len(since)] != since:
                raise AssertionError(f"a gap: {found}")
        for text in found:
            if text not in self.answered:
                self.answered.append(text)


class CrashTests(JournalTestCase):
    """Power may go at any call: what was answered is replayed, in order."""

    def live(self, owner: Owner, system: FaultyOS, batches: int = 12) -> bool:
        """Run until done or until the power goes; say whether it went."""
        journal = Journal(self.directory, os_layer=system, size_limit=400)
        try:
            owner.live(journal, batches)
        except PowerLoss:
            with contextlib.suppress(PowerLoss):
                journal.close()
            return True
        return False

    def test_at_every_call(self) -> None:
        """The power goes once, at each call; all, nothing or some survives."""
        system = FaultyOS(self.root)
        self.live(Owner(), system)
        calls = len(system.calls)
        self.assertGreater(calls, 40)
        for at in range(1, calls + 1):
            for survives in (False, True, Random(at), Random(-at)):
                self.root = self.mktemp()
                os.mkdir(self.root)
                self.directory = f"{self.root}/journal"
                system, owner = FaultyOS(self.root), Owner()
                system.lose_power(at)
                self.assertTrue(self.live(owner, system), at)
                system.crash(survives)
                self.assertFalse(self.live(owner, system, 3), at)
                system.crash(False)
                self.assertFalse(self.live(owner, system, 0), at)

    def test_killed_then_power_loss(self) -> None:
        """What was replayed once is durable, though it was never synced before."""
        system = FaultyOS(self.root)
        journal = self.opened(system)
        self.killed_at_sync(journal, system)
        journal = self.journal(system)
        self.assertEqual(list(journal.replay()), [(1, b"x")])
        journal.close()
        system.crash(False)
        self.assertEqual(self.replayed(), [(1, b"x")])

    def killed_at_sync(self, journal: Journal, system: FaultyOS) -> None:
        """Write a record, and be killed before it is synced."""
        lock = journal._lock
        assert lock is not None

        def kill(fd: int) -> None:
            os.close(lock)
            journal._fd = journal._lock = None
            raise InterruptedError

        patched = self.patch(system, "fdatasync", kill)
        self.patch(journal, "_cut_back", lambda fd: None)
        try:
            journal.write([(1, [b"x"])])
        except TemporaryFailure:
            patched.restore()

    def test_again_and_again(self) -> None:
        """It goes during replay and cutting as well, many times over."""
        random = Random(1)
        system, owner = FaultyOS(self.root), Owner()
        for _ in range(150):
            system.lose_power(random.randint(1, 50))
            self.live(owner, system, 30)
            system.crash(random)
        self.assertGreater(len(owner.answered), 300)
