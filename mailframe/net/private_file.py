"""Files with secrets of the host's own."""

import os
from pathlib import Path


def write_private(path: Path, octets: bytes) -> None:
    """Write a file that nobody else ever sees half-written or readable.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
