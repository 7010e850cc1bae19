"""TOML files, and one line when one cannot be read. For the adapters and above.

Source: https://toml.io/en/v1.0.0
"""

import tomllib
from os import PathLike
from typing import Any


def read_toml(path: str | PathLike[str]) -> dict[str, Any]:
    """Return what is in a file.

    Raises:
        ValueError: It cannot be read, or is not TOML; the text names it, and
            nothing of what stands there.
    """
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # Its text names the place, not what stands there.
        raise ValueError(f"{path}: {error}") from None
