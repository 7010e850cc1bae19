"""Edit a passwd-file so that nobody ever reads half of it.

Every change replaces the whole file at once, under a lock among those who edit;
what is not changed stays octet for octet.
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailframe.auth.passwd_line import is_name, name_of

_NEW_MODE = 0o600


class PasswdFile:
    """One passwd-file on disk. Its methods block; they are for the command line."""

    def __init__(self, path: str) -> None:
        """Edit ``path``; it need not exist yet, its directory must.

        Args:
            path: The file; a symbolic link is followed, not replaced.
        """
        self._path = os.path.realpath(path)

    def names(self) -> list[str]:
        """Return the names of all users, in the file's order; none without a file.

        Raises:
            OSError: The file cannot be read.
        """
        names = map(name_of, self._lines())
        return [name for name in names if name is not None]

    def check_new(self, name: str) -> None:
        """Do nothing if :meth:`add` would take the name now.

        Raises:
            ValueError: As :meth:`add`.
            OSError: The file cannot be read.
        """
        _check_new(self._lines(), name)

    def check_known(self, name: str) -> None:
        """Do nothing if there is such a user now.

        Raises:
            ValueError: There is not.
            OSError: The file cannot be read.
        """
        _numbers(self._lines(), name)

    def add(self, name: str, stored: str) -> None:
        """Add a user at the end.

        Args:
            name: ``local@domain``, or a local part alone, which belongs to the
                default domain of the host.
            stored: ``{SCHEME}hash``.

        Raises:
            ValueError: The name cannot be one, or there is such a user, be it
                with a difference in case; nothing was changed.
            OSError: The file cannot be read or replaced; nothing was changed.
        """

        def added(lines: list[bytes]) -> list[bytes]:
            _check_new(lines, name)
            if lines and not lines[-1].endswith(b"\n"):
                lines.append(b"\n")
            return [*lines, f"{_lowered(name)}:{stored}\n".encode()]

        self._change(added)

    def set_password(self, name: str, stored: str) -> None:
        """Give a user another password; the rest of the line stays.

        Raises:
            ValueError: There is no such user; nothing was changed.
            OSError: The file cannot be read or replaced; nothing was changed.
        """

        def changed(lines: list[bytes]) -> list[bytes]:
            number = _numbers(lines, name)[0]
            line = lines[number].rstrip(b"\r\n")
            end = lines[number][len(line) :]
            user, _, *rest = line.split(b":", 2)
            lines[number] = b":".join((user, stored.encode(), *rest)) + end
            return lines

        self._change(changed)

    def remove(self, name: str) -> None:
        """Remove every line of a user.

        Raises:
            ValueError: There is no such user; nothing was changed.
            OSError: The file cannot be read or replaced; nothing was changed.
        """

        def removed(lines: list[bytes]) -> list[bytes]:
            gone = _numbers(lines, name)
            return [line for number, line in enumerate(lines) if number not in gone]

        self._change(removed)

    def _lines(self) -> list[bytes]:
        """Return the lines, each with its line end if it has one."""
        try:
            with open(self._path, "rb") as file:
                return file.readlines()
        except FileNotFoundError:
            return []

    def _change(self, change: Callable[[list[bytes]], list[bytes]]) -> None:
        with self._locked():
            self._replace(change(self._lines()))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Not the file itself, which the next change replaces.
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, _NEW_MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _replace(self, lines: list[bytes]) -> None:
        """Make the file consist of ``lines``, or leave it as it was."""
        directory, base = os.path.split(self._path)
        file, temporary = tempfile.mkstemp(prefix=f".{base}.", dir=directory)
        try:
            with os.fdopen(file, "wb") as new:
                new.writelines(lines)
                self._keep_owner_and_mode(new.fileno())
                new.flush()
                os.fsync(new.fileno())
            os.rename(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise
        # The new name is on disk only when its directory is.
        parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)

    def _keep_owner_and_mode(self, file: int) -> None:
        try:
            old = os.stat(self._path)
        except FileNotFoundError:
            os.fchmod(file, _NEW_MODE)
            return
        new = os.fstat(file)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.fchown(file, old.st_uid, old.st_gid)
        # After the owner, which may clear bits of it.
        os.fchmod(file, stat.S_IMODE(old.st_mode))


def _lowered(name: str) -> str:
    """Return the name with its domain in lower case."""
    local, at, domain = name.rpartition("@")
    return f"{local}@{domain.lower()}" if at else name


def _check_new(lines: list[bytes], name: str) -> None:
    """Do nothing if a user of this name can be added.

    Raises:
        ValueError: The name cannot be one, or is taken.
    """
    if not is_name(name):
        raise ValueError(f"{name!r} cannot be the name of a user")
    for other in map(name_of, lines):
        if other is not None and other.casefold() == name.casefold():
            raise ValueError(f"there is a user {other} already")


def _numbers(lines: list[bytes], name: str) -> list[int]:
    """Return which lines are the user's; one at least.

    Raises:
        ValueError: There is no such user.
    """
    found = [
        number
        for number, other in enumerate(map(name_of, lines))
        if other is not None and _lowered(other) == _lowered(name)
    ]
    if not found:
        raise ValueError(f"there is no user {name}")
    return found
