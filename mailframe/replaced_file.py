"""Replace a small file, so that nobody ever reads half of it.

For the adapters: what the host keeps for after a restart, and what an
administrator's command changes. Everything here blocks.
"""

import os
from collections.abc import Callable
from secrets import token_hex


def replace_file(
    path: str | os.PathLike[str],
    octets: bytes,
    keep: Callable[[int], None] | None = None,
) -> None:
    """Give a file other content; after a crash it has the old or the new one.

    It is for its owner only, if ``keep`` does not say otherwise.

    Args:
        path: The file, which need not exist; its directory must. A symbolic link
            is replaced, not followed.
        octets: The whole content.
        keep: Is shown the descriptor of the new file before it has its name, to
            give it what the old one had.

    Raises:
        OSError: It cannot be written; what was there stays, and nothing else.
    """
    directory, base = os.path.split(os.path.abspath(path))
    # Of several that replace it at a time each has its own.
    unfinished = os.path.join(directory, f".{base}.{token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            if keep is not None:
                keep(descriptor)
            file.flush()
            os.fsync(descriptor)
        os.rename(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
    # The new name is on disk only when its directory is.
    parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
