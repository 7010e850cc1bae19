"""Small files that hold what is to be known after a restart."""

import os
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Replace a file's content; after a crash it has the old or the new one.

    Raises:
        OSError: It cannot be written.
    """
    _replace(path, text.encode(), 0o666)


def write_private(path: Path, octets: bytes) -> None:
    """The same for a file that nobody else ever sees half-written or readable.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    _replace(path, octets, 0o600)


def _replace(path: Path, octets: bytes, mode: int) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
