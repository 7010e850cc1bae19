"""What bounds backends that are asked elsewhere, as their files have it."""

from dataclasses import dataclass
from typing import Any

from mailframe.auth.toml_file import TOMLFile

LIMIT_KEYS = {
    "limits.waiting": "number",
    "limits.timeout": "number",
    "limits.give-up": "number",
    "limits.idle": "number",
    "cache.positive": "number",
    "cache.negative": "number",
}
"""Keys of their files, and their kind."""


@dataclass(frozen=True, slots=True)
class BackendLimits:
    """How long and how much; a backend with more of them has a subclass."""

    threads: int = 4
    """Questions asked at a time, and passwords verified."""
    waiting: int = 200
    """Questions that wait for their turn."""
    timeout: float = 5.0
    """Seconds for one answer of a server."""
    give_up: float = 15.0
    """Seconds for a whole question, waiting and every server included."""
    idle: float = 60.0
    """Seconds an unused connection is kept."""
    positive: float = 60.0
    """Seconds a user is remembered for; 0 for not at all."""
    negative: float = 10.0
    """Seconds an address nobody has is remembered for."""


def common_limits(file: TOMLFile) -> dict[str, Any]:
    """Return what a file says of those, but for the threads.

    Raises:
        ValueError: A number is out of its range.
    """
    default = BackendLimits()
    return {
        "waiting": int(file.number("limits.waiting", default.waiting, 0, 10_000)),
        "timeout": file.number("limits.timeout", default.timeout, 0.1, 60),
        "give_up": file.number("limits.give-up", default.give_up, 0.1, 120),
        "idle": file.number("limits.idle", default.idle, 0, 3600),
        "positive": file.number("cache.positive", default.positive, 0, 86_400),
        "negative": file.number("cache.negative", default.negative, 0, 86_400),
    }
