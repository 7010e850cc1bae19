"""Secret octets of a host, made once and kept."""

import os
import secrets
import tempfile

OCTETS = 32


def kept_secret(path: str) -> bytes:
    """Return the octets in a file, which is made if it is not there.

    Of several processes that make it at a time all return the same.

    Args:
        path: The file; its directory is there. It is for its owner only.

    Raises:
        ValueError: It has too little in it; the text names it.
        OSError: It can neither be read nor made.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    directory = os.path.dirname(os.path.abspath(path))
    # Readable for nobody else from the beginning, and whole when it has its name.
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".secret-") as file:
        file.write(secrets.token_bytes(OCTETS))
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            pass
    return _read(path)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        found = file.read(4096)
    if len(found) < OCTETS:
        raise ValueError(f"{path}: fewer than {OCTETS} octets; remove it")
    return found
