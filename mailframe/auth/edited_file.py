"""A file of lines that is replaced whole, so that nobody ever reads half of it.

For what the ``mailframe`` command keeps and a running host reads. Everything
here blocks.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable

_MODE = 0o600


class EditedFile:
    """One file, ours alone to read."""

    def __init__(self, path: str) -> None:
        """Edit ``path``; it need not exist yet, its directory must.

        Args:
            path: The file; a symbolic link is followed, not replaced.
        """
        self.path = os.path.realpath(path)

    def make(self) -> None:
        """Make an empty file if there is none.

        Raises:
            OSError: It cannot be made.
        """
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, _MODE))

    def lines(self) -> list[str]:
        """Return the lines without their ends; none without a file.

        Raises:
            OSError: The file cannot be read.
        """
        try:
            with open(self.path, encoding="utf-8", errors="surrogateescape") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def change(self, change: Callable[[list[str]], list[str]]) -> None:
        """Replace the lines by what ``change`` makes of them; nobody else edits.

        If it raises, nothing was changed.

        Raises:
            OSError: The file cannot be read or replaced; nothing was changed.
        """
        # Not the file itself, which the next change replaces.
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, _MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._replace(change(self.lines()))
        finally:
            os.close(lock)

    def _replace(self, lines: list[str]) -> None:
        directory, base = os.path.split(self.path)
        file, temporary = tempfile.mkstemp(prefix=f".{base}.", dir=directory)
        try:
            text = "".join(f"{line}\n" for line in lines)
            with os.fdopen(file, "wb") as new:
                new.write(text.encode("utf-8", "surrogateescape"))
                self._keep_owner(new.fileno())
                new.flush()
                os.fsync(new.fileno())
            os.rename(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise
        # The new name is on disk only when its directory is.
        parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)

    def _keep_owner(self, file: int) -> None:
        """Leave the file to the host, when the administrator edits it."""
        try:
            old = os.stat(self.path)
        except FileNotFoundError:
            # A host that runs as another user owns its directory.
            old = os.stat(os.path.dirname(self.path))
        new = os.fstat(file)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) and not os.geteuid():
            os.fchown(file, old.st_uid, old.st_gid)
