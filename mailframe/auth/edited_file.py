"""A file that is replaced whole, so that nobody ever reads half of it.

For what the ``mailframe`` command keeps and a running host reads. Everything
here blocks.
"""

import fcntl
import os
from collections.abc import Callable

from mailframe.replaced_file import replace_file

_MODE = 0o600


class EditedFile:
    """One file that is edited under a lock among those who do."""

    def __init__(
        self, path: str, keep: Callable[[str, int], None] | None = None
    ) -> None:
        """Edit ``path``; it need not exist yet, its directory must.

        Args:
            path: The file; a symbolic link is followed, not replaced.
            keep: Gives the descriptor of a new file what the old one had;
                ``None``: its owner, and nobody else may read it.
        """
        self.path = os.path.realpath(path)
        self._keep = keep or _keep_owner

    def make(self) -> None:
        """Make an empty file if there is none.

        Raises:
            OSError: It cannot be made.
        """
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, _MODE))

    def octets(self) -> bytes:
        """Return the content; nothing without a file.

        Raises:
            OSError: The file cannot be read.
        """
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def lines(self) -> list[str]:
        """Return the lines without their ends; none without a file.

        Raises:
            OSError: The file cannot be read.
        """
        return _lines(self.octets())

    def change(self, change: Callable[[list[str]], list[str]]) -> None:
        """Replace the lines by what ``change`` makes of them; as :meth:`rewrite`."""

        def changed(octets: bytes) -> bytes:
            text = "".join(f"{line}\n" for line in change(_lines(octets)))
            return text.encode("utf-8", "surrogateescape")

        self.rewrite(changed)

    def rewrite(self, change: Callable[[bytes], bytes]) -> None:
        """Replace the content by what ``change`` makes of it; nobody else edits.

        If it raises, nothing was changed.

        Raises:
            OSError: The file cannot be read or replaced; nothing was changed.
        """
        # Not the file itself, which the next change replaces.
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, _MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            replace_file(self.path, change(self.octets()), self._kept)
        finally:
            os.close(lock)

    def _kept(self, file: int) -> None:
        self._keep(self.path, file)


def _lines(octets: bytes) -> list[str]:
    return octets.decode("utf-8", "surrogateescape").splitlines()


def _keep_owner(path: str, file: int) -> None:
    """Leave a file to the host, when the administrator edits it.

    Args:
        path: The file.
        file: The descriptor of what is to replace it.
    """
    try:
        old = os.stat(path)
    except FileNotFoundError:
        # A host that runs as another user owns its directory.
        old = os.stat(os.path.dirname(path))
    new = os.fstat(file)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) and not os.geteuid():
        os.fchown(file, old.st_uid, old.st_gid)
