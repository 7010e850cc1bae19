"""A table made from files, made anew when one of them has changed.

Looking and reading happen in a thread, at most once a second. A version that
is broken is told of once, with the line; the last good one stays.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from twisted.logger import Logger

from mailframe.delivery.lookups.broken import BrokenTable
from mailframe.errors import TemporaryFailure
from mailframe.joined import Joined
from mailframe.limits import AddressLimits

_log = Logger()
_T = TypeVar("_T")

_INTERVAL = 1.0
"""Seconds for which what was read counts as fresh."""

Version = tuple[tuple[int, ...] | None, ...]
"""What is known of some files: one item each, ``None`` for one not there."""


class FileReader:
    """Reads files for one version of a table, and remembers which."""

    def __init__(self, max_octets: int, max_files: int) -> None:
        """Begin.

        Args:
            max_octets: Of one file.
            max_files: How often a file may be read, the same ones included.
        """
        self._max_octets = max_octets
        self._max_files = self._left = max_files
        self.seen: dict[str, tuple[int, ...] | None] = {}

    def read(self, path: str) -> bytes:
        """Return the octets of a file.

        Raises:
            BrokenTable: It cannot be read, is too large, or one too many.
        """
        self._left -= 1
        if self._left < 0:
            raise BrokenTable(path, 0, f"more than {self._max_files} files")
        self.seen[path] = None
        try:
            with open(path, "rb") as file:
                # Before reading: if somebody writes meanwhile, we read once more.
                self.seen[path] = _version(os.fstat(file.fileno()))
                octets = file.read(self._max_octets + 1)
        except OSError as error:
            raise BrokenTable(path, 0, error.strerror or "not readable") from None
        if len(octets) > self._max_octets:
            raise BrokenTable(path, 0, f"larger than {self._max_octets} octets")
        return octets


class WatchedTable(Generic[_T]):
    """Files and what they mean, which a subclass says.

    Attributes:
        path: The main file.
    """

    def __init__(
        self,
        path: str,
        *,
        seconds: Callable[[], float],
        run: Callable[..., Awaitable[Any]],
        limits: AddressLimits | None = None,
    ) -> None:
        """Prepare; the files are first read when somebody asks.

        Args:
            path: The main file.
            seconds: A clock.
            run: Calls a function with arguments in a thread.
            limits: ``None`` for the defaults.
        """
        limits = limits or AddressLimits()
        self.path = path
        self._seconds = seconds
        self._run = run
        self._bounds = (limits.table_file, limits.includes + 1)
        self._reading = Joined(self._look)
        self._looked: float | None = None
        self._seen: dict[str, tuple[int, ...] | None] = {}
        self._current: _T | None = None

    def parse(self, reader: FileReader) -> _T:
        """Read the files and return what they mean; called in a thread.

        Raises:
            BrokenTable: They mean nothing.
        """
        raise NotImplementedError

    async def current(self) -> _T:
        """Return what the files mean now, or did at most a second ago.

        Raises:
            TemporaryFailure: They never meant anything yet.
        """
        looked = self._looked
        if looked is None or self._seconds() - looked >= _INTERVAL:
            await self._reading.run()
        if self._current is None:
            raise TemporaryFailure(f"{self.path} cannot be used")
        return self._current

    async def _look(self) -> None:
        seen, found, trouble = await self._run(self._read_if_changed, dict(self._seen))
        self._looked = self._seconds()
        if seen is None:
            return
        self._seen = seen
        if trouble is None:
            self._current = found
        elif self._current is None:
            _log.error("{why}", why=trouble)
        else:
            _log.error("{why}; the version before it stays in use", why=trouble)

    def _read_if_changed(
        self, known: dict[str, tuple[int, ...] | None]
    ) -> tuple[dict[str, tuple[int, ...] | None] | None, _T | None, str | None]:
        """Return what was seen, its meaning and the trouble with it."""
        if known and all(_look(path) == version for path, version in known.items()):
            return None, None, None
        reader = FileReader(*self._bounds)
        try:
            return reader.seen, self.parse(reader), None
        except BrokenTable as error:
            return reader.seen, None, str(error)


def _look(path: str) -> tuple[int, ...] | None:
    try:
        return _version(os.stat(path))
    except OSError:
        return None


def _version(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
