"""What the log says of a checker that broke: where, and nothing it was given.

The text of an error can repeat a password, as ``KeyError`` does with a key.
"""

import traceback
from typing import Any

from twisted.logger import Logger

_log = Logger()


def tell_of(checker: Any, error: BaseException) -> None:
    """Write down that a checker broke, with the places and without the text."""
    places = "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    _log.critical(
        "{checker} failed: {kind} at\n{places}",
        checker=type(checker).__name__,
        kind=type(error).__name__,
        places=places,
    )
