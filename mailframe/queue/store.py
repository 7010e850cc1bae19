"""The spool as its writer thread sees it: journal first, index and files behind.

A change is put into the journal with its batch. Only when the journal has it
is it applied to the index and the content files, in the order of the journal,
and without waiting for the disk. A checkpoint makes index and files durable
and lets the journal forget.

Source: docs/queue.rst.
"""

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice

from twisted.logger import Logger

from mailframe.errors import InsufficientStorage, MailError, TemporaryFailure
from mailframe.queue.content import ContentFiles, refusal
from mailframe.queue.index import Index
from mailframe.queue.parts import Batch, Files, Journal
from mailframe.queue.records import (
    Added,
    Change,
    message_number,
    pack,
    queue_id,
    unpack,
)

INDEX_FILE = "index"
CONTENT_DIRECTORY = "content"

CHUNK = 1000
"""Changes of one transaction of the index."""

BEHIND = 16_777_216
"""Octets of content that only the journal has on disk. Most mail is delivered
at once and never needs a file; making and removing one costs more than all
else (ext4 takes its time to use an inode again that was freed just now)."""

BEHIND_MAX = 67_108_864
"""The same when files cannot be written; beyond it no message is taken."""

PEEK_EACH = 65_536
"""Octets of a content that is read along when its message is handed out."""

PEEK_MAX = 4_194_304
"""The same of all that are handed out together."""


class _Noted:
    """A change that is on its way into the journal, or in it."""

    __slots__ = ("change",)

    def __init__(self, change: Change) -> None:
        self.change: Change | None = change

    def cancel(self) -> None:
        self.change = None


class Store:
    """Index and content files of one spool; for the writer thread.

    Attributes:
        contents: The content files.
    """

    _log = Logger()

    def __init__(
        self, directory: str, files: Files, sync: Callable[[str], None]
    ) -> None:
        """Say where; nothing is touched before :meth:`open`.

        Args:
            directory: The spool's own directory.
            files: How to change files.
            sync: Makes all that was written to the file system of a directory
                durable.
        """
        self.contents = ContentFiles(f"{directory}/{CONTENT_DIRECTORY}", files)
        self._directory = directory
        self._files = files
        self._sync = sync
        self._index: Index | None = None
        self._fresh: list[_Noted] = []
        self._ready: deque[_Noted] = deque()
        self._unwritten: dict[int, bytes] = {}
        self._ahead = 0

    def open(self, journal: Journal) -> int:
        """Replay the journal, remove what nobody knows, and begin to write.

        Returns:
            The highest number any message has or had.

        Raises:
            OSError: A directory or file cannot be used.
            sqlite3.Error: The index cannot be used.
            MailError: The journal cannot be written to.
        """
        self._make_directories()
        self._index = Index(f"{self._directory}/{INDEX_FILE}")
        try:
            highest = self._replay(journal)
            self._remove_orphans()
            journal.open()
            mark = journal.begin_checkpoint()
            self.carry_over()
            self.make_durable()
            journal.end_checkpoint(mark)
        except BaseException:
            self.close()
            raise
        return highest

    def _make_directories(self) -> None:
        for path in (self._directory, f"{self._directory}/{CONTENT_DIRECTORY}"):
            if not os.path.isdir(path):
                self._files.mkdir(path, 0o700)
            self._files.fsync_dir(os.path.dirname(os.path.abspath(path)))

    def _replay(self, journal: Journal) -> int:
        highest = octets = 0
        for record in journal.replay():
            change = unpack(record.kind, record.payload)
            if isinstance(change, Added):
                highest = max(highest, change.number)
                octets += len(change.octets or b"")
            self._ready.append(_Noted(change))
            if len(self._ready) >= CHUNK or octets > BEHIND:
                self._catch_up()
                octets = 0
        self._catch_up()
        return max(highest, self.index.highest())

    def _remove_orphans(self) -> None:
        """Remove files of messages that were never answered, or are gone."""
        known = set(self.index.numbers())
        for name in self.contents.names():
            if message_number(name) not in known:
                self._log.info("{name} belongs to no message: removed", name=name)
                self.contents.remove(name)

    def close(self) -> None:
        """Close the index."""
        if self._index is not None:
            self._index.close()
            self._index = None

    @property
    def index(self) -> Index:
        """The index, of messages that :meth:`catch_up` has brought there.

        Raises:
            TemporaryFailure: The spool is not open.
        """
        if self._index is None:
            raise TemporaryFailure("the spool is not open")
        return self._index

    def note(self, batch: Batch, change: Change) -> None:
        """Make a change durable with this batch, and apply it afterwards.

        Raises:
            TemporaryFailure: The content files are too far behind.
        """
        if isinstance(change, Added) and self._ahead > BEHIND_MAX:
            raise TemporaryFailure("content files cannot be written")
        noted = _Noted(change)
        batch.record(*_flat(change))
        self._fresh.append(noted)
        batch.before_sync(self, self._seal)
        batch.undo(noted.cancel)
        batch.afterwards(self._work_behind)

    def _seal(self) -> None:
        """The batch ends: what it noted is in the journal before the next one."""
        self._ready.extend(self._fresh)
        self._fresh.clear()

    def catch_up(self) -> None:
        """Apply all changes of earlier batches.

        Raises:
            TemporaryFailure: The index does not take them; they wait.
        """
        try:
            self._catch_up()
        except sqlite3.Error as error:
            self._log.error("the spool's index: {error!r}", error=error)
            raise _refused(error) from error

    def _work_behind(self) -> None:
        self.catch_up()

    def _catch_up(self) -> None:
        while self._ready:
            chunk = list(islice(self._ready, CHUNK))
            changes = [one.change for one in chunk if one.change is not None]
            gone = self.index.apply(changes)
            for change in changes:
                if isinstance(change, Added) and change.octets is not None:
                    self._drop_unwritten(change.number)
                    self._unwritten[change.number] = change.octets
                    self._ahead += len(change.octets)
            for number in gone:
                if not self._drop_unwritten(number):
                    self._remove(number)
            for _ in chunk:
                self._ready.popleft()
            self._write_contents(BEHIND)

    def _drop_unwritten(self, number: int) -> bool:
        octets = self._unwritten.pop(number, None)
        if octets is None:
            return False
        self._ahead -= len(octets)
        return True

    def _remove(self, number: int) -> None:
        try:
            self.contents.remove(queue_id(number))
        except OSError as error:
            # It goes when the spool is opened the next time.
            self._log.warn("removing a content file: {error}", error=error)

    def _write_contents(self, behind: int) -> bool:
        """Write content files, oldest first, until no more than that is left.

        Args:
            behind: Octets that may be left; -1 leaves no message, an empty one
                neither.

        Returns:
            Whether that could be done.
        """
        while self._unwritten and self._ahead > behind:
            number, octets = next(iter(self._unwritten.items()))
            try:
                self.contents.write(queue_id(number), octets)
            except OSError as error:
                self._log.error("a content file: {error}", error=error)
                return False
            del self._unwritten[number]
            self._ahead -= len(octets)
        return True

    def open_content(self, number: int) -> tuple[int, int] | bytes:
        """Open a message's content.

        Returns:
            A descriptor and the size, or the octets.

        Raises:
            MessageGone: There is no such message.
        """
        size = self.index.size(number)
        if number in self._unwritten:
            return self._unwritten[number]
        try:
            return self.contents.open(queue_id(number)), size
        except OSError as error:
            raise refusal(error) from error

    def peek(self, sizes: Mapping[int, int]) -> dict[int, bytes]:
        """Return the contents of small messages that are soon wanted.

        Args:
            sizes: Octets of each, by message.

        Returns:
            What could be had, up to ``PEEK_MAX`` octets.
        """
        found: dict[int, bytes] = {}
        left = PEEK_MAX
        for number, size in sizes.items():
            if size > PEEK_EACH:
                continue
            left -= size
            if left < 0:
                break
            octets = self._unwritten.get(number)
            if octets is None:
                octets = self.contents.read(queue_id(number), size)
            if octets is not None:
                found[number] = octets
        return found

    def carry_over(self) -> None:
        """Bring to index and files all that the journal has so far.

        Raises:
            MailError: The index, or a file, does not take it.
        """
        self.catch_up()
        if not self._write_contents(-1):
            raise TemporaryFailure("content files cannot be written")
        try:
            self.index.sync()
        except sqlite3.Error as error:
            raise _refused(error) from error

    def make_durable(self) -> None:
        """Wait until what was carried over is on the disk; from any thread.

        Raises:
            OSError: The disk failed.
        """
        self._sync(self._directory)


def _flat(change: Change) -> tuple[int, *tuple[bytes, ...]]:
    kind, pieces = pack(change)
    return kind, *pieces


def _refused(error: sqlite3.Error) -> MailError:
    """Return what a user may know of SQLite's refusal."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return InsufficientStorage(str(error))
    return TemporaryFailure(str(error))


def answered(error: sqlite3.Error) -> MailError:
    """Return what a user may know of a question the index did not answer."""
    return _refused(error)
