"""A file read again when it has changed; the last version that could be read stays.

Looking and reading happen in a thread, for a disk may be slow, and at most once
in a while, for logins may be many.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from twisted.logger import Logger

from mailframe.errors import TemporaryFailure
from mailframe.joined import Joined

_log = Logger()
_T = TypeVar("_T")

_INTERVAL = 1.0
"""Seconds for which what was read counts as fresh."""


class WatchedFile(Generic[_T]):
    """One file and what it means."""

    def __init__(
        self,
        path: str,
        parse: Callable[[bytes], _T],
        seconds: Callable[[], float],
        run: Callable[..., Awaitable[Any]],
    ) -> None:
        """Watch ``path``; it is first read when somebody asks.

        Args:
            path: The file.
            parse: Makes of its octets what they mean; called in a thread,
                raises nothing.
            seconds: A clock.
            run: Calls a function with arguments in a thread.
        """
        self._path = path
        self._parse = parse
        self._seconds = seconds
        self._run = run
        self._reading = Joined(self._look)
        self._looked: float | None = None
        self._version: tuple[int, ...] | None = None
        self._current: _T | None = None
        self._trouble = ""

    def expire(self) -> None:
        """Read the file again when it is next asked for, changed or not."""
        self._looked = self._version = None

    async def current(self) -> _T:
        """Return what the file means now, or did at most a second ago.

        Raises:
            TemporaryFailure: It could never be read yet.
        """
        looked = self._looked
        if looked is None or self._seconds() - looked >= _INTERVAL:
            await self._reading.run()
        if self._current is None:
            raise TemporaryFailure(f"{self._path} cannot be read")
        return self._current

    async def _look(self) -> None:
        try:
            found = await self._run(self._read_if_changed, self._version)
        except OSError as error:
            # Once for each trouble, not once a second.
            trouble = error.strerror or type(error).__name__
            if trouble != self._trouble:
                _log.error("{path}: {why}", path=self._path, why=trouble)
            self._trouble = trouble
        else:
            self._trouble = ""
            if found is not None:
                self._version, self._current = found
        self._looked = self._seconds()

    def _read_if_changed(
        self, known: tuple[int, ...] | None
    ) -> tuple[tuple[int, ...], _T] | None:
        """Return version and meaning, or ``None`` if the version is ``known``."""
        with open(self._path, "rb") as file:
            # Before reading: if somebody writes meanwhile, we read once more.
            status = os.fstat(file.fileno())
            version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            if version == known:
                return None
            return version, self._parse(file.read())
