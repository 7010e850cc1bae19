"""Small files that hold what is to be known after a restart."""

import os
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Replace a file's content; after a crash it has the old or the new one.

    Raises:
        OSError: It cannot be written.
    """
    unfinished = path.with_suffix(".new")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
