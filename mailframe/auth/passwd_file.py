"""Edit a passwd-file so that nobody ever reads half of it.

Every change replaces the whole file at once, under a lock among those who edit;
what is not changed stays octet for octet.
"""

import os
import stat
from collections.abc import Callable
from io import BytesIO

from mailframe.auth.edited_file import EditedFile
from mailframe.auth.passwd_line import is_name, name_of


class PasswdFile:
    """One passwd-file on disk. Its methods block; they are for the command line."""

    def __init__(self, path: str) -> None:
        """Edit ``path``; it need not exist yet, its directory must.

        Args:
            path: The file; a symbolic link is followed, not replaced.
        """
        self._file = EditedFile(path, _keep_owner_and_mode)

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
        return _lines(self._file.octets())

    def _change(self, change: Callable[[list[bytes]], list[bytes]]) -> None:
        self._file.rewrite(lambda octets: b"".join(change(_lines(octets))))


def _lines(octets: bytes) -> list[bytes]:
    """Return the lines, each with its line end if it has one."""
    return BytesIO(octets).readlines()


def _keep_owner_and_mode(path: str, file: int) -> None:
    try:
        old = os.stat(path)
    except FileNotFoundError:
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
